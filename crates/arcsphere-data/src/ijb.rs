//! The lists of IJB-B and IJB-C: templates (sets of images of one subject), the points of each face, the pairs of
//! templates for 1:1, and galleries and probes for 1:N.
//!
//! ```text
//! meta/ijbc_face_tid_mid.txt             image template medium
//! meta/ijbc_name_5pts_score.txt          image x1 y1 x2 y2 x3 y3 x4 y4 x5 y5 score; the same images in the same order
//! meta/ijbc_template_pair_label.txt      template template 0|1
//! meta/ijbc_1N_gallery_G1.csv            with a header; template, subject, …
//! loose_crop/IMAGE                       the images
//! ```
//!
//! Source: insightface, `recognition/arcface_torch/eval_ijbc.py` and `recognition/_evaluation_/ijb`.

use std::collections::HashSet;
use std::path::Path;

use crate::age::csv;
use crate::error::DataError;
use crate::lines::{self, shown};

/// A face of a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Face {
    /// Its file in `loose_crop`.
    pub image: String,
    /// The template that it is in.
    pub template: u32,
    /// The medium that it is from: frames of one video have one.
    pub medium: u32,
    /// Eyes, nose, corners of the mouth: x and y of each in pixels.
    pub points: [[f32; 2]; 5],
    /// The detector's score.
    pub score: f32,
}

/// Two templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplatePair {
    /// The first template.
    pub a: u32,
    /// The second one.
    pub b: u32,
    /// True where both show one subject.
    pub same: bool,
}

/// A template and whom it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateSubject {
    /// The template.
    pub template: u32,
    /// The subject.
    pub subject: u32,
}

/// Reads the faces: `…_face_tid_mid.txt` and `…_name_5pts_score.txt`, line by line together.
///
/// # Errors
/// [`BadRow`](DataError::BadRow) for a line that cannot be understood, and for one that names another image than the
/// same line of the other list; [`CountMismatch`](DataError::CountMismatch); [`Missing`](DataError::Missing).
///
/// ```
/// let dir = tempfile::tempdir().unwrap();
/// let (templates, points) = (dir.path().join("x_face_tid_mid.txt"), dir.path().join("x_name_5pts_score.txt"));
/// std::fs::write(&templates, "1.jpg 1 69544\n").unwrap();
/// std::fs::write(&points, "1.jpg 46.0 62.0 87.5 60.0 65.0 91.0 52.0 111.0 92.0 110.0 0.9\n").unwrap();
/// let faces = arcsphere_data::ijb::faces(&templates, &points)?;
/// assert_eq!((faces[0].template, faces[0].points[1], faces[0].score), (1, [87.5, 60.0], 0.9));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn faces(templates: &Path, points: &Path) -> Result<Vec<Face>, DataError> {
    let mut faces: Vec<Face> = Vec::new();
    lines::each(templates, "a list of faces (face_tid_mid.txt)", |_, text| {
        let [image, template, medium] = parts(text, "image template medium")?;
        let image = image.to_owned();
        let (template, medium) = (number(template, "a template")?, number(medium, "a medium")?);
        faces.push(Face { image, template, medium, points: [[0.0; 2]; 5], score: 0.0 });
        Ok(())
    })?;
    let mut found = 0;
    lines::each(points, "a list of points (name_5pts_score.txt)", |line, text| {
        let [image, values @ ..]: [&str; 12] = parts(text, "image, five points and a score")?;
        let face = faces.get_mut(line - 1).ok_or("a line more than the list of templates has")?;
        if face.image != image {
            return Err(format!("image {}, but {} in the list of templates", shown(image), shown(&face.image)));
        }
        for (i, value) in values.iter().enumerate() {
            let value = finite(value)?;
            match face.points.get_mut(i / 2) {
                Some(point) => point[i % 2] = value,
                None => face.score = value,
            }
        }
        found = line;
        Ok(())
    })?;
    if found == faces.len() {
        return Ok(faces);
    }
    let (path, because) = (points.to_owned(), "one for each of the list of templates".into());
    Err(DataError::CountMismatch { path, what: "faces", found, expected: faces.len(), because })
}

