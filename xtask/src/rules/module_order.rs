//! Inside a crate, a module uses only the modules listed above it in `lib.rs`.

use super::manifests::packages;
use crate::report::{Outcome, Violation};
use crate::source::{Named, crate_paths, is_test_only, line_of, mask, modules, non_test, re_exports, test_files};
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::new(
        "module order",
        "lib.rs lists the modules from the ground up, so a reader meets nothing that is not explained above",
    );
    let (mut crates, mut files) = (0, 0);
    for package in packages(tree).0 {
        let root = format!("{}/src/lib.rs", package.folder);
        let Some(text) = tree.text(&root) else { continue };
        crates += 1;
        files += check_crate(tree, &root, text, &mut outcome.violations);
    }
    outcome.seen = format!("{files} files of {crates} libraries");
    outcome
}

/// Checks one library and returns how many files it looked at.
fn check_crate(tree: &Tree, root: &str, root_text: &str, violations: &mut Vec<Violation>) -> usize {
    let folder = root.trim_end_matches("lib.rs");
    let root_code = non_test(&mask(root_text));
    let order = modules(&root_code);
    let exports = re_exports(&root_code);
    let place = |name: &str| order.iter().position(|module| *module == name);

    let mut sources = Vec::new();
    let mut only_tests = Vec::new();
    for (path, text) in tree.rust().filter(|(path, _)| path.starts_with(folder)) {
        let masked = mask(text);
        only_tests.extend(test_files(path, &masked));
        sources.push((path, text, masked));
    }
    let in_tests = |path: &str| {
        only_tests
            .iter()
            .any(|file| path.strip_prefix(file.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')))
    };

    let mut files = 0;
    for (path, text, masked) in &sources {
        let segments = module_path(&path[folder.len()..]);
        let Some(own) = segments.first().and_then(|name| place(name)) else { continue };
        if in_tests(path) || is_test_only(masked) {
            continue;
        }
        files += 1;
        let code = non_test(masked);
        for Named { at, name } in crate_paths(&code, segments.len()) {
            let target = match exports.iter().find(|(export, _)| *export == name) {
                Some((_, module)) if place(name).is_none() => module,
                _ => name,
            };
            if name == "*" {
                violations.push(Violation::new(path, line_of(text, at), "`crate::*` hides which modules are used"));
            } else if place(target).is_some_and(|place| place > own) {
                let what = format!("`{}` uses `{target}`, which lib.rs lists below it", order[own]);
                violations.push(Violation::new(path, line_of(text, at), what));
            }
        }
    }
    files
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
            "use crate::Thing;",
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
