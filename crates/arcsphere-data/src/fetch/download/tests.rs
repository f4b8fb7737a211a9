//! Downloads from a server on this machine, well-behaved and not.

use super::test_server::{Manner, serve};
use super::*;

fn content() -> Vec<u8> {
    (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// Downloads `file` from a server of the given manner, having `part` of it already.
fn run(manner: Manner, part: &[u8], digest: &str) -> (Result<(), DataError>, Outcome) {
    let server = serve(&[("file", content())], manner);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    if !part.is_empty() {
        fs::write(part::part_of(&path), part).unwrap();
    }
    let url = format!("{}/file", server.base);
    let mut seen = Vec::new();
    let remote = Remote { url: &url, path: &path, md5: digest, bytes: 200_000 };
    let result = download(remote, &mut |done, total| seen.push((done, total)));
    let ranges = server.ranges.lock().unwrap().clone();
    let outcome =
        Outcome { file: fs::read(&path).ok(), part: fs::read(part::part_of(&path)).ok(), ranges, progress: seen };
    (result, outcome)
}

struct Outcome {
    file: Option<Vec<u8>>,
    part: Option<Vec<u8>>,
    ranges: Vec<Option<String>>,
    progress: Vec<(u64, u64)>,
}

#[test]
fn a_whole_file() {
    let (result, outcome) = run(Manner::Ranges, &[], &md5(&content()));
    result.unwrap();
    assert_eq!((outcome.file, outcome.part), (Some(content()), None));
    assert_eq!(outcome.ranges, [None]);
    assert_eq!(outcome.progress.first(), Some(&(0, 200_000)));
    assert_eq!(outcome.progress.last(), Some(&(200_000, 200_000)));
    assert!(outcome.progress.windows(2).all(|w| w[0].0 <= w[1].0));
}

#[test]
fn resumes_where_it_stopped() {
    let (result, outcome) = run(Manner::Ranges, &content()[..70_000], &md5(&content()));
    result.unwrap();
    assert_eq!((outcome.file, outcome.part), (Some(content()), None));
    assert_eq!(outcome.ranges, [Some("bytes=70000-".to_string())]);
    assert_eq!(outcome.progress[0], (70_000, 200_000));
}

#[test]
fn starts_over_when_the_server_has_no_ranges() {
    let (result, outcome) = run(Manner::NoRanges, &content()[..70_000], &md5(&content()));
    result.unwrap();
    assert_eq!(outcome.file, Some(content()));
}

#[test]
fn a_part_that_is_whole_is_only_verified() {
    let (result, outcome) = run(Manner::Ranges, &content(), &md5(&content()));
    result.unwrap();
    assert_eq!((outcome.file, outcome.part), (Some(content()), None));
    assert!(outcome.progress.is_empty());
}

#[test]
fn a_part_of_another_file_is_replaced() {
    let (result, outcome) = run(Manner::Ranges, &[0; 1000], &md5(&content()));
    result.unwrap();
    assert_eq!(outcome.file, Some(content()));
    assert_eq!(outcome.ranges, [Some("bytes=1000-".to_string()), None]);
}

#[test]
fn a_connection_that_breaks_off_is_taken_up_again() {
    let (result, outcome) = run(Manner::BreaksOffAfter(60_000), &[], &md5(&content()));
    result.unwrap();
    assert_eq!(outcome.file, Some(content()));
    let offsets = ["bytes=60000-", "bytes=120000-", "bytes=180000-"].map(|r| Some(r.to_string()));
    assert_eq!(outcome.ranges[1..], offsets);
}

#[test]
fn a_dead_connection_leaves_the_part() {
    let (result, outcome) = run(Manner::BreaksOffAfter(0), &content()[..5], &md5(&content()));
    assert!(matches!(result, Err(DataError::Http { .. })), "{result:?}");
    assert_eq!((outcome.file, outcome.part), (None, Some(content()[..5].to_vec())));
    assert_eq!(outcome.ranges.len(), ATTEMPTS as usize);
}

#[test]
fn a_wrong_checksum_removes_the_file() {
    let (result, outcome) = run(Manner::Ranges, &[], &md5(b"something else"));
    match result {
        Err(DataError::Checksum { found, expected, .. }) => {
            assert_eq!((found, expected), (md5(&content()), md5(b"something else")));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((outcome.file, outcome.part), (None, None));
}

#[test]
fn other_ranges_and_statuses_are_named() {
    let (result, outcome) = run(Manner::WrongRange, &content()[..9], &md5(&content()));
    assert!(result.unwrap_err().to_string().contains("another range"));
    assert_eq!(outcome.part.map(|p| p.len()), Some(9));
    let (result, _) = run(Manner::Status(403), &[], "");
    assert!(result.unwrap_err().to_string().contains("status 403"));
}

#[test]
fn a_file_far_larger_than_published_is_refused() {
    let server = serve(&[("file", content())], Manner::Ranges);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let url = format!("{}/file", server.base);
    let remote = Remote { url: &url, path: &path, md5: "", bytes: 99_000 };
    let error = download(remote, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("200000 bytes, expected 99000"), "{error}");
    assert!(!path.exists());
}
