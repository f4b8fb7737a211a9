//! What the images are labelled with: classes, or steps of an ordered target.

use super::{PlanError, Splits, refused};
use crate::config::{Config, Task};
use arcsphere_data::age::WIDTHS;
use arcsphere_data::catalog::DATASETS;

/// What [`arcsphere_data::open`] is to open for a configuration.
///
/// To classify it is `data.source` itself. For ages a named set must have an ordered target, and
/// any other source is a folder of faces whose names begin with the age or a CSV of (path, age),
/// with a class for every `data.age_bin` years. A source that says its bins itself (`age/5:PATH`)
/// or makes its target (`rotated:SET`) is left as it is.
///
/// # Errors
///
/// [`PlanError`] for a bin out of range, a named set whose classes have no order, and for an open
/// set: an age is read off the classes, so they must be the ones that were trained on.
///
/// ```
/// use arcsphere::config::{Config, Task};
/// use arcsphere::plan::source;
///
/// let mut config = Config { task: Task::Age, ..Config::default() };
/// config.data.source = "faces".into();
/// assert_eq!(source(&config)?, "age/1:faces"); // a class a year
/// config.data.source = "mnist".into();
/// assert!(source(&config).unwrap_err().to_string().contains("no order"));
/// # Ok::<(), arcsphere::plan::PlanError>(())
/// ```
pub fn source(config: &Config) -> Result<String, PlanError> {
    let (source, width) = (&config.data.source, config.data.age_bin);
    if config.task == Task::Classify {
        return Ok(source.clone());
    }
    if !WIDTHS.contains(&width) {
        let range = format!("in {}..={}", WIDTHS.start(), WIDTHS.end());
        return Err(refused("data.age_bin", width, range, "a class is that many whole years"));
    }
    if config.data.open_set {
        return Err(PlanError::Data(
            "task = \"age\" has no open set: an age is read off the classes that were trained on; leave open_set out"
                .to_owned(),
        ));
    }
    if let Some(info) = DATASETS.iter().find(|d| d.name == source) {
        return match info.target {
            Some(_) => Ok(source.clone()),
            None => Err(no_order(source)),
        };
    }
    match source.split_once(':') {
        Some((prefix, _)) if prefix == "rotated" || prefix.starts_with("age/") => Ok(source.clone()),
        _ => Ok(format!("age/{width}:{}", source.strip_prefix("age:").unwrap_or(source))),
    }
}

/// Refuses images without an ordered target where one is to be learned.
pub(super) fn check(config: &Config, splits: &Splits) -> Result<(), PlanError> {
    match config.task {
        Task::Age if splits.train.targets().is_none() => Err(no_order(&config.data.source)),
        _ => Ok(()),
    }
}

fn no_order(source: &str) -> PlanError {
    PlanError::Data(format!(
        "the classes of {source} have no order, so task = \"age\" cannot be learned from them: give a folder of \
         images named AGE_GENDER_RACE_DATE.jpg, a CSV of (path, age), or the stand-in rotated-digits"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(task: Task, source: &str, age_bin: u32) -> Result<String, String> {
        let mut config = Config { task, ..Config::default() };
        (config.data.source, config.data.age_bin) = (source.into(), age_bin);
        super::source(&config).map_err(|e| e.to_string())
    }

    #[test]
    fn a_path_is_read_for_its_ages_and_a_name_is_checked() {
        assert_eq!(of(Task::Classify, "faces", 99), Ok("faces".into()));
        assert_eq!(of(Task::Age, "faces", 1), Ok("age/1:faces".into()));
        assert_eq!(of(Task::Age, "age:faces.csv", 5), Ok("age/5:faces.csv".into()));
        for as_it_is in ["age/10:faces", "rotated:mnist", "rotated-digits"] {
            assert_eq!(of(Task::Age, as_it_is, 1), Ok(as_it_is.into()));
        }
        assert!(of(Task::Age, "mnist", 1).unwrap_err().contains("no order"));
        for width in [0, 61] {
            assert!(of(Task::Age, "faces", width).unwrap_err().contains("in 1..=60"));
        }
        let mut config = Config { task: Task::Age, ..Config::default() };
        config.data.open_set = true;
        assert!(super::source(&config).unwrap_err().to_string().contains("open set"));
    }
}
