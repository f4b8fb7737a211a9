//! Just enough of Rust's grammar to judge a source text by its code alone.

mod mask;
mod non_test;
mod paths;

pub(crate) use mask::mask;
pub(crate) use non_test::{is_test_only, non_test, test_files};
pub(crate) use paths::{Named, crate_paths, modules, re_exports};

/// Whether `byte` can be part of an identifier.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The identifier that starts at `start`, or an empty one.
fn ident(code: &str, start: usize) -> &str {
    let rest = &code[start..];
    let end = rest.bytes().position(|byte| !is_word(byte)).unwrap_or(rest.len());
    &rest[..end]
}

/// The places where `word` stands alone, not as a part of a longer identifier.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let bytes = code.as_bytes();
        let before = at.checked_sub(1).is_none_or(|i| !is_word(bytes[i]));
        before && bytes.get(at + word.len()).is_none_or(|&byte| !is_word(byte))
    })
}

/// The line, from 1, that holds the byte `at`.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count()
}

/// The place of the bracket that closes the one at `open`, in masked code.
fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (i, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

/// The parts of a list, cut at the commas outside brackets.
fn split_list(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0usize, 0);
    for (i, byte) in list.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&list[from..i]);
                from = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[from..]);
    parts
}

/// The place from `start` on that is no blank.
fn skip_blanks(code: &str, start: usize) -> usize {
    start + code[start..].bytes().take_while(u8::is_ascii_whitespace).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_alone() {
        assert_eq!(words("mode mod mod_x xmod mod", "mod").collect::<Vec<_>>(), [5, 20]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }

    #[test]
    fn brackets_close_in_pairs() {
        assert_eq!(closing("f(a[0], {b})", 1), Some(11));
        assert_eq!(closing("f(a", 1), None);
    }
}
