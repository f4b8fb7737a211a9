//! A line of arcsphere, as data: `compare --dim 2 --seeds 3`.

use serde::Deserialize;
use std::fmt;

/// Flags that the study sets itself.
const OWN: [&str; 5] = ["--out", "--resume", "--root", "--jobs", "--threads"];

/// A `compare` or `sweep`, without where it reads and writes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Command {
    line: String,
    words: Vec<String>,
}

impl TryFrom<String> for Command {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let words = split(&text).ok_or_else(|| format!("`{text}`: a quotation mark has no partner"))?;
        match words.first().map(String::as_str) {
            Some("compare" | "sweep") => {}
            _ => return Err(format!("`{text}`: expected compare … or sweep …")),
        }
        let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
        if let Some(word) = words.iter().find(|word| OWN.contains(&name(word).as_str())) {
            return Err(format!("`{text}`: {} is for cargo xtask study to set", name(word)));
        }
        Ok(Command { line: text.split_whitespace().collect::<Vec<_>>().join(" "), words })
    }
}

impl Command {
    pub(super) fn is_sweep(&self) -> bool {
        self.words[0] == "sweep"
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// The data set by name; none for the embedded one.
    pub(super) fn data(&self) -> Option<&str> {
        let at = self.words.iter().position(|word| word == "--data")?;
        self.words.get(at + 1).map(String::as_str)
    }

    /// The file whose presence says that a folder is of such a run.
    pub(super) fn begun(&self) -> &'static str {
        if self.is_sweep() { "grid.json" } else { "compare.json" }
    }

    /// The file that is written last.
    pub(super) fn result(&self) -> &'static str {
        if self.is_sweep() { "sweep.json" } else { "results.json" }
    }
}

impl fmt::Display for Command {
    /// One line, as a user writes it after `arcsphere`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// Words as a shell splits them, with single and double quotation marks and nothing else of a shell.
fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let (mut word, mut open, mut any) = (String::new(), None, false);
    for c in line.chars() {
        match (open, c) {
            (Some(mark), c) if c == mark => open = None,
            (None, '\'' | '"') => (open, any) = (Some(c), true),
            (None, c) if c.is_whitespace() => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            (_, c) => {
                word.push(c);
                any = true;
            }
        }
    }
    if any {
        words.push(word);
    }
    open.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Command, String> {
        Command::try_from(text.to_owned())
    }

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        let command =
            of("sweep --data fashion-mnist\n  --set 'optim.schedule.decay={ kind = \"step\" }' --set a=''").unwrap();
        assert_eq!(command.words()[3..], ["--set", "optim.schedule.decay={ kind = \"step\" }", "--set", "a="]);
        assert_eq!(
            (command.data(), command.begun(), command.result()),
            (Some("fashion-mnist"), "grid.json", "sweep.json")
        );
        assert!(command.to_string().starts_with("sweep --data fashion-mnist --set 'optim"), "{command}");
        let plain = of("compare --dim 2").unwrap();
        assert_eq!((plain.data(), plain.begun(), plain.result()), (None, "compare.json", "results.json"));
    }

    #[test]
    fn what_the_study_sets_is_refused() {
        for (text, word) in [
            ("compare --out=x", "--out"),
            ("sweep --jobs 3", "--jobs"),
            ("train --dim 2", "expected compare"),
            ("", "expected compare"),
            ("compare --set 'a", "no partner"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
