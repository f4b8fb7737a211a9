//! Which crate of the workspace may depend on which.

use super::manifests::packages;
use crate::report::{Outcome, Violation};
use crate::tree::Tree;

/// Where `unsafe` lives: the one package with lints of its own.
const UNSAFE: &str = "arcsphere-kernels";

/// Each package and the packages of this workspace that it may use, in any kind of dependency.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("arcsphere-files", &[]),
    ("arcsphere-kernels", &[]),
    ("arcsphere-losses", &["arcsphere-kernels"]),
    ("arcsphere-data", &["arcsphere-files"]),
    ("arcsphere-eval", &["arcsphere-files", "arcsphere-kernels"]),
    ("arcsphere-report", &["arcsphere-eval"]),
    ("arcsphere", &["arcsphere-files", "arcsphere-kernels", "arcsphere-losses", "arcsphere-data", "arcsphere-eval"]),
    (
        "arcsphere-cli",
        &[
            "arcsphere",
            "arcsphere-files",
            "arcsphere-kernels",
            "arcsphere-losses",
            "arcsphere-data",
            "arcsphere-eval",
            "arcsphere-report",
        ],
    ),
    ("arcsphere-fuzz", &["arcsphere", "arcsphere-cli", "arcsphere-data", "arcsphere-eval", "arcsphere-report"]),
    ("xtask", &["arcsphere-eval", "arcsphere-report"]),
];

pub(crate) fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::new(
        "crate arrows",
        "kernels, data and eval can be used and audited alone, and what is measured cannot see what is trained",
    );
    let (packages, violations) = packages(tree);
    outcome.violations = violations;
    outcome.seen = format!("{} packages", packages.len());
    for package in &packages {
        let manifest = format!("{}/Cargo.toml", package.folder);
        if !package.has_workspace_lints && package.name != UNSAFE {
            let what = "does not take the workspace's lints, which forbid `unsafe`: [lints] workspace = true";
            outcome.violations.push(Violation::new(&manifest, 0, what));
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
            let what = format!(
                "package `{}` has no place in the architecture (xtask/src/rules/crate_arrows.rs)",
                package.name
            );
            outcome.violations.push(Violation::new(&manifest, 0, what));
            continue;
        };
        for dependency in &package.dependencies {
            let ours = packages.iter().any(|other| other.name == *dependency);
            if ours && !allowed.contains(&dependency.as_str()) {
                let may = if allowed.is_empty() {
                    "no other package of this workspace".to_owned()
                } else {
                    allowed.join(", ")
                };
                let what = format!("`{}` depends on `{dependency}`; it may use {may}", package.name);
                outcome.violations.push(Violation::new(&manifest, 0, what));
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: (&str, &str) = (
        "crates/arcsphere-data/Cargo.toml",
        "[package]\nname = \"arcsphere-data\"\n[dependencies]\nrayon = \"1\"\n[lints]\nworkspace = true",
    );

    #[test]
    fn an_allowed_arrow_passes() {
        let tree = Tree::of(&[
            DATA,
            (
                "crates/arcsphere/Cargo.toml",
                "[package]\nname = \"arcsphere\"\n[dependencies]\narcsphere-data.workspace = true\n[lints]\nworkspace = true",
            ),
        ]);
        let outcome = check(&tree);
        assert_eq!(outcome.violations, []);
        assert_eq!(outcome.seen, "2 packages");
    }

    #[test]
    fn an_arrow_the_wrong_way_is_found_in_tests_too() {
        let eval = "[package]\nname = \"arcsphere-eval\"\n[dev-dependencies]\narcsphere-data.workspace = true\n[lints]\nworkspace = true";
        let outcome = check(&Tree::of(&[DATA, ("crates/arcsphere-eval/Cargo.toml", eval)]));
        assert_eq!(outcome.violations.len(), 1);
        assert_eq!(outcome.violations[0].path, "crates/arcsphere-eval/Cargo.toml");
    }

    #[test]
    fn a_crate_with_lints_of_its_own_is_found() {
        let bare = "[package]\nname = \"arcsphere-eval\"";
        let outcome = check(&Tree::of(&[("crates/arcsphere-eval/Cargo.toml", bare)]));
        assert!(outcome.violations[0].what.contains("forbid `unsafe`"), "{}", outcome.violations[0]);
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        let outcome = check(&Tree::of(&[("crates/new/Cargo.toml", "[package]\nname = \"new\"")]));
        assert!(outcome.violations.iter().any(|v| v.what.contains("no place")));
    }
}
