//! Classes that were trained on: each sample is told its class, and has an angle to its prototype.

use super::Protocol;
use crate::measures::{Classes, Input, Kind, Prototypes};

pub(super) const PROTOCOL: Protocol = Protocol {
    name: "closed_set",
    summary: "each image is classified, and its angles to the prototypes are taken",
    gives: &[Kind::Classes, Kind::Prototypes],
    always: true,
    run: |samples, session| {
        match samples.predicted {
            Some(predicted) => session.give(&Input::Classes(&Classes::new(predicted, samples.labels)?))?,
            None => session
                .skip(&[Kind::Classes], "no class was predicted, for the classes of this set are not those trained on"),
        }
        if samples.prototypes.is_empty() {
            session.skip(&[Kind::Prototypes], "the classes of this set have no prototype");
        } else if session.wants(Kind::Prototypes) {
            let seen = Prototypes::new(samples.embeddings, samples.prototypes, samples.dim, samples.labels)?;
            session.give(&Input::Prototypes(&seen))?;
            session.keep(seen.angles);
        }
        Ok(())
    },
};
