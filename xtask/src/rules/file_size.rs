//! Files that can be read at one sitting.

use crate::report::{Outcome, Violation};
use crate::tree::Tree;

const LARGEST: u64 = 50_000;
const SMALL: u64 = 20_000;
/// What people write and read. Lock files, data and golden values have the size they have.
const ENDINGS: [&str; 6] = [".rs", ".toml", ".md", ".py", ".sh", ".wgsl"];

pub(crate) fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::new("file size", "a file is one idea; none is larger than 50 KB");
    let mut sizes = Vec::new();
    for file in &tree.files {
        if !ENDINGS.iter().any(|ending| file.path.ends_with(ending)) {
            continue;
        }
        if file.path.ends_with(".rs") {
            sizes.push(file.bytes);
        }
        if file.bytes > LARGEST {
            let what = format!("{:.1} KB; the limit is {} KB", file.bytes as f64 / 1e3, LARGEST / 1000);
            outcome.violations.push(Violation::new(&file.path, 0, what));
        }
    }
    outcome.seen = describe(&mut sizes);
    outcome
}

/// The median, the share of small files and the largest; `sizes` are sorted on the way.
fn describe(sizes: &mut [u64]) -> String {
    sizes.sort_unstable();
    let Some(largest) = sizes.last() else { return "no source files".to_owned() };
    let median = sizes[sizes.len() / 2];
    let small = sizes.iter().filter(|&&size| size <= SMALL).count();
    format!(
        "{} source files: median {:.1} KB, {:.0} % of at most {} KB, largest {:.1} KB",
        sizes.len(),
        median as f64 / 1e3,
        100.0 * small as f64 / sizes.len() as f64,
        SMALL / 1000,
        *largest as f64 / 1e3,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_source_is_found_and_large_data_are_not() {
        let large = "x".repeat(50_001);
        let tree = Tree::of(&[("a.rs", &large), ("Cargo.lock", &large), ("golden/a.json", &large), ("b.rs", "")]);
        let outcome = check(&tree);
        assert_eq!(outcome.violations.len(), 1);
        assert_eq!(outcome.violations[0].to_string(), "a.rs: 50.0 KB; the limit is 50 KB");
        assert_eq!(check(&Tree::of(&[("a.rs", &large[1..])])).violations, []);
    }

    #[test]
    fn the_summary_counts() {
        let expected = "3 source files: median 2.0 KB, 67 % of at most 20 KB, largest 30.0 KB";
        assert_eq!(describe(&mut [30_000, 1_000, 2_000]), expected);
        assert_eq!(describe(&mut []), "no source files");
    }
}