/// Reads the pairs of templates, 12 bytes each: `…_template_pair_label.txt`.
///
/// # Errors
/// [`BadRow`](DataError::BadRow), [`Missing`](DataError::Missing).
///
/// ```
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("x_template_pair_label.txt");
/// std::fs::write(&path, "1 11065 1\n1 11066 0\n").unwrap();
/// let pairs = arcsphere_data::ijb::pairs(&path)?;
/// assert_eq!((pairs.len(), pairs[0].b, pairs[1].same), (2, 11065, false));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn pairs(path: &Path) -> Result<Vec<TemplatePair>, DataError> {
    let mut pairs = Vec::new();
    lines::each(path, "a list of pairs (template_pair_label.txt)", |_, text| {
        let [a, b, label] = parts(text, "template template label")?;
        let same = match label {
            "0" => false,
            "1" => true,
            _ => return Err(format!("the label {}, expected 0 or 1", shown(label))),
        };
        pairs.push(TemplatePair { a: number(a, "a template")?, b: number(b, "a template")?, same });
        Ok(())
    })?;
    Ok(pairs)
}

/// Reads a gallery or the probes of 1:N, a template once: `ijbb_1N_gallery_S1.csv`, `ijbc_1N_probe_mixed.csv`.
///
/// # Errors
/// [`BadRow`](DataError::BadRow), also for a template of two subjects; [`Missing`](DataError::Missing).
///
/// ```
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("ijbc_1N_gallery_G1.csv");
/// std::fs::write(&path, "TEMPLATE_ID,SUBJECT_ID,FILENAME\n3,7,a.jpg\n3,7,b.jpg\n5,9,c.jpg\n").unwrap();
/// let gallery = arcsphere_data::ijb::subjects(&path)?;
/// assert_eq!((gallery.len(), gallery[1].subject), (2, 9));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn subjects(path: &Path) -> Result<Vec<TemplateSubject>, DataError> {
    let mut known: std::collections::HashMap<u32, u32> = std::collections::HashMap::new();
    let mut found = Vec::new();
    lines::each(path, "a table of templates and subjects", |line, text| {
        let row = csv::row(text.as_bytes())?;
        let [template, subject, ..] = row.as_slice() else {
            return Err(format!("{}, expected template,subject,…", shown(text)));
        };
        if line == 1 {
            // Two numbers would be a row: the header is part of the format.
            return if template.parse::<u32>().is_ok() { Err("a row, expected a header".into()) } else { Ok(()) };
        }
        let (template, subject) = (number(template, "a template")?, number(subject, "a subject")?);
        match *known.entry(template).or_insert_with(|| {
            found.push(TemplateSubject { template, subject });
            subject
        }) {
            first if first == subject => Ok(()),
            first => Err(format!("template {template} shows subject {subject}, but {first} in a row above")),
        }
    })?;
    Ok(found)
}

/// Checks that every template of the pairs has a face.
///
/// # Errors
/// [`BadPairs`](DataError::BadPairs) for the first one that has none.
pub fn check(faces: &[Face], pairs: &[TemplatePair]) -> Result<(), DataError> {
    let known: HashSet<u32> = faces.iter().map(|face| face.template).collect();
    let lost = (1..).zip(pairs).find_map(|(number, pair)| {
        [pair.a, pair.b].into_iter().find(|template| !known.contains(template)).map(|template| (number, template))
    });
    lost.map_or(Ok(()), |(number, template): (usize, u32)| {
        let reason = format!("pair {number} is of template {template}, which has no face");
        Err(DataError::BadPairs { origin: "IJB".into(), reason })
    })
}

fn parts<'a, const N: usize>(line: &'a str, expected: &str) -> Result<[&'a str; N], String> {
    let mut fields = line.split_ascii_whitespace();
    let mut parts = [""; N];
    for part in &mut parts {
        *part = fields.next().ok_or_else(|| format!("{}, expected {expected}", shown(line)))?;
    }
    if fields.next().is_some() { Err(format!("{}, expected {expected}", shown(line))) } else { Ok(parts) }
}

