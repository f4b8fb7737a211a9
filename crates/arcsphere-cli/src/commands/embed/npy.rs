//! NumPy's file of an array.

/// The bytes of a .npy file (format 1.0) of a float32 array [rows, columns], row-major: a magic, the length
/// of what follows up to the line's end, a Python dictionary padded with blanks to a multiple of 64 bytes,
/// and the values, little-endian.
///
/// Source: numpy.lib.format.
pub(super) fn bytes(rows: usize, columns: usize, values: &[f32]) -> Vec<u8> {
    const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Two bytes say the length; the header ends with a line break.
    let start = MAGIC.len() + 2;
    let padded = (start + header.len() + 1).next_multiple_of(64);
    header.extend(std::iter::repeat_n(' ', padded - start - header.len() - 1));
    header.push('\n');

    let mut out = Vec::with_capacity(padded + 4 * values.len());
    out.extend_from_slice(MAGIC);
    // At most 128: two numbers of 20 digits.
    out.extend_from_slice(&(header.len() as u16).to_le_bytes());
    out.extend_from_slice(header.as_bytes());
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_numpys() {
        // numpy.save(file, numpy.array([[1, -2.5, 0], [4, 5, 6]], numpy.float32)), NumPy 2.
        let header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        let bytes = bytes(2, 3, &[1.0, -2.5, 0.0, 4.0, 5.0, 6.0]);
        assert_eq!(bytes[..header.len()], header[..]);
        assert!(bytes[header.len()..127].iter().all(|&b| b == b' '));
        assert_eq!((bytes[127], bytes.len()), (b'\n', 128 + 24));
        assert_eq!(bytes[128..136], [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0]);
    }

    #[test]
    fn any_size_is_padded_to_a_multiple_of_64() {
        for rows in [0, 1, 99_999, usize::MAX] {
            let bytes = bytes(rows, usize::MAX, &[]);
            assert!(bytes.len() % 64 == 0 && bytes.ends_with(b"\n"), "{rows}");
            assert_eq!(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])) + 10, bytes.len());
        }
    }
}
