//! An ordered target, an age above all: the predicted number against the true one.

use super::Protocol;
use crate::measures::{Input, Kind};

pub(super) const PROTOCOL: Protocol = Protocol {
    name: "ordered_target",
    summary: "the number that is predicted of an image against its own, where an order was learned",
    gives: &[Kind::Numbers],
    always: true,
    run: |samples, session| {
        match &samples.numbers {
            Some(numbers) => session.give(&Input::Numbers(numbers))?,
            // Most sets have none, and nobody misses what was never there.
            None if session.is_asked() => session.skip(&[Kind::Numbers], "no number was learned"),
            None => {}
        }
        Ok(())
    },
};
