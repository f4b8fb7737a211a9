//! Pairs drawn from the set, as many genuine as impostor ones, scored by cosine.

use super::Protocol;
use crate::measures::{Input, Kind, Scores};
use crate::pairs::sample_pairs;
use crate::verification::pair_scores;

pub(super) const PROTOCOL: Protocol = Protocol {
    name: "sampled_pairs",
    summary: "pairs drawn evenly over the classes, as many genuine as impostor ones, scored by cosine",
    gives: &[Kind::Scores],
    always: true,
    run: |samples, session| {
        let n = session.pairs();
        let pairs = sample_pairs(samples.labels, n, n, session.seed())?;
        let both: Vec<(u32, u32)> = pairs.a.iter().copied().zip(pairs.b.iter().copied()).collect();
        let scores = pair_scores(samples.embeddings, samples.dim, &both)?;
        let scores = Scores::new(&scores, &pairs.genuine, session.fmr())?;
        session.count("genuine", scores.roc().genuine());
        session.count("impostor", scores.roc().impostor());
        session.give(&Input::Scores(&scores))
    },
};
