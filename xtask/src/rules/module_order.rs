//! Inside a crate, a module uses only the modules listed above it in `lib.rs`.

use super::manifests::packages;
use super::paths::{Named, crate_paths, modules, tokens};
use crate::report::{Outcome, Violation};
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::new(
        "module order",
        "lib.rs lists the modules from the ground up, so a reader meets nothing that is not explained above",
    );
    let (mut crates, mut files) = (0, 0);
    for package in packages(tree).0 {
        let root = format!("{}/src/lib.rs", package.folder);
        let Some(order) = tree.text(&root).and_then(|text| tokens(text).ok()).map(|stream| modules(&stream)) else {
            continue;
        };
        crates += 1;
        let folder = root.trim_end_matches("lib.rs");
        for (path, text) in tree.rust().filter(|(path, _)| path.starts_with(folder)) {
            files += 1;
            outcome.violations.extend(check_file(path, &path[folder.len()..], text, &order));
        }
    }
    outcome.seen = format!("{files} files of {crates} libraries");
    outcome
}

/// What a file uses that `order` lists below its own module. Files of tests look where they like.
fn check_file(path: &str, relative: &str, text: &str, order: &[String]) -> Vec<Violation> {
    let place = |name: &str| order.iter().position(|module| module == name);
    let segments = module_path(relative);
    let Some(own) = segments.first().and_then(|name| place(name)) else { return Vec::new() };
    if segments.iter().any(|part| ["tests", "oracle", "conformance", "fixtures"].contains(part)) {
        return Vec::new();
    }
    let stream = match tokens(text) {
        Ok(stream) => stream,
        Err(error) => return vec![Violation::new(path, 0, format!("not Rust: {error}"))],
    };
    let below = |Named { name, line }: Named| match name.as_str() {
        "*" => Some(Violation::new(path, line, "`crate::*` hides which modules are used")),
        name if place(name).is_some_and(|place| place > own) => {
            let what = format!("`{}` uses `{name}`, which lib.rs lists below it", order[own]);
            Some(Violation::new(path, line, what))
        }
        _ => None,
    };
    crate_paths(stream, segments.len()).into_iter().filter_map(below).collect()
}

/// `a/b.rs` is the module a::b; `a/mod.rs` and `a.rs` are a; `lib.rs` is the root.
fn module_path(relative: &str) -> Vec<&str> {
    let mut segments: Vec<&str> = relative.trim_end_matches(".rs").split('/').collect();
    if let Some(&("mod" | "lib" | "main")) = segments.last() {
        segments.pop();
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: (&str, &str) = ("crates/x/Cargo.toml", "[package]\nname = \"x\"");
    const LIB: (&str, &str) = ("crates/x/src/lib.rs", "mod low;\npub mod high;\n\npub use high::Thing;\n");

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![MANIFEST, LIB];
        all.extend(files);
        check(&Tree::of(&all)).violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn upward_and_own_paths_pass() {
        let high = "use crate::low::f;\nuse crate::high::g;\nuse super::low;\nmod part;\n";
        assert_eq!(found(&[("crates/x/src/high/mod.rs", high)]), [""; 0]);
        assert_eq!(found(&[("crates/x/src/high/part.rs", "use super::g; use super::super::low;")]), [""; 0]);
    }

    #[test]
    fn downward_paths_are_found_however_they_are_written() {
        for code in [
            "use crate::high::g;",
            "use crate::{\nhigh::g};",
            "fn f() { crate::high::g() }",
            "use super::high;",
            "mod inner { use super::super::high; }",
        ] {
            assert_eq!(found(&[("crates/x/src/low.rs", code)]).len(), 1, "{code}");
        }
        let nested = found(&[("crates/x/src/low/a/b.rs", "\n\nuse super::super::super::high;")]);
        assert_eq!(nested, ["crates/x/src/low/a/b.rs:3: `low` uses `high`, which lib.rs lists below it"]);
        assert_eq!(found(&[("crates/x/src/low.rs", "use crate::*;")]).len(), 1);
    }

    #[test]
    fn tests_comments_and_strings_are_exempt() {
        let code =
            "//! [`crate::high`]\nconst A: &str = \"crate::high\";\n#[cfg(test)]\nmod tests { use crate::high::g; }";
        assert_eq!(found(&[("crates/x/src/low.rs", code)]), [""; 0]);
        let files = [
            ("crates/x/src/low/mod.rs", "#[cfg(test)]\nmod oracle;\n"),
            ("crates/x/src/low/oracle.rs", "use crate::high::g;"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn programs_and_integration_tests_are_exempt() {
        let tree = Tree::of(&[
            ("crates/p/Cargo.toml", "[package]\nname = \"p\""),
            ("crates/p/src/main.rs", "mod a; mod b;"),
            ("crates/p/src/a.rs", "use crate::b;"),
        ]);
        assert_eq!(check(&tree).violations, []);
        assert_eq!(found(&[("crates/x/tests/t.rs", "use crate::high;")]), [""; 0]);
    }
}
