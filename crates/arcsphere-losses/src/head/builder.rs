//! How a head is put together.

use super::objective::{Limits, Line, Objective, Parts, Prototypes, TupleTerm, Tuples, Wrap};
use super::terms::Term;
use super::{Head, HeadError, HeadPart, HeadState, OnNotFinite, Timing};
use crate::bounds;
use crate::init::{Init, Rng};
use crate::margin::{Extension, Margin, MarginLoss};
use crate::margin_schedule::{MarginSchedule, MarginState, Softening};
use crate::ordinal::{Levels, OrdinalKind};
use crate::settings::{Energy, Settings};
use crate::tuple::{Role, TupleKind, TupleParameters};
use crate::{Entry, Kind, find, margin};
use rand::SeedableRng;
use std::sync::Arc;

/// The stream of a seed that a head's first numbers are drawn from.
const STREAM: u64 = 2;

/// The generator of a head's first numbers.
pub(super) fn first_draws(seed: u64) -> Rng {
    let mut rng = Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    rng
}

/// What a [`Head`] is to be; what is left out is fitted to the classes and dimensions.
///
/// Margins, the scale and where it comes from are decided together, by the loss's entry in its registry, so
/// that they cannot disagree; [`build`](Self::build) refuses what the loss does not have and what is out of
/// range.
///
/// ```
/// use arcsphere_losses::head::Head;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let head = Head::builder("arcface", 10, 64).angle_margin(0.3).scale(16.0).smoothing(0.1).seed(7).build()?;
/// assert_eq!(head.scale(), Some(16.0));
///
/// let error = Head::builder("arcface", 10, 64).scale(-64.0).build().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "scale = -64 is out of range: it must be in (0, 10000], because it multiplies the logits, \
///      and f32 has an end; leave it out for what the classes need"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HeadBuilder {
    name: String,
    classes: usize,
    dim: usize,
    settings: Settings,
    levels: Option<Levels>,
    initial: Option<Init>,
    wrap: Option<Wrap>,
    seed: u64,
    lanes: usize,
    max_gradient_norm: Option<f64>,
    prototype_rate: f64,
    timing: Timing,
    on_not_finite: OnNotFinite,
    accepts_lost: bool,
}

impl Head {
    /// A head of the loss called `loss` in any registry, or an alias of it, for `classes` ≥ 2 classes and
    /// embeddings of `dim` ≥ 2 numbers. See [`HeadBuilder`].
    ///
    /// ```
    /// use arcsphere_losses::head::Head;
    ///
    /// assert!(Head::builder("arcface", 10, 2).build().is_ok());
    /// let error = Head::builder("arcfce", 10, 2).build().unwrap_err().to_string();
    /// assert!(error.contains("did you mean \"arcface\"?"), "{error}");
    /// ```
    pub fn builder(loss: &str, classes: usize, dim: usize) -> HeadBuilder {
        HeadBuilder {
            name: loss.to_owned(),
            classes,
            dim,
            settings: Settings::default(),
            levels: None,
            initial: None,
            wrap: None,
            seed: 0,
            lanes: 1,
            max_gradient_norm: None,
            prototype_rate: 1.0,
            timing: Timing::Scheduled { schedule: MarginSchedule::IMMEDIATE, steps: 1 },
            on_not_finite: OnNotFinite::Refuse,
            accepts_lost: false,
        }
    }
}