fn number(text: &str, what: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{}, expected the number of {what}", shown(text)))
}

fn finite(text: &str) -> Result<f32, String> {
    let value = text.parse().ok().filter(|value: &f32| value.is_finite());
    value.ok_or_else(|| format!("{}, expected a number", shown(text)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const POINTS: &str = "a.jpg 1 2 3 4 5 6 7 8 9 10 0.5\nb.jpg 1 2 3 4 5 6 7 8 9 10.5 0.25\n";

    #[test]
    fn lists_of_faces_that_cannot_be_right() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("tid.txt"), dir.path().join("points.txt"));
        let read = |templates: &str, points: &str| {
            fs::write(&one, templates).unwrap();
            fs::write(&other, points).unwrap();
            faces(&one, &other).map_err(|e| e.to_string())
        };
        let good = "a.jpg 1 10\nb.jpg 1 11\n";
        let found = read(good, POINTS).unwrap();
        assert_eq!((found[1].medium, found[1].points[4], found[1].score), (11, [9.0, 10.5], 0.25));
        for (templates, points, word) in [
            ("a.jpg 1\n", POINTS, "tid.txt, line 1: `a.jpg 1`, expected image template medium"),
            ("a.jpg 1 2 3\n", POINTS, "tid.txt, line 1"),
            ("a.jpg x 2\n", POINTS, "`x`, expected the number of a template"),
            ("a.jpg 1 -2\n", POINTS, "`-2`, expected the number of a medium"),
            ("a.jpg 1 10\n", POINTS, "points.txt, line 2: a line more"),
            ("b.jpg 1 11\na.jpg 1 10\n", POINTS, "points.txt, line 1: image `a.jpg`, but `b.jpg`"),
            (good, "a.jpg 1 2 3 4 5 6 7 8 9 10 0.5\n", "1 faces, expected 2"),
            (good, "a.jpg 1 2 3 4 5 6 7 8 9 0.5\n", "points.txt, line 1"),
            (good, "a.jpg 1 2 3 4 5 6 7 8 9 x 0.5\n", "`x`, expected a number"),
            (good, "a.jpg 1 2 3 4 5 6 7 8 9 NaN 0.5\n", "`NaN`"),
        ] {
            let error = read(templates, points).unwrap_err();
            assert!(error.contains(word), "{word} in {error}");
        }
        assert!(matches!(faces(&dir.path().join("x"), &other), Err(DataError::Missing { .. })));
    }

    #[test]
    fn pairs_and_subjects_that_cannot_be_right() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for (text, word) in
            [("1 2\n", "line 1"), ("1 2 3\n", "`3`"), ("1 x 1\n", "`x`"), ("1 2 1\n1 2 1 4\n", "line 2")]
        {
            fs::write(&path, text).unwrap();
            let error = pairs(&path).unwrap_err().to_string();
            assert!(error.contains(word), "{word} in {error}");
        }
        for (text, word) in [
            ("1,2\n", "expected a header"),
            ("T,S\n1\n", "line 2"),
            ("T,S\n1,x\n", "`x`"),
            ("T,S\n1,2\n1,3\n", "template 1 shows subject 3, but 2"),
        ] {
            fs::write(&path, text).unwrap();
            let error = subjects(&path).unwrap_err().to_string();
            assert!(error.contains(word), "{word} in {error}");
        }
        let face = |template| Face { image: "a".into(), template, medium: 0, points: [[0.0; 2]; 5], score: 1.0 };
        let pair = |a, b| TemplatePair { a, b, same: true };
        assert!(check(&[face(1), face(2)], &[pair(1, 2)]).is_ok());
        let error = check(&[face(1), face(2)], &[pair(1, 2), pair(2, 3)]).unwrap_err().to_string();
        assert!(error.contains("pair 2 is of template 3"), "{error}");
        assert_eq!(size_of::<TemplatePair>(), 12);
    }
}
