//! What MXNet packs into a record: labels, two numbers, and an encoded image.
//!
//! ```text
//! u32 flag, f32 label, u64 id, u64 id2; where flag is n > 0, n labels of f32 follow; then the image
//! ```
//!
//! Source: MXNet, `pack` and `unpack` in `python/mxnet/recordio.py`.

/// Bytes before the labels that a flag above 0 announces.
pub(crate) const HEAD: usize = 24;

/// The least whole number of which an `f32` may also mean another one: 2^24 + 1 becomes 2^24.
const INEXACT: f32 = 16_777_216.0;

/// What a record of an image holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ImageRecord<'a> {
    /// One label where the flag is 0, else as many as it says.
    pub labels: Labels,
    /// The first number; by custom the record's key.
    pub id: u64,
    /// The second one.
    pub id2: u64,
    /// JPEG or PNG; empty in a record that says something of others.
    pub image: &'a [u8],
}

/// The labels of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Flag 0: the label is in the head.
    One(f32),
    /// Flag n > 0: n labels follow the head.
    Many(Vec<f32>),
}

impl<'a> ImageRecord<'a> {
    /// A record of one label.
    pub fn of_class(class: u32, id: u64, image: &'a [u8]) -> Self {
        Self { labels: Labels::One(class as f32), id, id2: 0, image }
    }

    /// Takes a record's bytes apart.
    ///
    /// # Errors
    /// Says what is missing of a record that is too short for its labels.
    ///
    /// ```
    /// use arcsphere_data::image_record::{ImageRecord, Labels};
    ///
    /// // As `struct.pack("<IfQQ", 2, 0, 7, 0) + struct.pack("<ff", 3, 1) + b"JPEG"` writes it.
    /// let bytes = [&[2, 0, 0, 0, 0, 0, 0, 0, 7][..], &[0; 15], &[0, 0, 64, 64, 0, 0, 128, 63], b"JPEG"].concat();
    /// let record = ImageRecord::unpack(&bytes)?;
    /// assert_eq!((record.labels.clone(), record.id, record.image), (Labels::Many(vec![3.0, 1.0]), 7, &b"JPEG"[..]));
    /// assert_eq!((record.class()?, record.pack()), (3, bytes));
    /// # Ok::<(), String>(())
    /// ```
    pub fn unpack(bytes: &'a [u8]) -> Result<Self, String> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or_else(|| too_short(bytes.len(), HEAD))?;
        let flag = u32::from_le_bytes(at(head, 0));
        let n = flag as usize;
        let label_bytes = n.checked_mul(4).filter(|&n| n <= rest.len());
        let (labels, image) = rest.split_at(label_bytes.ok_or_else(|| too_short(bytes.len(), HEAD + 4 * n))?);
        let labels = match flag {
            0 => Labels::One(f32::from_le_bytes(at(head, 4))),
            _ => Labels::Many(labels.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()),
        };
        Ok(Self { labels, id: u64::from_le_bytes(at(head, 8)), id2: u64::from_le_bytes(at(head, 16)), image })
    }

    /// The record's bytes.
    pub fn pack(&self) -> Vec<u8> {
        let (flag, label, more) = match &self.labels {
            Labels::One(label) => (0, *label, &[][..]),
            Labels::Many(labels) => (labels.len() as u32, 0.0, labels.as_slice()),
        };
        let mut bytes = Vec::with_capacity(HEAD + 4 * more.len() + self.image.len());
        bytes.extend_from_slice(&flag.to_le_bytes());
        bytes.extend_from_slice(&label.to_le_bytes());
        bytes.extend_from_slice(&self.id.to_le_bytes());
        bytes.extend_from_slice(&self.id2.to_le_bytes());
        more.iter().for_each(|label| bytes.extend_from_slice(&label.to_le_bytes()));
        bytes.extend_from_slice(self.image);
        bytes
    }

    /// The first label, as the class that it names.
    ///
    /// # Errors
    /// Says what the label is where it is no whole number in 0..2^24: an `f32` holds only those exactly.
    pub fn class(&self) -> Result<u32, String> {
        match &self.labels {
            Labels::One(label) => class(*label),
            Labels::Many(labels) => class(labels.first().copied().unwrap_or(f32::NAN)),
        }
    }
}

/// The class that a label names.
pub(crate) fn class(label: f32) -> Result<u32, String> {
    if (0.0..INEXACT).contains(&label) && label.fract() == 0.0 {
        return Ok(label as u32);
    }
    let why = if label.is_finite() && label >= INEXACT {
        "; an f32 holds no larger ones exactly, so classes run together"
    } else {
        ""
    };
    Err(format!("the label is {label}, expected the number of a class, 0..={}{why}", INEXACT as u32 - 1))
}

fn too_short(found: usize, expected: usize) -> String {
    format!("an image record of {found} bytes, expected at least {expected} for its head and its labels")
}

/// `N` bytes of a head, which has them.
fn at<const N: usize>(head: &[u8; HEAD], from: usize) -> [u8; N] {
    std::array::from_fn(|i| head[from + i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_label_or_many() {
        let record = ImageRecord::of_class(5, 9, b"PNG");
        let bytes = record.pack();
        // struct.pack("<IfQQ", 0, 5.0, 9, 0) + b"PNG"
        assert_eq!(bytes, [&[0, 0, 0, 0, 0, 0, 160, 64, 9][..], &[0; 15], b"PNG"].concat());
        assert_eq!(ImageRecord::unpack(&bytes), Ok(record));
        let many = ImageRecord { labels: Labels::Many(vec![1.0, 0.0]), id: 0, id2: 1, image: b"" };
        assert_eq!(ImageRecord::unpack(&many.pack()), Ok(many));
    }

    #[test]
    fn truncated_at_every_byte() {
        let bytes = ImageRecord { labels: Labels::Many(vec![1.0, 2.0]), id: 0, id2: 0, image: b"" }.pack();
        assert_eq!(bytes.len(), 32);
        for n in 0..bytes.len() {
            let error = ImageRecord::unpack(&bytes[..n]).unwrap_err();
            assert!(error.contains(&format!("{n} bytes")), "{error}");
        }
        // A flag that promises more labels than there is memory.
        assert!(ImageRecord::unpack(&[255; 64]).is_err());
    }

    #[test]
    fn a_class_is_a_whole_number_that_an_f32_tells_from_its_neighbors() {
        assert_eq!(class(0.0), Ok(0));
        assert_eq!(class(-0.0), Ok(0));
        assert_eq!(class(16_777_215.0), Ok(16_777_215));
        for label in [-1.0, 0.5, f32::NAN, f32::INFINITY, 1e30, (1_u32 << 24) as f32, ((1_u32 << 24) + 1) as f32] {
            assert!(class(label).is_err(), "{label}");
        }
        assert!(class(16_777_217_u32 as f32).unwrap_err().contains("run together"));
    }
}