impl HeadBuilder {
    /// All that may be asked of the loss at once, in the place of what was asked before.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The paper's margins and scale where none are given, in place of fitted ones.
    ///
    /// ```
    /// use arcsphere_losses::head::Head;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// assert_eq!(Head::builder("arcface", 10, 64).paper().build()?.scale(), Some(64.0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn paper(mut self) -> Self {
        self.settings.paper = true;
        self
    }

    /// m0 in [1, 16], which multiplies the angle.
    pub fn angle_multiplier(mut self, m0: f64) -> Self {
        self.settings.angle_multiplier = Some(m0);
        self
    }

    /// m1 in radians, in [0, π], which is added to the angle.
    pub fn angle_margin(mut self, m1: f64) -> Self {
        self.settings.angle_margin = Some(m1);
        self
    }

    /// m2 in [0, 2], which is taken from the cosine.
    pub fn cosine_margin(mut self, m2: f64) -> Self {
        self.settings.cosine_margin = Some(m2);
        self
    }

    /// s in (0, 10000]. On a loss whose scale is the embedding's norm it fixes the norm: modified softmax becomes
    /// NormFace.
    pub fn scale(mut self, s: f64) -> Self {
        self.settings.scale = Some(s);
        self
    }

    /// A number of the loss by its name, as `arcsphere explain LOSS` lists them.
    ///
    /// ```
    /// use arcsphere_losses::head::Head;
    ///
    /// assert!(Head::builder("triplet", 10, 8).param("margin", 0.3).build().is_ok());
    /// let error = Head::builder("triplet", 10, 8).param("margn", 0.3).build().unwrap_err().to_string();
    /// assert!(error.contains("triplet has no parameter \"margn\""), "{error}");
    /// ```
    pub fn param(mut self, name: &str, value: f64) -> Self {
        self.settings.params.insert(name.to_owned(), value);
        self
    }

    /// What ψ does where the angle with its margin passes π.
    pub fn extension(mut self, extension: Extension) -> Self {
        self.settings.extension = extension;
        self
    }

    /// ε of label smoothing in [0, 1).
    pub fn smoothing(mut self, share: f64) -> Self {
        self.settings.smoothing = share;
        self
    }

    /// The prototypes' hyperspherical energy, from the first step with angular logits on.
    ///
    /// ```
    /// use arcsphere_losses::{Energy, head::Head};
    ///
    /// let energy = Energy { weight: 1.0, ..Energy::default() };
    /// assert!(Head::builder("sphereface", 10, 8).energy(energy).build().is_ok()); // SphereFace+
    /// assert!(Head::builder("softmax", 10, 8).energy(energy).build().is_err());
    /// ```
    pub fn energy(mut self, energy: Energy) -> Self {
        self.settings.energy = energy;
        self
    }

    /// What the classes are worth, for a loss of an ordered target, which needs it.
    ///
    /// ```
    /// use arcsphere_losses::{head::Head, ordinal::Levels};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ages = Levels::new(vec![20.0, 30.0, 40.0])?;
    /// let head = Head::builder("coral", 3, 8).levels(ages).build()?;
    /// assert!(head.told(&[0.0; 8])?.is_some());
    /// assert!(Head::builder("coral", 3, 8).build().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn levels(mut self, levels: Levels) -> Self {
        self.levels = Some(levels);
        self
    }

    /// Draws the first prototypes as a dense layer's weights, in place of spread directions.
    pub fn initial(mut self, init: Init) -> Self {
        self.initial = Some(init);
        self
    }

    /// Makes a loss of one's own of the margin loss that was named, each time that it is made.
    pub fn wrap(mut self, wrap: impl Fn(Box<dyn Margin>) -> Box<dyn Margin> + Send + Sync + 'static) -> Self {
        self.wrap = Some(Wrap(Arc::new(wrap)));
        self
    }

    /// The seed of first numbers and of what the loss draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Parallel lanes over the classes, in 1..=1024. The bits of a result depend on it, not on the threads.
    pub fn lanes(mut self, lanes: usize) -> Self {
        self.lanes = lanes;
        self
    }

    /// The largest norm of a prototype's gradient, above 0.
    pub fn max_gradient_norm(mut self, norm: f64) -> Self {
        self.max_gradient_norm = Some(norm);
        self
    }

    /// The normalized prototypes' rate as a part of the update's, in [0, 100]; 0 holds them still.
    pub fn prototype_rate(mut self, part: f64) -> Self {
        self.prototype_rate = part;
        self
    }

    /// When the parts of a margin loss come in, over a training of `steps` steps, the soft start included.
    /// Without a schedule all of it is there from the first step on.
    ///
    /// ```
    /// use arcsphere_losses::{head::Head, margin_schedule::MarginSchedule};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let head = Head::builder("arcface", 10, 2).schedule(MarginSchedule::default(), 1000).build()?;
    /// assert!(head.margin_state().linear); // plain softmax for 100 steps: it sorts the classes
    /// # Ok(())
    /// # }
    /// ```
    pub fn schedule(mut self, schedule: MarginSchedule, steps: u64) -> Self {
        self.timing = Timing::Scheduled { schedule, steps };
        self
    }

    /// Holds the loss in one state of its schedule, with draws by that state's step, as in a measurement.
    pub fn held_at(mut self, state: MarginState) -> Self {
        self.timing = Timing::Held(state);
        self
    }

    /// What becomes of a batch with an embedding that is NaN or infinite.
    pub fn on_not_finite(mut self, choice: OnNotFinite) -> Self {
        self.on_not_finite = choice;
        self
    }

    /// Takes a state whose numbers are not finite, as of a training that died, to be looked at.
    pub fn accepts_lost(mut self, accepts: bool) -> Self {
        self.accepts_lost = accepts;
        self
    }

    /// The head at its first step.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for a name in no registry, for what the loss does not have and for numbers out of range.
    pub fn build(self) -> Result<Head, HeadError> {
        let (mut head, rng) = (self.without_numbers()?, &mut first_draws(self.seed));
        head.objective.start(rng);
        head.terms.iter_mut().for_each(|term| term.start(rng));
        head.ready_bias();
        Ok(head)
    }

    /// The head with other numbers, as read from a checkpoint. What `state` leaves empty is as at the first
    /// step: moments, bias of angular logits, the loss's memory, and what a tuple loss keeps.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); [`HeadError::Length`] for a part of another length than this loss has for these
    /// classes and dimensions, [`HeadError::Lost`] for numbers that are not finite.
    pub fn with_state(self, state: HeadState) -> Result<Head, HeadError> {
        let mut head = self.without_numbers()?;
        head.restore(state)?;
        Ok(head)
    }

    /// Which numbers the head has, and how many of each: what [`with_state`](Self::with_state) takes, and what a file
    /// of them holds. None of them is made for that.
    ///
    /// ```
    /// use arcsphere_losses::head::Head;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let parts = Head::builder("arcface", 10, 2).parts()?;
    /// assert!(parts.iter().any(|part| part.name == "weights" && part.shape == [10, 2] && !part.optional));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn parts(&self) -> Result<Vec<HeadPart>, HeadError> {
        let head = self.without_numbers()?;
        let own = head.tuple_term().map(TupleTerm::parts).unwrap_or_default();
        Ok(head.objective.parts().into_iter().chain(own).collect())
    }

    /// What a tuple loss keeps, as it is at the first step, by whose names a checkpoint finds its tensors; empty
    /// for other losses.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn tuple_parameters(&self) -> Result<TupleParameters, HeadError> {
        let mut head = self.without_numbers()?;
        let Some(term) = head.tuple_term_mut() else { return Ok(TupleParameters::default()) };
        term.start(&mut first_draws(self.seed));
        Ok(std::mem::take(&mut term.own))
    }

    fn without_numbers(&self) -> Result<Head, HeadError> {
        let loss = find(&self.name)?;
        bounds::CLASSES.check(self.classes as f64)?;
        bounds::DIM.check(self.dim as f64)?;
        bounds::LANES.check(self.lanes as f64)?;
        bounds::PROTOTYPE_RATE.check(self.prototype_rate)?;
        if let Some(norm) = self.max_gradient_norm {
            bounds::MAX_GRADIENT_NORM.check(norm)?;
        }
        if let Timing::Scheduled { schedule, steps } = self.timing {
            schedule.check()?;
            bounds::STEPS.check(steps as f64)?;
        }
        self.settings.check(loss)?;
        let (objective, terms) = match loss.kind {
            Kind::Margin(info) => {
                let energy = self.settings.energy.make().map(Term::Energy);
                (self.prototypes(info, &self.settings)?, energy.into_iter().collect())
            }
            Kind::Tuple(info) => self.tuples(info)?,
            Kind::Ordinal(info) => (self.line(info)?, Vec::new()),
            Kind::Energy(_) => return Err(HeadError::Term { name: loss.name }),
        };
        if self.levels.is_some() && !matches!(objective, Objective::Line(_)) {
            let problem = "learns classes and takes no levels: take regression or coral, or leave them out".to_owned();
            return Err(HeadError::Levels { loss: loss.name, problem });
        }
        Ok(Head {
            loss: loss.name,
            classes: self.classes,
            dim: self.dim,
            limits: Limits {
                lanes: self.lanes,
                max_gradient_norm: self.max_gradient_norm.unwrap_or(f64::INFINITY),
                prototype_rate: self.prototype_rate,
            },
            objective,
            terms,
            timing: self.timing,
            softening: Softening::default(),
            on_not_finite: self.on_not_finite,
            accepts_lost: self.accepts_lost,
            seed: self.seed,
            step: 0,
            moments_since: 0,
            pending: false,
        })
    }

    fn prototypes(&self, info: &'static MarginLoss, settings: &Settings) -> Result<Objective, HeadError> {
        let chosen = settings.choose(info, self.classes, self.dim)?;
        Ok(Objective::Prototypes(Box::new(Prototypes::new(Parts {
            info,
            recipe: chosen.recipe,
            scale_kind: chosen.scale_kind,
            wrap: self.wrap.clone(),
            smoothing: settings.smoothing,
            seed: self.seed,
            initial: self.initial,
        }))))
    }

    fn tuples(&self, info: &'static Entry<TupleKind>) -> Result<(Objective, Vec<Term>), HeadError> {
        let term = TupleTerm::new(info.make(&self.settings.params)?, self.classes, self.dim);
        match info.kind.role {
            Role::Alone => Ok((Objective::Batch(Tuples::new(term, self.initial)), Vec::new())),
            Role::BesideSoftmax => {
                let softmax = Settings { smoothing: self.settings.smoothing, ..Settings::default() };
                let objective = self.prototypes(margin::find("softmax")?, &softmax)?;
                Ok((objective, vec![Term::Tuple(term)]))
            }
        }
    }

    fn line(&self, info: &'static Entry<OrdinalKind>) -> Result<Objective, HeadError> {
        let Some(levels) = self.levels.clone() else {
            let problem = "learns a number and needs what each class is worth: call levels(…)".to_owned();
            return Err(HeadError::Levels { loss: info.name, problem });
        };
        let found = levels.values().len();
        if found != self.classes {
            let problem = format!("has {found} levels for {} classes: give one for each", self.classes);
            return Err(HeadError::Levels { loss: info.name, problem });
        }
        Ok(Objective::Line(Line::new(info.make(&self.settings.params)?, levels, self.dim)))
    }
}
