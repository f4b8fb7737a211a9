//! The embeddings as they lie, without queries or pairs.

use super::Protocol;
use crate::measures::{Embeddings, Input, Kind};

pub(super) const PROTOCOL: Protocol = Protocol {
    name: "embeddings",
    summary: "the embeddings as they lie: their norms, and whether clusters of them are the classes",
    gives: &[Kind::Embeddings],
    always: true,
    run: |samples, session| {
        let progress = session.progress();
        let seen = Embeddings::new(samples.embeddings, samples.dim, samples.labels, session.seed(), &progress)?;
        session.give(&Input::Embeddings(&seen))
    },
};
