//! The pass over a folder's images that finds their shape, and keeps the first ones.

use std::path::Path;

use rayon::prelude::*;

use super::{Decoding, Files, decode};
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

/// The most images decoded at a time: enough to feed every thread, few enough to hold little twice.
const CHUNK: usize = 256;

impl Opened {
    /// Decodes in chunks, and past the first `limit` bytes looks at the heads of the files only, if they say
    /// enough, and if no bad file has to be found. `like` is what to agree with in size, and the files of which it
    /// was found. Takes from `files` those that `sieve` leaves out.
    pub(super) fn check(
        files: &mut Files,
        how: &Decoding,
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
        let (mut rest, mut at) = (files.images.as_slice(), 0);
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(rest.len().min(opened.at_a_time(how)));
            rest = behind;
            let (color, size) = (opened.channels == 3, (opened.height, opened.width));
            let whole = caching || sieve.skips();
            let see = |path| {
                let mut image = if whole { decode::file(path, how) } else { decode::look(path, how, color) }?;
                if (image.height, image.width) != size && size != (0, 0) {
                    // It ends the pass; until then others are decoded.
                    image.planes = Vec::new();
                }
                Ok(image)
            };
            let decoded: Vec<Result<decode::Decoded, DataError>> =
                chunk.par_iter().map(|(path, _)| see(path)).collect();
            for ((path, _), image) in chunk.iter().zip(decoded) {
                at += 1;
                let image = match image {
                    Ok(image) => image,
                    Err(error) => {
                        sieve.drop(path, None, error)?;
                        continue;
                    }
                };
                opened.kept.push(at - 1);
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

    /// Images whose planes take no more memory than decoding may: one until their size is known.
    fn at_a_time(&self, how: &Decoding) -> usize {
        match 3 * (self.height * self.width) as u64 {
            0 => 1,
            planes => usize::try_from(how.memory / planes).unwrap_or(CHUNK).clamp(1, CHUNK),
        }
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
