//! The pass over a folder's images that finds their shape, and keeps the first ones.

use std::path::Path;

use rayon::prelude::*;

use super::{Files, decode};
use crate::bad::Sieve;
use crate::error::DataError;

/// What images have in common, and the planes of the first ones.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Whole images, at most as many bytes as was said.
    pub(super) cache: Vec<u8>,
    /// Which of the files were let pass, by their places before.
    pub(super) kept: Vec<usize>,
}

/// Images decoded at a time: enough to feed every thread, few enough to hold little twice.
const CHUNK: usize = 256;

impl Opened {
    /// Decodes in chunks, and past the first `limit` bytes looks at the heads of the files only, if they say
    /// enough, and if no bad file has to be found. `like` is what to agree with in size, and the files of which it
    /// was found. Takes from `files` those that `sieve` leaves out.
    pub(super) fn check(
        files: &mut Files,
        resize: Option<(usize, usize)>,
        limit: usize,
        like: Option<(&Self, &Files)>,
        sieve: &mut Sieve,
    ) -> Result<Self, DataError> {
        let mut opened = Self { channels: 1, ..Self::default() };
        let mut first: Option<&Path> = None;
        if let Some((other, others)) = like {
            (opened.height, opened.width) = (other.height, other.width);
            first = others.images.first().map(|(path, _)| path.as_path());
        }
        let mut caching = true;
        for (n, chunk) in files.images.chunks(CHUNK).enumerate() {
            let (color, whole) = (opened.channels == 3, caching || sieve.skips());
            let see = |path| if whole { decode::file(path, resize) } else { decode::look(path, resize, color) };
            let decoded: Vec<Result<decode::Decoded, DataError>> =
                chunk.par_iter().map(|(path, _)| see(path)).collect();
            for (i, ((path, _), image)) in chunk.iter().zip(decoded).enumerate() {
                let image = match image {
                    Ok(image) => image,
                    Err(error) => {
                        sieve.drop(path, None, error)?;
                        continue;
                    }
                };
                opened.kept.push(n * CHUNK + i);
                let first = *first.get_or_insert_with(|| {
                    (opened.height, opened.width) = (image.height, image.width);
                    path
                });
                if (image.height, image.width) != (opened.height, opened.width) {
                    return Err(DataError::ImageSize {
                        path: path.clone(),
                        found_height: image.height,
                        found_width: image.width,
                        first: first.to_owned(),
                        height: opened.height,
                        width: opened.width,
                    });
                }
                if image.channels == 3 {
                    opened.make_color(limit);
                }
                caching &= opened.cache.len() + opened.bytes() <= limit;
                if caching {
                    opened.push(&image);
                }
            }
        }
        if opened.kept.len() < files.images.len() {
            files.images = opened.kept.iter().map(|&i| files.images[i].clone()).collect();
        }
        Ok(opened)
    }

    /// Bytes of one image's planes.
    fn bytes(&self) -> usize {
        self.channels * self.height * self.width
    }

    fn push(&mut self, image: &decode::Decoded) {
        for _ in 0..self.channels / image.channels.max(1) {
            self.cache.extend_from_slice(&image.planes);
        }
    }

    /// Three channels from here on: repeats each gray plane three times.
    pub(super) fn make_color(&mut self, limit: usize) {
        if self.channels == 1 {
            self.channels = 3;
            let plane = (self.height * self.width).max(1);
            let fit = limit / self.bytes().max(1);
            self.cache = self.cache.chunks(plane).take(fit).flat_map(|p| p.repeat(3)).collect();
        }
    }
}
