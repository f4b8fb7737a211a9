//! Weights packed for the register tile: panels of one, two or four vectors of output channels.

use std::ops::Range;

use super::shape::BLOCK;

/// A group of output channels that a tile computes at a time.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    /// First output channel.
    pub(super) first: usize,
    /// Output channels, at most `vectors` · lanes.
    pub(super) count: usize,
    /// Vectors of output channels: 1, 2 or 4.
    pub(super) vectors: usize,
    /// Where the panel's data lie, as `[tap][BLOCK][vectors · lanes]`.
    pub(super) data: Range<usize>,
}

/// Cuts `channels` output channels into panels of `vectors` vectors and a narrow rest.
pub(super) fn panels(channels: usize, taps: usize, lanes: usize, vectors: usize) -> Vec<Panel> {
    let mut panels = Vec::new();
    let (mut first, mut start) = (0, 0);
    while first < channels {
        let needed = (channels - first).div_ceil(lanes);
        let vectors = match needed {
            1 => 1,
            2 | 3 => vectors.min(2),
            _ => vectors,
        };
        let width = vectors * lanes;
        let end = start + taps * BLOCK * width;
        let count = (channels - first).min(width);
        panels.push(Panel { first, count, vectors, data: start..end });
        (first, start) = (first + width, end);
    }
    panels
}

/// Packed weights and the bias, zero where a panel is wider than the channels.
pub(super) struct Packed {
    pub(super) panels: Vec<Panel>,
    pub(super) data: Vec<f32>,
    pub(super) bias: Vec<f32>,
    lanes: usize,
}

impl Packed {
    /// Packs `get(tap, lane, channel)`, for `taps` · BLOCK inputs of `channels` outputs.
    pub(super) fn new(
        panels: Vec<Panel>,
        taps: usize,
        lanes: usize,
        bias: Option<&[f32]>,
        get: impl Fn(usize, usize, usize) -> Option<usize> + Sync,
        weight: &[f32],
    ) -> Self {
        let len = panels.last().map_or(0, |panel| panel.data.end);
        let mut data = vec![0.0; len];
        let mut biases = Vec::new();
        for panel in &panels {
            let width = panel.vectors * lanes;
            let target = &mut data[panel.data.clone()];
            for tap in 0..taps {
                for lane in 0..BLOCK {
                    let row = &mut target[(tap * BLOCK + lane) * width..][..panel.count];
                    for (channel, value) in row.iter_mut().enumerate() {
                        match get(tap, lane, panel.first + channel) {
                            Some(index) => *value = weight[index],
                            None => break,
                        }
                    }
                }
            }
            let start = biases.len();
            biases.resize(start + width, 0.0);
            if let Some(bias) = bias {
                biases[start..start + panel.count].copy_from_slice(&bias[panel.first..panel.first + panel.count]);
            }
        }
        Self { panels, data, bias: biases, lanes }
    }

    /// The padded bias of a panel. Panels are full but for the last, so it starts at `first`.
    pub(super) fn bias(&self, panel: &Panel) -> &[f32] {
        &self.bias[panel.first..][..panel.vectors * self.lanes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_cover_the_channels_in_order() {
        for channels in [1, 15, 16, 17, 48, 64, 100, 130] {
            for lanes in [4, 8, 16] {
                for vectors in [1, 2, 4] {
                    let panels = panels(channels, 3, lanes, vectors);
                    let mut next = (0, 0);
                    for panel in &panels {
                        assert_eq!((panel.first, panel.data.start), next);
                        assert!(panel.count > 0 && panel.count <= panel.vectors * lanes);
                        next = (panel.first + panel.count, panel.data.end);
                    }
                    assert_eq!(next.0, channels);
                }
            }
        }
    }
}
