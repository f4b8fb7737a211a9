//! NumPy's `.npy` format, version 1.0, for a matrix of float32.

/// The data begins at a multiple of this, so that a reader may map the file.
const ALIGNMENT: usize = 64;

/// The file of a row-major matrix, byte for byte as `numpy.save` writes it.
///
/// `values` holds the rows one after another; `columns` is the length of each.
pub(crate) fn matrix(columns: usize, values: &[f32]) -> Vec<u8> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Magic, version, the header's length in two bytes; then the header, spaces and a line break.
    let before = b"\x93NUMPY\x01\x00".len() + 2;
    let length = (before + header.len() + 1).next_multiple_of(ALIGNMENT) - before;
    header.extend(std::iter::repeat_n(' ', length - header.len() - 1));
    header.push('\n');

    let mut file = Vec::with_capacity(before + length + size_of_val(values));
    file.extend_from_slice(b"\x93NUMPY\x01\x00");
    // The two numbers of a shape have 20 digits each at most: the length is below 256.
    file.extend_from_slice(&(length as u16).to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    for value in values {
        file.extend_from_slice(&value.to_le_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::matrix;

    #[test]
    fn a_matrix_is_written_as_numpy_writes_it() {
        // `numpy.save` of `numpy.array([[1, -2, 0.5]], dtype=numpy.float32)`.
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend_from_slice(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }");
        expected.resize(127, b' ');
        expected.push(b'\n');
        expected.extend_from_slice(&[0, 0, 128, 63, 0, 0, 0, 192, 0, 0, 0, 63]);
        assert_eq!(matrix(3, &[1.0, -2.0, 0.5]), expected);
    }

    #[test]
    fn data_begins_at_a_multiple_of_64_whatever_the_shape() {
        for columns in [1, 7, 128, 100_000] {
            let file = matrix(columns, &vec![1.5; 2 * columns]);
            assert_eq!((file.len() - 8 * columns) % 64, 0, "{columns}");
            assert_eq!(file[file.len() - 8 * columns - 1], b'\n', "{columns}");
        }
        assert!(matrix(2, &[]).windows(6).any(|w| w == b"(0, 2)"));
    }
}
