//! Rows of (path, age).

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{AGES, EXPECTED, Face, in_range, number};
use crate::bad::Sieve;
use crate::error::DataError;
use crate::files;

/// A longer line is no row of a path and an age, and is not read into memory.
const MAX_LINE: u64 = 1 << 16;

/// Column names, in lower case. What stands earlier is taken when there are several.
const PATHS: [&str; 5] = ["path", "file_name", "file", "filename", "image"];
const AGE_COLUMNS: [&str; 2] = ["real_age", "age"];

/// Faces in the order of the rows.
pub(super) fn read(path: &Path, sieve: &mut Sieve) -> Result<Vec<Face>, DataError> {
    let mut reader = BufReader::new(files::open(path, EXPECTED)?);
    let mut columns: Option<Columns> = None;
    let mut faces = Vec::new();
    let mut seen: HashMap<PathBuf, usize> = HashMap::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut bytes);
        if read.map_err(|e| DataError::io(path, "read", e))? == 0 {
            break;
        }
        let last = |reason: String| DataError::BadRow { path: path.to_owned(), line, reason, ends: true };
        if bytes.len() as u64 == MAX_LINE && !bytes.ends_with(b"\n") {
            return Err(last(format!("longer than {MAX_LINE} bytes, expected a path and an age")));
        }
        let fields = match row(&bytes) {
            Ok(fields) if fields.iter().all(String::is_empty) => continue,
            Ok(fields) => fields,
            // Without a first row nobody knows what the others are.
            Err(reason) if columns.is_none() => return Err(last(reason)),
            Err(reason) => {
                let bad = DataError::BadRow { path: path.to_owned(), line, reason, ends: false };
                sieve.drop(path, Some(line), bad)?;
                continue;
            }
        };
        let columns = match &columns {
            Some(columns) => columns,
            None => {
                let (found, is_header) = Columns::find(&fields).map_err(last)?;
                let columns = columns.insert(found);
                if is_header {
                    continue;
                }
                columns
            }
        };
        match columns.face(path, line, &fields, &mut seen) {
            Ok(face) => faces.push(face),
            Err(error) => sieve.drop(path, Some(line), error)?,
        }
    }
    Ok(faces)
}

/// Where a row has what.
struct Columns {
    path: usize,
    age: usize,
    count: usize,
    /// True for the columns of APPA-REAL, which says nothing of the folder that its images are in.
    is_appa_real: bool,
}

impl Columns {
    /// The columns that the first row tells, and whether it is a header.
    fn find(first: &[String]) -> Result<(Self, bool), String> {
        let count = first.len();
        if let [_, age] = first
            && number(age).is_some()
        {
            return Ok((Self { path: 0, age: 1, count, is_appa_real: false }, false));
        }
        let names: Vec<String> = first.iter().map(|f| f.to_lowercase()).collect();
        let position = |known: &[&str]| known.iter().find_map(|k| names.iter().position(|n| n == k));
        let (Some(path), Some(age)) = (position(&PATHS), position(&AGE_COLUMNS)) else {
            let found = first.join(",");
            return Err(format!(
                "the first row is `{found}`, expected a path and an age, or a header with the columns `path` and \
                 `age` (or `file_name` and `real_age`)"
            ));
        };
        let is_appa_real = names[path] == "file_name" && names[age] == "real_age";
        Ok((Self { path, age, count, is_appa_real }, true))
    }

    /// The face of a row of the CSV at `csv`; `seen` are the images of the rows before it.
    fn face(
        &self,
        csv: &Path,
        line: usize,
        fields: &[String],
        seen: &mut HashMap<PathBuf, usize>,
    ) -> Result<Face, DataError> {
        let bad = |reason: String| DataError::BadRow { path: csv.to_owned(), line, reason, ends: false };
        if fields.len() != self.count {
            return Err(bad(format!("{} fields, expected {} as in the first row", fields.len(), self.count)));
        }
        let (name, age) = (&fields[self.path], &fields[self.age]);
        let Some(age) = number(age) else {
            return Err(bad(format!("the age `{age}` is not a number, expected {} to {}", AGES.start(), AGES.end())));
        };
        let age = in_range(age, || format!("{}, line {line}", csv.display()))?;
        if name.is_empty() {
            return Err(bad("no path, expected that of an image".into()));
        }
        let Some(image) = self.find_image(csv, name) else {
            let image = csv.parent().unwrap_or(Path::new("")).join(name);
            let expected = format!("the image that {}, line {line}, names", csv.display());
            return Err(DataError::Missing { path: image, expected });
        };
        if let Some(first) = seen.get(&image) {
            let (origin, first) = (format!("{}, line {line}", csv.display()), format!("line {first}"));
            return Err(DataError::RepeatedImage { origin, image: name.clone(), first });
        }
        seen.insert(image.clone(), line);
        Ok(Face { path: image, age, group: None })
    }

