//! The command line of `cargo xtask bench`.

use super::cases::Subject;
use anyhow::Result;
use std::fmt;

/// The user's mistake, or something that the user must install: exit code 2.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

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
}

impl Request {
    /// `SUBJECT [--repeats N] [--python PATH] [--program PATH] [--case TEXT] [--threads N]`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let Some((subject, mut rest)) = words.split_first() else {
            return Err(wrong(format!("bench needs a subject: {}", Subject::known())));
        };
        let subject = Subject::find(subject)
            .ok_or_else(|| wrong(format!("no subject `{subject}` (known: {})", Subject::known())))?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut request =
            Request { subject, repeats: None, python: "python3".to_owned(), program: None, case: None, threads };
        while let Some((&flag, tail)) = rest.split_first() {
            let Some((&value, tail)) = tail.split_first() else {
                return Err(wrong(format!("`{flag}` is unknown or has no value")));
            };
            match flag {
                "--repeats" => request.repeats = Some(count(flag, value)?),
                "--threads" => request.threads = count(flag, value)?,
                "--python" => request.python = value.to_owned(),
                "--program" => request.program = Some(value.to_owned()),
                "--case" => request.case = Some(value.to_owned()),
                _ => return Err(wrong(format!("no flag `{flag}`"))),
            }
            rest = tail;
        }
        Ok(request)
    }
}

fn wrong(message: String) -> anyhow::Error {
    Wrong(format!("bench: {message}")).into()
}

fn count(flag: &str, value: &str) -> Result<usize> {
    match value.parse() {
        Ok(n) if (1..=1024).contains(&n) => Ok(n),
        _ => Err(wrong(format!("{flag} {value}: expected a number in 1..=1024"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_in_any_order() {
        let request = Request::parse(&["head", "--python", "py", "--repeats", "3", "--threads", "2"]).unwrap();
        assert_eq!((request.subject, request.repeats, request.threads), (Subject::Head, Some(3), 2));
        assert_eq!(request.python, "py");
        assert_eq!(Request::parse(&["train"]).unwrap().repeats, None);
    }

    #[test]
    fn every_mistake_is_the_users() {
        for words in [&[][..], &["tail"], &["head", "--repeats"], &["head", "--repeats", "0"], &["head", "--x", "1"]] {
            let error = Request::parse(words).unwrap_err();
            assert!(error.is::<Wrong>(), "{words:?}: {error}");
        }
        assert!(Request::parse(&["tail"]).unwrap_err().to_string().contains("head, conv, train, compare"));
    }
}
