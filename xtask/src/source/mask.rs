//! Comments, strings and character literals turned into blanks.
//!
//! Every byte keeps its place and every line its number, so that a place found in the masked
//! text is a place in the source.

use super::is_word;

/// `text` with each byte of a comment, string or character literal replaced by a blank.
pub(crate) fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut i = 0;
    while i < bytes.len() {
        let end = match bytes[i] {
            b'/' if bytes.get(i + 1) == Some(&b'/') => line_comment(bytes, i),
            b'/' if bytes.get(i + 1) == Some(&b'*') => block_comment(bytes, i),
            b'"' => string(bytes, i),
            b'r' => raw_string(bytes, i).unwrap_or(i),
            b'\'' => char_literal(text, i).unwrap_or(i),
            _ => i,
        };
        for byte in &mut out[i..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        i = end.max(i + 1);
    }
    // Whole characters are blanked, never a part of one.
    String::from_utf8(out).unwrap_or_default()
}

fn line_comment(bytes: &[u8], start: usize) -> usize {
    bytes[start..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |n| start + n)
}

/// Block comments nest.
fn block_comment(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut i) = (0usize, start);
    while i < bytes.len() {
        match (bytes[i], bytes.get(i + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                i += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    bytes.len()
}

fn string(bytes: &[u8], start: usize) -> usize {
    let mut i = start + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// `r"…"`, `r#"…"#`, and the same after `b` or `c`; not the raw identifier `r#type`.
fn raw_string(bytes: &[u8], start: usize) -> Option<usize> {
    let before = |back: usize| start.checked_sub(back).map(|i| bytes[i]);
    let prefixed = matches!(before(1), Some(b'b' | b'c')) && before(2).is_none_or(|byte| !is_word(byte));
    if before(1).is_some_and(is_word) && !prefixed {
        return None;
    }
    let hashes = bytes[start + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let open = start + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    let body = &bytes[open + 1..];
    let end = body.windows(close.len()).position(|window| window == close).map(|n| n + close.len());
    Some(open + 1 + end.unwrap_or(body.len()))
}

/// `'x'` or `'\n'`; a lifetime is none.
fn char_literal(text: &str, start: usize) -> Option<usize> {
    let mut chars = text[start + 1..].char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next()?;
        return chars.find(|&(_, c)| c == '\'').map(|(n, _)| start + n + 2);
    }
    match chars.next()? {
        (n, '\'') if first != '\'' => Some(start + n + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str) {
        let masked = mask(source);
        assert_eq!(masked.len(), source.len(), "{source}");
        let squeezed: Vec<&str> = masked.split_whitespace().collect();
        assert_eq!(squeezed.join(" "), expected, "{source}");
    }

    #[test]
    fn comments_go() {
        check("a // b\nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
        check("/// doc\n//! doc\nx", "x");
        check("a / b", "a / b");
    }

    #[test]
    fn strings_go() {
        check(r#"a "b \" c" d"#, "a d");
        check(r###"a r#"b " c"# d"###, "a d");
        check(r#"a b"x" c"#, "a b c");
        check(r#"a br"\" c"#, "a b c");
        check("r#type x", "r#type x");
        check("\"\u{e9}\" x", "x");
        check("for\"x\" y", "for y");
    }

    #[test]
    fn characters_go_and_lifetimes_stay() {
        check("a 'x' b", "a b");
        check(r"a '\'' b", "a b");
        check(r"a '\u{1F600}' b", "a b");
        check("a '\"' b \"c\" d", "a b d");
        check("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)");
        check("a 'é' b", "a b");
    }

    #[test]
    fn what_never_ends_is_masked_to_the_end() {
        check("a \"b", "a");
        check("a /* b", "a");
        check("a r#\"b", "a");
    }

    #[test]
    fn lines_keep_their_numbers() {
        assert_eq!(mask("\"a\nb\"\nc"), "  \n  \nc");
    }
}
