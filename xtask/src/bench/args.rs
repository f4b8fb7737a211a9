//! The command line of `cargo xtask bench`.

use super::cases::Subject;
use crate::mistake::mistake;
use anyhow::Result;

/// What is to be measured.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(super) subject: Subject,
    /// Rounds; a subject has its own number.
    pub(super) repeats: Option<usize>,
    pub(super) python: String,
    /// A program that is built already.
    pub(super) program: Option<String>,
    /// Only the cases with this in their names.
    pub(super) case: Option<String>,
    pub(super) threads: usize,
    /// The ways in which PyTorch is run.
    pub(super) modes: Vec<&'static str>,
}

impl Request {
    /// `SUBJECT [--repeats N] [--python PATH] [--program PATH] [--case TEXT] [--threads N]
    /// [--modes A,B]`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let Some((subject, mut rest)) = words.split_first() else {
            return Err(mistake!("bench needs a subject: {}, or figure", Subject::known()));
        };
        let subject = Subject::find(subject)
            .ok_or_else(|| mistake!("bench: no subject `{subject}` (known: {})", Subject::known()))?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut request = Request {
            subject,
            repeats: None,
            python: "python3".to_owned(),
            program: None,
            case: None,
            threads,
            modes: subject.modes().to_vec(),
        };
        while let Some((&flag, tail)) = rest.split_first() {
            let Some((&value, tail)) = tail.split_first() else {
                return Err(mistake!("bench: `{flag}` is unknown or has no value"));
            };
            match flag {
                "--repeats" => request.repeats = Some(count(flag, value)?),
                "--threads" => request.threads = count(flag, value)?,
                "--python" => request.python = value.to_owned(),
                "--program" => request.program = Some(value.to_owned()),
                "--case" => request.case = Some(value.to_owned()),
                "--modes" => request.modes = modes(subject, value)?,
                _ => return Err(mistake!("bench: no flag `{flag}`")),
            }
            rest = tail;
        }
        Ok(request)
    }
}

/// Some of a subject's modes, in its own order.
fn modes(subject: Subject, names: &str) -> Result<Vec<&'static str>> {
    let wanted: Vec<&str> = names.split(',').map(str::trim).collect();
    if let Some(unknown) = wanted.iter().find(|name| !subject.modes().contains(*name)) {
        let known = subject.modes().join(", ");
        return Err(mistake!(
            "bench: --modes: PyTorch has no mode `{unknown}` for {} (known: {known})",
            subject.name()
        ));
    }
    Ok(subject.modes().iter().copied().filter(|mode| wanted.contains(mode)).collect())
}

fn count(flag: &str, value: &str) -> Result<usize> {
    match value.parse() {
        Ok(n) if (1..=1024).contains(&n) => Ok(n),
        _ => Err(mistake!("bench: {flag} {value}: expected a number in 1..=1024")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mistake::Mistake;

    #[test]
    fn flags_come_in_any_order() {
        let request = Request::parse(&["head", "--python", "py", "--repeats", "3", "--threads", "2"]).unwrap();
        assert_eq!((request.subject, request.repeats, request.threads), (Subject::Head, Some(3), 2));
        assert_eq!(request.python, "py");
        assert_eq!(Request::parse(&["train"]).unwrap().repeats, None);
    }

    #[test]
    fn modes_are_some_of_the_subjects_in_its_order() {
        let modes = |words: &[&str]| Request::parse(words).unwrap().modes;
        assert_eq!(modes(&["head"]), ["eager", "compile"]);
        assert_eq!(modes(&["train", "--modes", "compile, eager"]), ["eager", "compile"]);
        let error = Request::parse(&["head", "--modes", "eager,channels_last"]).unwrap_err().to_string();
        assert!(error.contains("`channels_last` for head (known: eager, compile)"), "{error}");
    }

    #[test]
    fn every_mistake_is_the_users() {
        let broken = [&[][..], &["tail"], &["head", "--repeats"], &["head", "--repeats", "0"], &["head", "--x", "1"]];
        for words in broken.into_iter().chain([&["head", "--modes", ""][..]]) {
            let error = Request::parse(words).unwrap_err();
            assert!(error.is::<Mistake>(), "{words:?}: {error}");
        }
        assert!(Request::parse(&["tail"]).unwrap_err().to_string().contains("head, conv, train, compare"));
    }
}
