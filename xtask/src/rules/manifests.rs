//! The packages of the workspace, from their Cargo.toml files.

use crate::report::Violation;
use crate::tree::Tree;
use toml::{Table, Value};

/// One package of the workspace.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// The folder of its Cargo.toml, with `/`, without one at the end.
    pub(super) folder: String,
    /// Every dependency of any kind: (package name, line of the manifest).
    pub(super) dependencies: Vec<(String, usize)>,
}

/// The packages, and a violation for each manifest that is not TOML.
pub(super) fn packages(tree: &Tree) -> (Vec<Package>, Vec<Violation>) {
    let (mut packages, mut violations) = (Vec::new(), Vec::new());
    for (path, text) in tree.texts() {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
        match text.parse::<Table>() {
            Ok(table) => packages.extend(package(folder, text, &table)),
            Err(error) => violations.push(Violation::new(path, 0, format!("not TOML: {}", error.message()))),
        }
    }
    (packages, violations)
}

fn package(folder: &str, text: &str, table: &Table) -> Option<Package> {
    let name = table.get("package")?.get("name")?.as_str()?.to_owned();
    let mut dependencies = Vec::new();
    collect(text, table, &mut dependencies);
    for target in table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values) {
        collect(text, target.as_table()?, &mut dependencies);
    }
    Some(Package { name, folder: folder.to_owned(), dependencies })
}

fn collect(text: &str, table: &Table, dependencies: &mut Vec<(String, usize)>) {
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (key, value) in table.get(kind).and_then(Value::as_table).into_iter().flatten() {
            let name = value.get("package").and_then(Value::as_str).unwrap_or(key);
            dependencies.push((name.to_owned(), line_of_key(text, key)));
        }
    }
}

/// The line on which `key = …`, `key.workspace = …` or `[dependencies.key]` stands.
fn line_of_key(text: &str, key: &str) -> usize {
    let starts = |line: &str| {
        let rest = line.trim_start().trim_start_matches('"').strip_prefix(key);
        rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=', '"']))
    };
    let table = format!("dependencies.{key}]");
    text.lines().position(|line| starts(line) || line.trim_end().ends_with(&table)).map_or(0, |n| n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_dependency_counts() {
        let manifest = "\
[package]
name = \"a\"
[dependencies]
b.workspace = true
c = { package = \"d\", version = \"1\" }
[dev-dependencies]
e = \"1\"
[target.'cfg(unix)'.dependencies.f]
version = \"1\"
";
        let (packages, violations) =
            packages(&Tree::of(&[("crates/a/Cargo.toml", manifest), ("Cargo.toml", "[workspace]")]));
        assert!(violations.is_empty());
        assert_eq!(packages.len(), 1);
        assert_eq!((packages[0].name.as_str(), packages[0].folder.as_str()), ("a", "crates/a"));
        let found: Vec<(&str, usize)> =
            packages[0].dependencies.iter().map(|(name, line)| (name.as_str(), *line)).collect();
        assert_eq!(found, [("b", 4), ("d", 5), ("e", 7), ("f", 8)]);
    }

    #[test]
    fn a_broken_manifest_is_named() {
        let (packages, violations) = packages(&Tree::of(&[("crates/a/Cargo.toml", "[package")]));
        assert!(packages.is_empty());
        assert_eq!(violations[0].path, "crates/a/Cargo.toml");
    }
}
