//! Each way in which parts of a set can be wrong, and what parts of a set keep.

use super::*;
use crate::target::Unit;

/// The same images, labels, targets, classes and names.
impl PartialEq for Dataset {
    fn eq(&self, other: &Self) -> bool {
        self.classes == other.classes
            && self.sha256().unwrap() == other.sha256().unwrap()
            && (0..self.len()).all(|i| self.info(i) == other.info(i))
    }
}

impl Dataset {
    /// All pixels, image after image.
    pub(crate) fn pixels(&self) -> Vec<u8> {
        (0..self.len()).flat_map(|i| self.image(i).unwrap().into_owned()).collect()
    }
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("c{i}")).collect()
}

fn small() -> Dataset {
    let pixels = (0..16).collect();
    Dataset::new(Shape::new(1, 2, 2), pixels, vec![0, 1, 1, 2], names(3)).unwrap()
}

#[test]
fn each_broken_part_has_its_error() {
    let shape = Shape::new(1, 2, 2);
    let make = |shape, pixels: usize, labels: Vec<u32>, classes| {
        Dataset::new(shape, vec![0; pixels], labels, classes).unwrap_err()
    };
    assert!(matches!(make(Shape::new(0, 2, 2), 0, vec![0], names(1)), DataError::BadShape { .. }));
    assert!(matches!(make(shape, 4, vec![0], vec![]), DataError::ZeroClasses { .. }));
    assert!(matches!(make(shape, 0, vec![], names(1)), DataError::EmptySet { .. }));
    assert!(matches!(make(shape, 5, vec![0], names(1)), DataError::PixelCount { found: 5, expected: 4, .. }));
    assert!(matches!(
        make(shape, 8, vec![0, 3], names(3)),
        DataError::LabelOutOfRange { record: 1, label: 3, n_classes: 3, .. }
    ));
    let twice = vec!["a".to_string(), "b".into(), "a".into()];
    assert!(matches!(
        make(shape, 4, vec![0], twice),
        DataError::DuplicateClass { class, .. } if class == "a"
    ));
}

#[test]
fn access_and_parts() {
    let set = small();
    assert_eq!(set.image(2).unwrap()[..], [8, 9, 10, 11]);
    for i in [4, usize::MAX] {
        let error = set.image(i).unwrap_err();
        assert!(matches!(error, DataError::IndexOutOfRange { index, len: 4 } if index == i), "{error}");
        assert_eq!(set.info(i), SampleInfo::default());
    }
    assert_eq!((set.label(3), set.label(4)), (Some(2), None));
    assert_eq!(set.class_counts(), [1, 2, 1]);
    let part = set.subset(&[3, 0]).unwrap();
    assert_eq!((part.image(0).unwrap(), part.labels()), (set.image(3).unwrap(), &[2, 0][..]));
    // A part of a part counts from its own first image, and knows the names of the whole.
    let again = part.subset(&[1, 1, 0]).unwrap();
    assert_eq!((again.image(2).unwrap(), again.labels()), (set.image(3).unwrap(), &[0, 0, 2][..]));
    assert_eq!((again.info(0).name, again.info(2).name), ("00000".to_string(), "00003".into()));
    assert!(part.subset(&[2]).is_err());
    assert_eq!(set.take(9).unwrap(), set);
    assert!(matches!(set.take(0), Err(DataError::EmptySet { .. })));
    assert!(matches!(set.subset(&[4]), Err(DataError::IndexOutOfRange { index: 4, len: 4 })));
    let error = part.require_every_class("part").unwrap_err();
    assert!(error.to_string().contains("class `c1` has no sample"), "{error}");
}

#[test]
fn parts_copy_no_pixels() {
    let set = small();
    let (clone, part) = (set.clone(), set.take(2).unwrap().keep_classes(|c| c == 1).unwrap());
    let at = |set: &Dataset, i| set.image(i).unwrap().as_ptr();
    assert_eq!((at(&clone, 1), at(&part, 0)), (at(&set, 1), at(&set, 1)));
    assert_eq!((part.labels(), part.classes()), (&[0][..], &["c1".to_string()][..]));
}

/// Samples that fail from the third on, and count how often they are decoded.
struct Failing(Vec<String>, Arc<std::sync::atomic::AtomicUsize>);

impl Samples for Failing {
    fn len(&self) -> usize {
        4
    }
    fn shape(&self) -> Shape {
        Shape::new(1, 2, 2)
    }
    fn classes(&self) -> &[String] {
        &self.0
    }
    fn label(&self, i: usize) -> u32 {
        [0, 1, 1, 2][i]
    }
    fn info(&self, i: usize) -> SampleInfo {
        SampleInfo::named(format!("{i:05}"))
    }
    fn decode(&self, i: usize, planes: &mut [u8]) -> Result<(), DataError> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if i > 1 {
            return Err(DataError::EmptySet { origin: format!("sample {i}") });
        }
        (0_u8..).zip(planes).for_each(|(p, to)| *to = 4 * i as u8 + p);
        Ok(())
    }
}

