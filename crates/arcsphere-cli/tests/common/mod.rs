//! What the program's tests share: a folder of their own, small images, and the program.
#![allow(dead_code)] // Each test file uses a part of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// Flags of a training that is over in a moment: 180 images, 9 steps.
pub(crate) const TINY: [&str; 8] =
    ["--limit-train", "200", "--limit-test", "100", "--epochs", "1", "--set", "train.batch=20"];

/// A new folder in which the program runs.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Place(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("UTF-8")
    }

    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    /// A grey image, its pixels by (x, y).
    pub(crate) fn image(&self, name: &str, (width, height): (usize, usize), pixel: impl Fn(usize, usize) -> u8) {
        let mut bytes = format!("P5\n{width} {height}\n255\n").into_bytes();
        bytes.extend((0..width * height).map(|i| pixel(i % width, i / width)));
        self.write(name, bytes);
    }

    /// A folder of `classes` folders of 8 images of 12×12, each class with a pattern of its own.
    pub(crate) fn classes(&self, name: &str, classes: usize) {
        for c in 0..classes {
            for i in 0..8 {
                let noise = move |x: usize, y: usize| (x * 7 + y * 13 + i * 29 + x * y * i) % 23;
                let pattern = move |x: usize, y: usize| (c * 37 + (x * (c + 1) + y) * 9 % 60 + noise(x, y)) as u8;
                self.image(&format!("{name}/p{c}/{i}.pgm"), (12, 12), pattern);
            }
        }
    }

    /// The program, about to run in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arcsphere"));
        command.args(args).current_dir(self.0.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program runs")
    }

    /// Runs what must work, and returns its stdout.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}: {:?}\n{out}\n{err}", output.status);
        out.into_owned()
    }

    /// Runs what must be refused: exit code 2, one line on stderr that says all of `words`,
    /// nothing on stdout, and every file as it was.
    pub(crate) fn refused(&self, args: &[&str], words: &[&str]) {
        let before = self.files();
        let output = self.run(args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{args:?}\n{out}\n{err}");
        assert!(err.starts_with("arcsphere: ") && err.lines().count() == 1, "{args:?}: not one line:\n{err}");
        assert_eq!(out, "", "{args:?}");
        for word in words {
            assert!(err.contains(word), "{args:?}: \"{word}\" is not in\n{err}");
        }
        let after = self.files();
        let names = |files: &BTreeMap<PathBuf, Option<Vec<u8>>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&before), names(&after), "{args:?} made or removed files");
        assert!(before == after, "{args:?} changed a file");
    }

    /// Starts the program, waits for `file`, sends `signals`, which are separated by spaces, and waits for the end.
    pub(crate) fn stopped(&self, args: &[&str], file: &str, signals: &str) -> (ExitStatus, String) {
        let mut child = self.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let started = Instant::now();
        while !self.path(file).is_file() {
            assert!(child.try_wait().expect("a state").is_none(), "it ended before it was stopped");
            assert!(started.elapsed() < Duration::from_secs(60), "no {file} after a minute");
            std::thread::sleep(Duration::from_millis(1));
        }
        let line: Vec<String> = signals.split(' ').map(|signal| format!("kill -{signal} {}", child.id())).collect();
        assert!(Command::new("sh").args(["-c", &line.join(" && ")]).status().expect("a shell").success());
        let output = child.wait_with_output().expect("it ends");
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Everything below this folder: a file with its bytes, a folder without.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        fn walk(dir: &Path, out: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
            for entry in std::fs::read_dir(dir).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    walk(&path, out);
                    out.insert(path, None);
                } else {
                    let bytes = std::fs::read(&path).expect("a file");
                    out.insert(path, Some(bytes));
                }
            }
        }
        let mut out = BTreeMap::new();
        walk(self.0.path(), &mut out);
        out
    }

    /// Names of the files and folders in a folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// A command line with more arguments at its end.
pub(crate) fn with<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [first, rest].concat()
}

/// How far the training of a checkpoint's bytes is.
pub(crate) fn progress(file: &[u8]) -> serde_json::Value {
    let length: [u8; 8] = file[..8].try_into().expect("a length");
    let header = &file[8..8 + u64::from_le_bytes(length) as usize];
    let header: serde_json::Value = serde_json::from_slice(header).expect("JSON");
    let text = header["__metadata__"]["progress"].as_str().expect("text");
    serde_json::from_str(text).expect("JSON")
}
