//! Which numbers a head has, and how many of each: the one table behind what is restored and what a file may hold.

use super::{HeadError, HeadState};
use crate::tuple::TupleParameters;

/// A part of a [`HeadState`] that a loss has, as [`HeadBuilder::parts`](super::HeadBuilder::parts) lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadPart {
    /// Its name: the field of [`HeadState`], or what a tuple loss calls it (`centers`, `centers.first`, …).
    pub name: String,
    /// Its dimensions, outermost first. A product that no computer can hold is [`usize::MAX`] in [`len`](Self::len).
    pub shape: Vec<usize>,
    /// Whether it may be empty, which is as it is at the first step.
    pub optional: bool,
    /// Where the number comes from, in words.
    pub(super) why: String,
}

impl HeadPart {
    /// How many numbers it has where it is not empty.
    pub fn len(&self) -> usize {
        self.shape.iter().copied().fold(1, usize::saturating_mul)
    }

    /// Whether it has none in any case.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part that must be there.
    pub(super) fn whole(name: &str, shape: &[usize], why: &str) -> HeadPart {
        HeadPart { name: name.to_owned(), shape: shape.to_owned(), optional: false, why: why.to_owned() }
    }

    /// One that may be left out.
    pub(super) fn optional(name: &str, shape: &[usize], why: &str) -> HeadPart {
        HeadPart { optional: true, ..HeadPart::whole(name, shape, why) }
    }

    /// What a tuple loss keeps of a class and a dimension, as the parts of all of them.
    pub(super) fn of_tuple(mut one: TupleParameters, classes: usize, dim: usize) -> Vec<HeadPart> {
        let why = format!("what the loss keeps of {classes} classes in {dim} dimensions");
        let part = |(i, (name, _)): (usize, (String, &mut Vec<f32>))| HeadPart {
            optional: i > 0,
            ..HeadPart::whole(&name, &[classes, dim], &why)
        };
        one.tensors().into_iter().enumerate().map(part).collect()
    }
}

