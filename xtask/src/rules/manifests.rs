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
    /// The package names of its dependencies of any kind.
    pub(super) dependencies: Vec<String>,
    /// Whether it takes the workspace's lints, which forbid `unsafe`.
    pub(super) has_workspace_lints: bool,
}

/// The packages, and a violation for each manifest that is not TOML.
pub(super) fn packages(tree: &Tree) -> (Vec<Package>, Vec<Violation>) {
    let (mut packages, mut violations) = (Vec::new(), Vec::new());
    for (path, text) in tree.texts() {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
        match text.parse::<Table>() {
            Ok(table) => packages.extend(package(folder, &table)),
            Err(error) => violations.push(Violation::new(path, 0, format!("not TOML: {}", error.message()))),
        }
    }
    (packages, violations)
}

fn package(folder: &str, table: &Table) -> Option<Package> {
    let name = table.get("package")?.get("name")?.as_str()?.to_owned();
    let targets = table.get("target").and_then(Value::as_table);
    let tables = std::iter::once(table).chain(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let dependencies = tables
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flatten()
        .map(|(key, value)| value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned())
        .collect();
    let lints = table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
    Some(Package { name, folder: folder.to_owned(), dependencies, has_workspace_lints: lints == Some(true) })
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
[lints]
workspace = true
";
        let (packages, violations) =
            packages(&Tree::of(&[("crates/a/Cargo.toml", manifest), ("Cargo.toml", "[workspace]")]));
        assert!(violations.is_empty());
        assert_eq!(packages.len(), 1);
        assert_eq!((packages[0].name.as_str(), packages[0].folder.as_str()), ("a", "crates/a"));
        assert_eq!(packages[0].dependencies, ["b", "d", "e", "f"]);
        assert!(packages[0].has_workspace_lints);
    }

    #[test]
    fn a_broken_manifest_is_named() {
        let (packages, violations) = packages(&Tree::of(&[("crates/a/Cargo.toml", "[package")]));
        assert!(packages.is_empty());
        assert_eq!(violations[0].path, "crates/a/Cargo.toml");
    }
}