#[test]
fn what_is_decoded_is_as_what_is_in_memory_and_read_once() {
    let decoded = Arc::default();
    let set = Dataset::from_samples(Failing(names(3), Arc::clone(&decoded))).unwrap();
    let (first, in_memory) = (set.take(2).unwrap(), small().take(2).unwrap());
    assert_eq!(first.sha256().unwrap(), in_memory.sha256().unwrap());
    assert_eq!(first.clone().histograms().unwrap(), in_memory.histograms().unwrap());
    assert_eq!(decoded.load(std::sync::atomic::Ordering::Relaxed), 2);
    // The first failure in order, however the threads come.
    for _ in 0..20 {
        assert!(set.sha256().unwrap_err().to_string().contains("sample 2"));
    }
}

#[test]
fn the_digest_sees_every_part() {
    let set = small();
    assert_eq!(set.sha256().unwrap().len(), 64);
    let changed = |shape, first: u8, labels: Vec<u32>| {
        let pixels = (0..16).map(|v| if v == 3 { first } else { v }).collect();
        Dataset::new(shape, pixels, labels, names(3)).unwrap().sha256().unwrap()
    };
    let shape = set.shape();
    assert_eq!(set.sha256().unwrap(), changed(shape, 3, vec![0, 1, 1, 2]));
    assert_ne!(set.sha256().unwrap(), changed(shape, 3, vec![1, 1, 1, 2]));
    assert_ne!(set.sha256().unwrap(), changed(shape, 2, vec![0, 1, 1, 2]));
    assert_ne!(set.sha256().unwrap(), changed(Shape::new(1, 1, 4), 3, vec![0, 1, 1, 2]));
    let values = [7.0, 25.0, 26.0, 90.0];
    let digests = [
        set.sha256().unwrap(),
        aged().sha256().unwrap(),
        with(Unit::Degrees, &values, &[7.0, 25.5, 90.0]).unwrap().sha256().unwrap(),
        with(Unit::Years, &values, &[7.0, 25.0, 90.0]).unwrap().sha256().unwrap(),
        with(Unit::Years, &[7.0, 25.0, 26.0, 91.0], &[7.0, 25.5, 90.0]).unwrap().sha256().unwrap(),
    ];
    let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(distinct.len(), digests.len());
}

fn with(unit: Unit, values: &[f32], class_values: &[f32]) -> Result<Dataset, DataError> {
    small().with_targets(Targets::new(unit, values.to_vec(), class_values.to_vec())?)
}

#[test]
fn what_is_known_of_samples_is_of_all_and_follows_them() {
    let error = small().with_info(vec![SampleInfo::default(); 3]).unwrap_err();
    assert!(matches!(error, DataError::ValueCount { found: 3, expected: 4, .. }), "{error}");
    let info = |i: u8| SampleInfo { subject: Some(format!("s{i}")), ..SampleInfo::named(format!("n{i}")) };
    let part = small().subset(&[3, 1, 2]).unwrap().with_info((0..3).map(info).collect()).unwrap();
    let last = part.subset(&[2]).unwrap();
    assert_eq!((last.info(0), last.image(0).unwrap()), (info(2), small().image(2).unwrap()));
    assert_eq!(part.sha256().unwrap(), small().subset(&[3, 1, 2]).unwrap().sha256().unwrap());
}

fn aged() -> Dataset {
    with(Unit::Years, &[7.0, 25.0, 26.0, 90.0], &[7.0, 25.5, 90.0]).unwrap()
}

#[test]
fn targets_are_of_all_images_and_classes_and_follow_them() {
    let error = with(Unit::Years, &[1.0; 5], &[1.0; 3]).unwrap_err();
    assert!(matches!(error, DataError::ValueCount { found: 5, expected: 4, .. }), "{error}");
    let error = with(Unit::Years, &[1.0; 4], &[1.0; 2]).unwrap_err();
    assert!(matches!(error, DataError::ValueCount { found: 2, expected: 3, .. }), "{error}");
    let part = aged().subset(&[3, 0, 3]).unwrap();
    let targets = part.targets().unwrap();
    assert_eq!((targets.values(), targets.class_values()), (&[90.0, 7.0, 90.0][..], &[7.0, 25.5, 90.0][..]));
    assert_eq!(small().targets(), None);
    assert_eq!(aged().with_info(vec![SampleInfo::default(); 4]).unwrap().targets(), aged().targets());
}
