//! The shape of one image.

use std::fmt;

/// Channels, height and width of one image; it is stored as planes (CHW, row-major).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of planes: 1 (gray) or 3 (red, green, blue).
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

impl Shape {
    /// The most values that one image may have (16,384 x 16,384 pixels in 3 planes).
    pub const MAX_VALUES: usize = 3 << 28;

    /// A shape from its three numbers.
    ///
    /// ```
    /// use arcsphere_data::Shape;
    ///
    /// let photo = Shape::new(3, 32, 30);
    /// assert_eq!((photo.values(), photo.plane(), photo.to_string().as_str()), (2880, 960, "3x32x30"));
    /// ```
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// Number of values in one image, `channels * height * width`; saturates instead of overflowing.
    pub const fn values(&self) -> usize {
        self.channels.saturating_mul(self.height).saturating_mul(self.width)
    }

    /// Number of pixels in one plane, `height * width`; saturates instead of overflowing.
    pub const fn plane(&self) -> usize {
        self.height.saturating_mul(self.width)
    }

    /// True when no dimension is zero and the image can be addressed.
    pub const fn is_usable(&self) -> bool {
        let n = self.values();
        n > 0 && n <= Self::MAX_VALUES
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_limits() {
        let shape = Shape::new(3, 32, 30);
        assert_eq!((shape.values(), shape.plane()), (2880, 960));
        assert_eq!(shape.to_string(), "3x32x30");
        assert!(shape.is_usable());
        assert!(!Shape::new(1, 0, 4).is_usable());
        assert!(!Shape::new(usize::MAX, usize::MAX, 2).is_usable());
    }
}
