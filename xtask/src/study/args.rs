//! The command line of `cargo xtask study`.

use crate::mistake::mistake;
use anyhow::Result;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Draw figures and tables from the results that are there.
    Report,
    /// Train what is not trained yet.
    Train(Train),
}

/// Which jobs, and how.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Train {
    /// Ids of parts; empty for all of `study/parts.toml`.
    pub(super) parts: Vec<String>,
    /// Names of jobs; empty for all of the parts.
    pub(super) only: Vec<String>,
    /// A program that is built already.
    pub(super) program: Option<String>,
    /// Where data sets are.
    pub(super) data: Option<String>,
    /// Trainings at a time.
    pub(super) jobs: Option<usize>,
}

impl Request {
    /// `report`, or `[PART…] [--program PATH] [--data DIR] [--jobs N] [--only NAME]…`.
    pub(super) fn parse(words: &[&str]) -> Result<Self> {
        if words == ["report"] {
            return Ok(Request::Report);
        }
        let mut request = Train::default();
        let mut rest = words;
        while let Some((&word, tail)) = rest.split_first() {
            rest = tail;
            if word == "report" {
                return Err(mistake!("study: `report` trains nothing and takes no part and no flag"));
            }
            if !word.starts_with('-') {
                request.parts.push(word.to_owned());
                continue;
            }
            let Some((&value, tail)) = rest.split_first() else {
                return Err(mistake!("study: `{word}` is unknown or has no value"));
            };
            rest = tail;
            match word {
                "--program" => request.program = Some(value.to_owned()),
                "--data" => request.data = Some(value.to_owned()),
                "--only" => request.only.push(value.to_owned()),
                "--jobs" => request.jobs = Some(jobs(value)?),
                _ => return Err(mistake!("study: no flag `{word}`")),
            }
        }
        Ok(Request::Train(request))
    }
}

fn jobs(value: &str) -> Result<usize> {
    match value.parse() {
        Ok(n) if (1..=1024).contains(&n) => Ok(n),
        _ => Err(mistake!("study: --jobs {value}: expected a number in 1..=1024")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mistake::Mistake;

    #[test]
    fn parts_and_flags_come_in_any_order() {
        let words = ["3", "--only", "a", "--jobs", "2", "papers", "--only", "b", "--data", "d", "--program", "p"];
        let Request::Train(train) = Request::parse(&words).unwrap() else { panic!("a report") };
        assert_eq!((train.parts, train.only), (vec!["3".into(), "papers".into()], vec!["a".into(), "b".into()]));
        assert_eq!((train.data.as_deref(), train.program.as_deref(), train.jobs), (Some("d"), Some("p"), Some(2)));
        assert_eq!(Request::parse(&[]).unwrap(), Request::Train(Train::default()));
        assert_eq!(Request::parse(&["report"]).unwrap(), Request::Report);
    }

    #[test]
    fn every_mistake_is_the_users() {
        for words in [&["--jobs", "0"][..], &["--only"], &["--x", "1"], &["report", "1"], &["1", "report"]] {
            let error = Request::parse(words).unwrap_err();
            assert!(error.is::<Mistake>(), "{words:?}: {error}");
        }
    }
}
