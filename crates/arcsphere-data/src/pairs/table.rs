//! Pairs in a CSV of one's own, with the header `a,b,same` and, where they are known,
//! `fold,subject_a,subject_b,group_a,group_b`, in any order. `same` is 0, 1, true or false.

use std::collections::BTreeMap;
use std::path::Path;

use super::files::{End, Listed, assemble};
use super::list::root;
use super::{PairOptions, PairSet};
use crate::age::csv;
use crate::error::DataError;
use crate::files;
use crate::lines::{self, shown};

const COLUMNS: [&str; 8] = ["a", "b", "same", "fold", "subject_a", "subject_b", "group_a", "group_b"];

/// Those without which there is no pair.
const NEEDED: usize = 3;

/// Places of [`COLUMNS`] in a row.
struct Columns {
    at: [Option<usize>; COLUMNS.len()],
    count: usize,
}

/// True for a table whose first row has the columns of pairs.
pub(super) fn is_one(path: &Path) -> bool {
    let Ok(mut file) = files::open(path, "a table of pairs") else { return false };
    let (head, _) = files::read_up_to(&mut file, 1 << 12);
    let first = head.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    csv::row(first).and_then(|row| Columns::find(&row)).is_ok()
}

pub(super) fn read(path: &Path, options: &PairOptions) -> Result<PairSet, DataError> {
    let mut columns: Option<Columns> = None;
    let mut listed = Vec::new();
    let mut folds: Vec<Option<i64>> = Vec::new();
    lines::each(path, "a table of pairs with the header a,b,same", |_, text| {
        let row = csv::row(text.as_bytes())?;
        match &columns {
            None => columns = Some(Columns::find(&row)?),
            Some(_) if row.iter().all(String::is_empty) => {}
            Some(columns) => {
                let (pair, fold) = columns.pair(&row)?;
                listed.push(pair);
                folds.push(fold);
            }
        }
        Ok(())
    })?;
    // Folds may be called by any numbers.
    let mut numbers: BTreeMap<i64, u32> = folds.iter().flatten().map(|&fold| (fold, 0)).collect();
    (0..).zip(numbers.values_mut()).for_each(|(number, fold)| *fold = number);
    let number = |fold: i64| numbers.get(&fold).copied();
    listed.iter_mut().zip(folds).for_each(|(pair, fold)| pair.fold = fold.and_then(number));
    assemble(path, &root(path, options), listed, &[], options)
}

impl Columns {
    fn find(header: &[String]) -> Result<Self, String> {
        let names: Vec<String> = header.iter().map(|name| name.to_lowercase()).collect();
        let mut at = [None; COLUMNS.len()];
        for (place, name) in names.iter().enumerate() {
            // A column that is not one of these is the user's own.
            let Some(column) = COLUMNS.iter().position(|known| known == name) else { continue };
            if at[column].replace(place).is_some() {
                return Err(format!("the column {name} is there twice"));
            }
        }
        let lost: Vec<&str> =
            COLUMNS.iter().zip(at).take(NEEDED).filter(|(_, at)| at.is_none()).map(|(n, _)| *n).collect();
        if !lost.is_empty() {
            let header = shown(&header.join(","));
            return Err(format!(
                "the header is {header}, without {}; expected {}",
                lost.join(" and "),
                COLUMNS.join(",")
            ));
        }
        for (a, b) in [(4, 5), (6, 7)] {
            if at[a].is_some() != at[b].is_some() {
                return Err(format!("one of {} and {}, expected both or none", COLUMNS[a], COLUMNS[b]));
            }
        }
        Ok(Self { at, count: header.len() })
    }

    fn pair(&self, row: &[String]) -> Result<(Listed, Option<i64>), String> {
        if row.len() != self.count {
            return Err(format!("{} fields, expected {} as in the header", row.len(), self.count));
        }
        let field = |column: usize| self.at[column].map(|at| row[at].as_str()).filter(|text| !text.is_empty());
        let end = |name: usize, subject: usize, group: usize| -> Result<End, String> {
            let name = field(name).ok_or_else(|| format!("no image in column {}", COLUMNS[name]))?.to_owned();
            let [subject, group] = [subject, group].map(|column| field(column).map(str::to_owned));
            Ok(End { name, subject, group })
        };
        let same = match field(2).unwrap_or_default().to_lowercase().as_str() {
            "1" | "true" => true,
            "0" | "false" => false,
            other => return Err(format!("same is {}, expected 0, 1, true or false", shown(other))),
        };
        let fold =
            field(3).map(|text| text.parse().map_err(|_| format!("the fold is {}, expected a number", shown(text))));
        Ok((Listed { ends: [end(0, 4, 6)?, end(1, 5, 7)?], same, fold: None }, fold.transpose()?))
    }
}
