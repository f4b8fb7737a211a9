//! Every sample a query against all others, by cosine.

use super::Protocol;
use crate::measures::{Input, Kind};
use crate::retrieval::retrieve;

/// The K of Recall@K.
const NEAREST: [usize; 4] = [1, 2, 4, 8];

pub(super) const PROTOCOL: Protocol = Protocol {
    name: "retrieval",
    summary: "each image is a query against all others, by cosine",
    gives: &[Kind::Retrieval],
    always: true,
    run: |samples, session| {
        let found = retrieve(samples.embeddings, samples.dim, samples.labels, &NEAREST, &session.progress())?;
        session.give(&Input::Retrieval(&found))
    },
};
