//! Generated text between two lines of a hand-written file.

use anyhow::{Result, anyhow};

/// `text` with `body` between the lines `begin` and `end`.
pub(crate) fn between(text: &str, begin: &str, end: &str, body: &str) -> Result<String> {
    let missing = || anyhow!("the lines `{begin}` and `{end}` must stand in it, in this order");
    let (before, rest) = text.split_once(begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = "# A\n\n<a>\nold\n</a>\n\nB\n";
        let new = between(text, "<a>", "</a>", "new\n").unwrap();
        assert_eq!(new, "# A\n\n<a>\n\nnew\n\n</a>\n\nB\n");
        assert_eq!(between(&new, "<a>", "</a>", "new").unwrap(), new);
        assert!(between("no markers", "<a>", "</a>", "new").is_err());
        assert!(between("</a> <a>", "<a>", "</a>", "new").is_err());
    }
}
