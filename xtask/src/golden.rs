//! `cargo xtask golden`: runs the scripts that write the golden files, or check them.
//!
//! They are Python because an oracle that shares code with what it judges is none.

use crate::mistake::mistake;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Every script of `golden/` that writes a file; what they import writes none.
const SCRIPTS: [&str; 3] = ["golden/make.py", "golden/ordinal.py", "golden/tuples.py"];
const REQUIREMENTS: &str = "golden/requirements.txt";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request<'a> {
    /// Compare the files that there are, and write none.
    check: bool,
    python: &'a str,
}

impl<'a> Request<'a> {
    /// `[--check] [--python PATH]`.
    fn parse(mut words: &[&'a str]) -> Result<Self> {
        let mut request = Request { check: false, python: "python3" };
        loop {
            words = match words {
                [] => return Ok(request),
                ["--check", rest @ ..] => {
                    request.check = true;
                    rest
                }
                ["--python", path, rest @ ..] => {
                    request.python = path;
                    rest
                }
                [word, ..] => {
                    return Err(mistake!("golden: `{word}` is unknown or has no value; known: --check, --python PATH"));
                }
            };
        }
    }
}

/// Runs every script in the workspace's root; whether all succeeded.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<bool> {
    let request = Request::parse(words)?;
    let mut well = true;
    for script in SCRIPTS {
        if !root.join(script).is_file() {
            return Err(mistake!("{script} does not exist in this checkout; get it back from version control"));
        }
        let status = Command::new(request.python)
            .arg(script)
            .args(request.check.then_some("--check"))
            .current_dir(root)
            .status()
            .map_err(|e| {
                mistake!("cannot start {}: {e}; install Python 3, or name one with --python PATH", request.python)
            })?;
        if !status.success() {
            eprintln!(
                "xtask: {script} failed ({status}). If a module is missing: {} -m pip install -r {REQUIREMENTS}",
                request.python
            );
        }
        well &= status.success();
    }
    Ok(well)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mistake::Mistake;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
    }

    /// A script that can be run by itself writes a golden file, and is run.
    #[test]
    fn no_generator_is_left_out() {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(root().join("golden")).expect("golden/") {
            let path = entry.expect("an entry").path();
            let is_script = path.extension().is_some_and(|e| e == "py")
                && std::fs::read_to_string(&path).expect("text").contains("\nif __name__ == \"__main__\":");
            if is_script {
                found.push(format!("golden/{}", path.file_name().expect("a name").to_string_lossy()));
            }
        }
        found.sort();
        assert_eq!(found, SCRIPTS);
        assert!(root().join(REQUIREMENTS).is_file());
    }

    #[test]
    fn flags_are_read_and_others_refused() {
        let of = |words: &[&'static str]| Request::parse(words).map(|r| (r.check, r.python)).map_err(|e| e.to_string());
        assert_eq!(of(&[]), Ok((false, "python3")));
        assert_eq!(of(&["--python", "my/python", "--check"]), Ok((true, "my/python")));
        for wrong in [&["--chek"][..], &["--python"]] {
            assert!(of(wrong).unwrap_err().contains("--python PATH"), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_the_users_to_mend() {
        let missing = run(Path::new("no-such-folder"), &[]).unwrap_err();
        assert!(missing.is::<Mistake>() && missing.to_string().contains("golden/make.py"), "{missing}");
        let python = run(root(), &["--python", "no/such/python"]).unwrap_err();
        assert!(python.is::<Mistake>() && python.to_string().contains("no/such/python"), "{python}");
    }
}