    /// The file that `name` means in the CSV at `csv`.
    fn find_image(&self, csv: &Path, name: &str) -> Option<PathBuf> {
        let dir = csv.parent().unwrap_or(Path::new(""));
        let mut candidates = vec![dir.join(name)];
        if self.is_appa_real {
            let stem = csv.file_stem().unwrap_or_default().to_string_lossy();
            let part = ["train", "valid", "test"].into_iter().find(|part| stem.ends_with(part));
            let folders: Vec<PathBuf> = part.map(|p| dir.join(p)).into_iter().chain([dir.to_owned()]).collect();
            let names = [format!("{name}_face.jpg"), name.to_owned()];
            candidates = names.iter().flat_map(|n| folders.iter().map(move |f| f.join(n))).collect();
        }
        candidates.into_iter().find(|p| p.is_file())
    }
}

/// The fields of a line (RFC 4180, section 2, without line breaks inside quotes), trimmed.
pub(crate) fn row(bytes: &[u8]) -> Result<Vec<String>, String> {
    if bytes.len() as u64 == MAX_LINE && !bytes.ends_with(b"\n") {
        return Err(format!("longer than {MAX_LINE} bytes, expected a row of a few fields"));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| format!("byte {} is not UTF-8", e.valid_up_to() + 1))?;
    // Spreadsheets put a byte order mark before the first line.
    let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    let mut fields = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let trimmed = text.trim_start();
        let (field, after) = match trimmed.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = trimmed.find(',').unwrap_or(trimmed.len());
                (trimmed[..end].trim_end().to_owned(), &trimmed[end..])
            }
        };
        fields.push(field);
        rest = after.strip_prefix(',');
    }
    Ok(fields)
}

/// What a quoted field holds, and what follows it: a comma, or nothing.
fn unquote(mut text: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    loop {
        let Some(end) = text.find('"') else {
            return Err("a quoted field has no closing quote".into());
        };
        field.push_str(&text[..end]);
        text = &text[end + 1..];
        match text.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                text = after;
            }
            None => break,
        }
    }
    let after = text.trim_start();
    if after.is_empty() || after.starts_with(',') {
        Ok((field, after))
    } else {
        Err("text after the closing quote of a field, expected a comma".into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_plain_and_quoted() {
        let fields = |text: &str| row(text.as_bytes()).unwrap();
        assert_eq!(fields("a.jpg,25\r\n"), ["a.jpg", "25"]);
        assert_eq!(fields("\u{feff} a b.jpg , 25"), ["a b.jpg", "25"]);
        assert_eq!(fields("\"a, \"\"b\"\".jpg\" ,25\n"), ["a, \"b\".jpg", "25"]);
        assert_eq!(fields(",,\n"), ["", "", ""]);
        assert_eq!(fields("\n"), [""]);
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(fields in prop::collection::vec("[^\r\n\u{feff}]{0,12}", 1..6)) {
            let quoted: Vec<String> = fields.iter().map(|f| format!("\"{}\"", f.replace('"', "\"\""))).collect();
            prop_assert_eq!(row(quoted.join(",").as_bytes()).unwrap(), fields);
        }

        #[test]
        fn random_lines_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[,\" a-c1-3\u{feff}]{0,20}") {
            if let Ok(fields) = row(&bytes) {
                prop_assert!(!fields.is_empty());
            }
            if let Ok(fields) = row(text.as_bytes()) {
                prop_assert!(!fields.is_empty());
            }
        }
    }
}
