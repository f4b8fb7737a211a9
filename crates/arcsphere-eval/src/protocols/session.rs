use super::{Found, Protocol, Protocols, Watch};
use crate::angles::Angles;
use crate::error::Result;
use crate::measures::{Estimate, Input, Key, Kind, Measure};

/// One protocol at work: what it is asked for, and where its numbers go.
pub struct Session<'a> {
    protocols: &'a Protocols,
    protocol: &'static Protocol,
    /// Those that are wanted and not yet given.
    measures: Vec<&'static Measure>,
    found: &'a mut Found,
    watch: Watch<'a>,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.protocol.name)
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(
        protocols: &'a Protocols,
        protocol: &'static Protocol,
        measures: Vec<&'static Measure>,
        found: &'a mut Found,
        watch: Watch<'a>,
    ) -> Self {
        Self { protocols, protocol, measures, found, watch }
    }

    /// Whether a measure that is computed from this is wanted.
    pub fn wants(&self, kind: Kind) -> bool {
        self.measures.iter().any(|m| m.from() == kind)
    }

    /// Whether the user named the protocol, or a measure of it.
    pub fn is_asked(&self) -> bool {
        !self.protocols.asked.is_empty()
    }

    /// Computes every wanted measure that is computed from `input`.
    ///
    /// # Errors
    /// Those of the measures. One for which the set is too small is left out, with its reason.
    pub fn give(&mut self, input: &Input<'_>) -> Result<()> {
        let (now, later) = self.measures.drain(..).partition(|m| m.from() == input.kind());
        self.measures = later;
        let now: Vec<&'static Measure> = now;
        for measure in now {
            match measure.of(input) {
                Ok(values) => {
                    for (at, value) in values {
                        self.put(Key::new(measure.key, &at), value)?;
                    }
                }
                Err(error) if error.is_inapplicable() => {
                    self.found.leave_out(self.protocol, vec![measure.key.to_owned()], error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Keeps a number, or why there is none.
    fn put(&mut self, key: Key, value: Result<Estimate>) -> Result<()> {
        let key = if self.protocol.always { key } else { key.of_protocol(self.protocol.name) };
        match value {
            Ok(estimate) => {
                self.found.measures.insert(key, estimate);
            }
            Err(error) if error.is_inapplicable() => {
                self.found.leave_out(self.protocol, vec![key.to_string()], error.to_string());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Leaves out what would have been computed from these kinds, and says why.
    pub fn skip(&mut self, kinds: &[Kind], reason: &str) {
        let (out, rest): (Vec<_>, Vec<_>) = self.measures.drain(..).partition(|m| kinds.contains(&m.from()));
        self.measures = rest;
        self.found.leave_out(self.protocol, out.iter().map(|m| m.key.to_owned()).collect(), reason.to_owned());
    }

    /// Says how many there are of something: `genuine` pairs, `probes`.
    pub fn count(&mut self, what: &str, n: u64) {
        self.found.counts.insert(what.to_owned(), n);
    }

    /// Keeps the angles with prototypes, for pictures.
    pub(super) fn keep(&mut self, angles: Angles) {
        self.found.angles = Some(angles);
    }

    /// At most so many pairs of each kind.
    pub fn pairs(&self) -> usize {
        self.protocols.pairs
    }

    /// The false match rates at which a TMR is told.
    pub fn fmr(&self) -> &'a [f64] {
        &self.protocols.fmr
    }

    /// The seed of whatever is drawn.
    pub fn seed(&self) -> u64 {
        self.protocols.seed
    }

    /// To be told the share that is done.
    pub fn progress(&self) -> impl Fn(f64) + Sync + 'a {
        let (watch, name) = (self.watch, self.protocol.name);
        move |share| watch(name, share)
    }
}
