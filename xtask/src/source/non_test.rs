//! What a program is made of: the source without the items that exist only in tests.

use super::{closing, ident, skip_blanks, words};

/// Masked code with each `#[cfg(test)]` item blanked as well.
pub(crate) fn non_test(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    for (start, end) in test_items(code) {
        for byte in &mut out[start..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Whether the whole file exists only in tests: `#![cfg(test)]`.
pub(crate) fn is_test_only(code: &str) -> bool {
    code.match_indices("#![cfg(").any(|(at, _)| attribute(code, at + 2).is_some_and(|(inside, _)| needs_test(inside)))
}

/// The files, without `.rs`, that `#[cfg(test)] mod name;` in the file at `path` declares.
pub(crate) fn test_files(path: &str, code: &str) -> Vec<String> {
    let folder = match path.strip_suffix("/mod.rs").or(path.strip_suffix("/lib.rs")).or(path.strip_suffix("/main.rs")) {
        Some(folder) => folder,
        None => path.strip_suffix(".rs").unwrap_or(path),
    };
    let mut files = Vec::new();
    for (start, end) in test_items(code) {
        let item = &code[start..end];
        if !item.ends_with(';') {
            continue;
        }
        if let Some(at) = words(item, "mod").last() {
            files.push(format!("{folder}/{}", ident(item, skip_blanks(item, at + 3))));
        }
    }
    files
}

/// From the `#` of `#[cfg(test)]` to the end of the item that it stands on.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    for (at, _) in code.match_indices("#[cfg(") {
        match attribute(code, at + 1) {
            Some((inside, end)) if needs_test(inside) => items.push((at, item_end(code, end))),
            _ => {}
        }
    }
    items
}

/// The inside of the attribute whose `[` is at `open`, and the place after its `]`.
fn attribute(code: &str, open: usize) -> Option<(&str, usize)> {
    let close = closing(code, open)?;
    Some((&code[open + 1..close], close + 1))
}

/// `cfg(test)` and `cfg(all(test, …))`, but not `cfg(not(test))` or `cfg(any(test, …))`, which
/// a program can hold too.
fn needs_test(inside: &str) -> bool {
    let squeezed: String = inside.split_whitespace().collect();
    let Some(predicate) = squeezed.strip_prefix("cfg(").and_then(|rest| rest.strip_suffix(')')) else { return false };
    let all = predicate.strip_prefix("all(").and_then(|rest| rest.strip_suffix(')'));
    all.unwrap_or(predicate).split(',').any(|word| word == "test")
}

/// The end of the item that starts at `start`, after its `;` or its last bracket.
fn item_end(code: &str, start: usize) -> usize {
    let mut i = skip_attributes(code, start);
    let is_item = ITEMS.contains(&ident(code, i));
    while let Some(&byte) = code.as_bytes().get(i) {
        match byte {
            b';' => return i + 1,
            b'{' => return closing(code, i).map_or(code.len(), |close| close + 1),
            b'(' | b'[' => i = closing(code, i).map_or(code.len(), |close| close + 1),
            // A field, a variant or an arm ends here; in an item it parts type parameters.
            b',' if !is_item => return i,
            b'}' => return i,
            _ => i += 1,
        }
    }
    code.len()
}

/// The words that an item starts with, but `pub`, which a field can start with too.
const ITEMS: [&str; 14] = [
    "mod",
    "use",
    "fn",
    "struct",
    "enum",
    "impl",
    "trait",
    "type",
    "const",
    "static",
    "unsafe",
    "extern",
    "async",
    "macro_rules",
];

/// The place past blanks, further attributes and the visibility.
fn skip_attributes(code: &str, start: usize) -> usize {
    let mut i = skip_blanks(code, start);
    loop {
        let open = match ident(code, i) {
            "pub" => {
                i = skip_blanks(code, i + 3);
                if !code[i..].starts_with('(') {
                    return i;
                }
                i
            }
            _ if code[i..].starts_with("#[") => i + 1,
            _ => return i,
        };
        let Some(close) = closing(code, open) else { return i };
        i = skip_blanks(code, close + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_modules_and_items_go() {
        let code = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn b() { c[0]; } }\nfn d() {}";
        let kept = non_test(code);
        assert!(kept.contains("fn a") && kept.contains("fn d"), "{kept}");
        assert!(!kept.contains("fn b"), "{kept}");
        assert_eq!(kept.lines().count(), code.lines().count());
        let kept = non_test("#[cfg(test)] use x::y; use z;");
        assert!(!kept.contains("x::y") && kept.contains("use z;"), "{kept}");
        let kept = non_test("#[cfg(all(test, unix))] fn f(a: [u8; 3]) { b } fn g() {}");
        assert!(!kept.contains("fn f") && kept.contains("fn g"), "{kept}");
        let kept = non_test("#[cfg(test)] #[inline] pub(crate) fn f<A, B>() { body } fn g() {}");
        assert!(!kept.contains("body") && kept.contains("fn g"), "{kept}");
        let kept = non_test("struct S { #[cfg(test)] a: A, b: B }");
        assert!(!kept.contains("a: A") && kept.contains("b: B }"), "{kept}");
    }

    #[test]
    fn what_a_program_may_hold_stays() {
        for code in ["#[cfg(not(test))] fn f() {}", "#[cfg(any(test, x))] fn f() {}", "#[cfg(unix)] fn f() {}"] {
            assert_eq!(non_test(code), code);
        }
    }

    #[test]
    fn files_that_exist_only_in_tests() {
        let code = "pub mod a;\n#[cfg(test)]\nmod conformance;\n#[cfg(test)] mod tests { mod inner; }";
        assert_eq!(test_files("crates/x/src/b/mod.rs", code), ["crates/x/src/b/conformance"]);
        assert_eq!(test_files("crates/x/src/b.rs", code), ["crates/x/src/b/conformance"]);
        assert_eq!(test_files("crates/x/src/lib.rs", code), ["crates/x/src/conformance"]);
        assert!(is_test_only("#![cfg(test)]\nfn f() {}"));
        assert!(!is_test_only("#[cfg(test)]\nfn f() {}"));
    }
}
