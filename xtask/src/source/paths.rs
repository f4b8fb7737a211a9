//! Modules declared in a file, and paths that start at the crate's root.

use super::{closing, ident, is_word, skip_blanks, split_list, words};

/// A name below the crate's root and the place that names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    pub(crate) at: usize,
    pub(crate) name: &'a str,
}

/// The modules that masked code declares at its top level, in order.
pub(crate) fn modules(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut depth = 0usize;
    let mut from = 0;
    for at in words(code, "mod") {
        for byte in code[from..at].bytes() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        from = at;
        let name = ident(code, skip_blanks(code, at + 3));
        if depth == 0 && !name.is_empty() {
            names.push(name);
        }
    }
    names
}

/// The bodies of the modules written inside masked code, as (open, close) places.
fn inline_modules(code: &str) -> Vec<(usize, usize)> {
    let mut bodies = Vec::new();
    for at in words(code, "mod") {
        let start = skip_blanks(code, at + 3);
        let open = skip_blanks(code, start + ident(code, start).len());
        if code[open..].starts_with('{') {
            bodies.push((open, closing(code, open).unwrap_or(code.len())));
        }
    }
    bodies
}

/// The first name of every path from the crate's root: `crate::x`, `crate::{x, y::z}`, and
/// `super::super::x` where that leads to the root from a file `depth` modules below it.
pub(crate) fn crate_paths(code: &str, depth: usize) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    for at in words(code, "crate") {
        if let Some(after) = after_colons(code, at + 5) {
            first_names(code, after, &mut found);
        }
    }
    let bodies = inline_modules(code);
    for at in words(code, "super") {
        // The chain is followed from its first `super`.
        if code[..at].trim_end().ends_with("::") {
            continue;
        }
        let depth = depth + bodies.iter().filter(|&&(open, close)| open < at && at < close).count();
        let (mut next, mut count) = (at, 0);
        while ident(code, next) == "super"
            && let Some(after) = after_colons(code, next + 5)
        {
            count += 1;
            next = after;
        }
        if count == depth {
            first_names(code, next, &mut found);
        }
    }
    found.sort_by_key(|named| named.at);
    found
}

/// What a root file exports from its modules: (exported name, module).
pub(crate) fn re_exports(code: &str) -> Vec<(&str, &str)> {
    let mut exports = Vec::new();
    for at in words(code, "use") {
        let mut start = skip_blanks(code, at + 3);
        while let "crate" | "self" = ident(code, start) {
            match after_colons(code, start + ident(code, start).len()) {
                Some(after) => start = after,
                None => break,
            }
        }
        let module = ident(code, start);
        let Some(rest) = after_colons(code, start + module.len()) else { continue };
        let end = code[rest..].find(';').map_or(code.len(), |n| rest + n);
        leaves(&code[rest..end], module, &mut exports);
    }
    exports
}

/// The names that a use tree brings in: the last segment of each path, or its `as` name.
fn leaves<'a>(tree: &'a str, module: &'a str, exports: &mut Vec<(&'a str, &'a str)>) {
    for entry in split_list(tree) {
        if let Some(open) = entry.find('{') {
            let close = closing(entry, open).unwrap_or(entry.len());
            leaves(&entry[open + 1..close], module, exports);
            continue;
        }
        let entry = entry.trim_end();
        let start = entry.bytes().rposition(|byte| !is_word(byte)).map_or(0, |n| n + 1);
        let name = &entry[start..];
        if !name.is_empty() {
            exports.push((name, module));
        }
    }
}

fn after_colons(code: &str, start: usize) -> Option<usize> {
    let colons = skip_blanks(code, start);
    code[colons..].starts_with("::").then(|| skip_blanks(code, colons + 2))
}

fn first_names<'a>(code: &'a str, start: usize, found: &mut Vec<Named<'a>>) {
    if !code[start..].starts_with('{') {
        let name = if code[start..].starts_with('*') { "*" } else { ident(code, start) };
        found.push(Named { at: start, name });
        return;
    }
    let close = closing(code, start).unwrap_or(code.len());
    let mut at = start + 1;
    for entry in split_list(&code[start + 1..close]) {
        first_names_of_entry(code, skip_blanks(code, at), found);
        at += entry.len() + 1;
    }
}

fn first_names_of_entry<'a>(code: &'a str, start: usize, found: &mut Vec<Named<'a>>) {
    match ident(code, start) {
        "" if !code[start..].starts_with('*') => {}
        "self" => {}
        _ => first_names(code, start, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str, depth: usize) -> Vec<&str> {
        crate_paths(code, depth).into_iter().map(|named| named.name).collect()
    }

    #[test]
    fn modules_in_order() {
        let code = "pub mod b; mod a { mod inner; } pub(crate) mod c;\n fn f() { mod no {} }";
        assert_eq!(modules(code), ["b", "a", "c"]);
        assert_eq!(inline_modules("mod a; mod b { x }"), [(13, 17)]);
    }

    #[test]
    fn paths_from_the_root() {
        assert_eq!(names("use crate::a::b; let x = crate::c::d(); pub(crate) fn f() {}", 1), ["a", "c"]);
        assert_eq!(names("use crate::{a, b::{c, d}, self, e as f,\n};", 1), ["a", "b", "e"]);
        assert_eq!(names("use crate::*;", 1), ["*"]);
        assert_eq!(names("$crate::a!()", 1), ["a"]);
    }

    #[test]
    fn super_reaches_the_root_from_its_depth() {
        assert_eq!(names("use super::a; use super::super::b;", 1), ["a"]);
        assert_eq!(names("use super::a; use super::super::{b, c};", 2), ["b", "c"]);
        assert_eq!(names("mod m { use super::a; use super::super::b; }", 1), ["b"]);
    }

    #[test]
    fn re_exports_name_their_module() {
        let code = "pub use a::{b::C, D as E, f}; pub use self::g::H; use i::*; pub use j;";
        let expected = [("C", "a"), ("E", "a"), ("f", "a"), ("H", "g")];
        assert_eq!(re_exports(code), expected);
    }
}