/// The fields of f32 of a state, by name.
fn fields(s: &HeadState) -> [(&'static str, &[f32]); 8] {
    [
        ("weights", &s.weights),
        ("bias", &s.bias),
        ("first", &s.first),
        ("second", &s.second),
        ("bias_first", &s.bias_first),
        ("bias_second", &s.bias_second),
        ("mean_sums", &s.mean_sums),
        ("mean_counts", &s.mean_counts),
    ]
}

/// Checks a state's fields against the parts of a loss; `lost` takes NaN and infinities.
pub(super) fn check(parts: &[HeadPart], s: &HeadState, lost: bool) -> Result<(), HeadError> {
    let part = |name: &str| parts.iter().find(|p| p.name == name);
    for (what, values) in fields(s) {
        length(what, values.len(), part(what))?;
        finite(what, values.iter().map(|v| f64::from(*v)), lost)?;
    }
    if s.mean_sums.is_empty() != s.mean_counts.is_empty() {
        let (classes, why) = part("mean_counts").map_or((0, ""), |p| (p.len(), p.why.as_str()));
        let expected = if s.mean_sums.is_empty() { 0 } else { classes };
        return Err(refused("mean_counts", s.mean_counts.len(), expected, why));
    }
    length("memory", s.memory.len(), part("memory"))?;
    finite("memory", s.memory.iter().copied(), lost)
}

/// Checks what a tuple loss keeps against its parts.
pub(super) fn check_tuple(parts: &[HeadPart], own: &mut TupleParameters) -> Result<(), HeadError> {
    own.tensors().iter().zip(parts).try_for_each(|((_, values), part)| length("tuple", values.len(), Some(part)))
}

fn length(what: &'static str, found: usize, part: Option<&HeadPart>) -> Result<(), HeadError> {
    match part {
        None if found == 0 => Ok(()),
        None => Err(refused(what, found, 0, "this loss has no such part")),
        Some(part) if found == part.len() || part.optional && found == 0 => Ok(()),
        Some(part) => Err(refused(what, found, part.len(), &part.why)),
    }
}

fn refused(what: &'static str, found: usize, expected: usize, why: &str) -> HeadError {
    let way_out = "take the state of a head of the same loss, classes and dimensions";
    HeadError::Length { what, found, expected, shape: why.to_owned(), way_out }
}

fn finite(what: &'static str, values: impl Iterator<Item = f64>, lost: bool) -> Result<(), HeadError> {
    match values.enumerate().find(|(_, v)| !v.is_finite() && !lost) {
        Some((index, value)) => Err(HeadError::Lost { what, index, value }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Head, HeadBuilder, Update};
    use super::*;
    use crate::Kind;
    use crate::ordinal::Levels;

    /// A head of any loss, of 4 classes in 3 dimensions.
    fn builder(loss: &crate::Loss) -> HeadBuilder {
        let builder = Head::builder(loss.name, 4, 3);
        match loss.kind {
            Kind::Ordinal(_) => builder.levels(Levels::new(vec![1.0, 2.0, 4.0, 8.0]).unwrap()),
            _ => builder,
        }
    }

    fn every_loss() -> impl Iterator<Item = crate::Loss> {
        crate::all().filter(|l| !matches!(l.kind, Kind::Energy(_)))
    }

    /// What a head has after two steps of the optimizer with the most moments is what the table says, part by part.
    #[test]
    fn the_table_says_what_every_head_has() {
        for loss in every_loss() {
            let (parts, mut head) = (builder(&loss).parts().unwrap(), builder(&loss).build().unwrap());
            for step in 1..3 {
                let x: Vec<f32> = (0..24).map(|i| ((i * 7 % 11) as f32 - 5.0) / 4.0).collect();
                head.gradients(&x, &[0, 1, 2, 3, 0, 1, 2, 3]).unwrap();
                let (beta1, beta2) = (0.9, 0.99);
                head.update(&Update::AdamW { rate: 0.1, beta1, beta2, epsilon: 1e-8, decay: 0.0, step }).unwrap();
            }
            let mut state = head.state();
            let own: Vec<(String, usize)> = state.tuple.tensors().into_iter().map(|(n, v)| (n, v.len())).collect();
            let memory = [("memory".to_owned(), state.memory.len())];
            let fields = fields(&state).map(|(name, values)| (name.to_owned(), values.len()));
            for (name, found) in fields.into_iter().chain(own).chain(memory) {
                let part = parts.iter().find(|p| p.name == name);
                // The class means are gone where the prototypes stand, and centers have a rule of their own.
                let gone = found == 0 && (name.starts_with("mean_") || name == "centers.second");
                let fits = part.map_or(found == 0, |p| p.len() == found || gone && p.optional);
                assert!(fits, "{}: {name} has {found} numbers, the table {part:?}", loss.name);
            }
        }
    }

    /// Each part a number longer and a number shorter, and each that the loss lacks.
    #[test]
    fn every_part_of_another_length_is_refused_by_name() {
        for loss in every_loss() {
            let state = builder(&loss).build().unwrap().state();
            let with = |change: &dyn Fn(&mut HeadState)| {
                let mut state = state.clone();
                change(&mut state);
                builder(&loss).with_state(state)
            };
            assert!(with(&|_| ()).is_ok(), "{}", loss.name);
            type Field = fn(&mut HeadState) -> &mut Vec<f32>;
            let all: [(&str, Field); 8] = [
                ("weights", |s| &mut s.weights),
                ("bias", |s| &mut s.bias),
                ("first", |s| &mut s.first),
                ("second", |s| &mut s.second),
                ("bias_first", |s| &mut s.bias_first),
                ("bias_second", |s| &mut s.bias_second),
                ("mean_sums", |s| &mut s.mean_sums),
                ("mean_counts", |s| &mut s.mean_counts),
            ];
            for (name, field) in all {
                // No part of 4 classes in 3 dimensions is as long.
                for values in [vec![0.5; 5], vec![0.5; 13]] {
                    let error = with(&|s| *field(s) = values.clone()).expect_err(name);
                    assert!(matches!(&error, HeadError::Length { what, .. } if *what == name), "{name}: {error}");
                }
            }
            let error = with(&|s| s.memory = vec![0.0; 9]).expect_err("memory");
            assert!(matches!(error, HeadError::Length { what: "memory", found: 9, .. }), "{error}");
            for i in 0..state.clone().tuple.tensors().len() {
                let longer = |s: &mut HeadState| s.tuple.tensors()[i].1.push(1.0);
                assert!(matches!(with(&longer), Err(HeadError::Length { what: "tuple", .. })), "{} {i}", loss.name);
            }
        }
    }

    #[test]
    fn nothing_is_allocated_to_say_how_much_there_is() {
        // 2⁴⁰ classes in 65536 dimensions are more than any memory has.
        for name in ["arcface", "center", "triplet", "proxy_anchor"] {
            let parts = Head::builder(name, 1 << 40, 65_536).parts().unwrap();
            assert!(parts.iter().any(|p| p.shape == [1 << 40, 65_536]), "{name}: {parts:?}");
        }
        let all = HeadPart::whole("weights", &[usize::MAX, 3], "");
        assert!(all.len() == usize::MAX && !all.is_empty());
    }
}
