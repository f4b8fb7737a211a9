//! What the head asks of a margin loss, and what it is answered.
//!
//! A step asks in this order:
//!
//! ```text
//! begin      all rows of the batch are known: memory moves, draws are made
//! scale      s, if the loss moves it itself
//! target     per row: ψ and its derivatives
//! negatives  what becomes of the other classes' cosines
//! end        after the step: what the rows' log-sum-exps were
//! ```
//!
//! `strength` t in [0, 1] is how much of the loss is there, by the margin schedule. At 1 it
//! is the loss's own. At 0 it is modified softmax: ψ = cos θ, no penalty, plain negatives;
//! between, margins and penalties are the t-th part, negatives (1 − t)·c + t·N(c).

use arcsphere_kernels::head::{Negatives, OneVsAll, RowStats};
use rand_chacha::ChaCha8Rng;
use std::fmt;

/// A row of the batch, as a margin sees it.
///
/// ```
/// use arcsphere_losses::margin::Row;
///
/// let row = Row::at_angle(1.0);
/// assert!((row.angle() - 1.0).abs() < 1e-15 && row.norm == 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// cos θ to the own prototype, in [−1, 1].
    pub cos: f64,
    /// sin θ, in [0, 1].
    pub sin: f64,
    /// ‖x‖, ≥ 0.
    pub norm: f64,
    /// What [`Margin::begin`] wants to know of the row later. It carries no gradient: all that
    /// a loss detaches stands here. 0 before.
    pub draw: f64,
}

impl Row {
    /// A row of norm 1 at an angle in [0, π].
    pub fn at_angle(theta: f64) -> Row {
        Row { cos: theta.cos(), sin: theta.sin().max(0.0), norm: 1.0, draw: 0.0 }
    }

    /// θ: atan2 of two well-conditioned numbers, exact to the last bits at 0 and π. Its own
    /// derivative is never needed.
    pub fn angle(&self) -> f64 {
        self.sin.atan2(self.cos)
    }
}

/// ψ, the penalty, and their derivatives with the row's draw held fixed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Target {
    /// ψ.
    pub psi: f64,
    /// ∂ψ/∂θ.
    pub dpsi_dtheta: f64,
    /// ∂ψ/∂‖x‖.
    pub dpsi_dnorm: f64,
    /// Added to the row's loss.
    pub penalty: f64,
    /// ∂penalty/∂‖x‖.
    pub dpenalty_dnorm: f64,
}

/// A margin loss at work. Everything is finite for every θ in [0, π] and norm ≥ 0.
///
/// ```
/// use arcsphere_losses::margin::{Margin, Row, Target};
///
/// /// CosFace, by hand.
/// #[derive(Debug)]
/// struct Mine;
///
/// impl Margin for Mine {
///     fn target(&self, row: &Row, _memory: &[f64], strength: f64) -> Target {
///         Target { psi: row.cos - 0.35 * strength, dpsi_dtheta: -row.sin, ..Target::default() }
///     }
///
///     fn steepest(&self) -> f64 {
///         1.0
///     }
/// }
///
/// assert!((Mine.target(&Row::at_angle(0.0), &[], 1.0).psi - 0.65).abs() < 1e-12);
/// ```
pub trait Margin: fmt::Debug + Send + Sync {
    /// ψ of a row.
    fn target(&self, row: &Row, memory: &[f64], strength: f64) -> Target;

    /// A bound of |∂ψ/∂θ|: times s, that of the gradient on the sphere.
    fn steepest(&self) -> f64;

    /// The numbers that the loss carries from batch to batch, as they are at first.
    fn memory(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Before a batch's rows are asked for their targets. `rng` depends on seed and step alone.
    fn begin(&self, _memory: &mut [f64], _rows: &mut [Row], _strength: f64, _rng: &mut ChaCha8Rng) {}

    /// After a step whose logits had the loss's whole scale.
    fn end(&self, _memory: &mut [f64], _stats: &[RowStats]) {}

    /// What becomes of another class's cosine.
    fn negatives(&self, _memory: &[f64], _strength: f64) -> Negatives {
        Negatives::Plain
    }

    /// s, of a loss that moves it itself.
    fn scale(&self, _memory: &[f64]) -> Option<f64> {
        None
    }

    /// K, prototypes per class.
    fn centers(&self) -> usize {
        1
    }

    /// The binary problems of a loss that has those instead of a softmax, at scale r.
    fn one_vs_all(&self, _scale: f64, _strength: f64) -> Option<OneVsAll> {
        None
    }

    /// Gives a row the norm and the draw, among those that occur, at which the margin takes
    /// most. Margins that are fitted to C and D reckon with it, and pictures show it.
    fn strongest(&self, _row: &mut Row) {}

    /// The cosine of another class at which its logit is s·`psi`: where a sample with that
    /// target is on the border. −2, below all cosines, if there is none.
    fn rival(&self, psi: f64) -> f64 {
        psi
    }
}

/// ψ(θ) of the whole loss where it is strongest, as trained first.
pub fn strongest_target(margin: &dyn Margin, theta: f64) -> Target {
    let mut row = Row::at_angle(theta);
    margin.strongest(&mut row);
    margin.target(&row, &margin.memory(), 1.0)
}
