//! How logits come from cosines, and what a loss answers about the rows of a batch.

/// Where a row stands towards the prototype of its own class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowGeometry {
    /// cos θ, in [−1, 1].
    pub cos: f64,
    /// sin θ = ‖ŵ − cos θ · x̂‖, in [0, 1]; computed without cancellation.
    pub sin: f64,
    /// The embedding's norm ‖x‖, ≥ 0.
    pub norm: f64,
}

/// A margin's answer for one row: target logit = `scale` · `psi`, others = `scale` · N(cos θ_j)
/// with N by [`Negatives`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowLogit {
    /// s, the factor of all logits of the row. Above 1e30 it counts as 1e30, which no norm moves.
    pub scale: f64,
    /// ∂s/∂‖x‖.
    pub dscale_dnorm: f64,
    /// ψ, which takes the place of cos θ for the row's own class.
    pub psi: f64,
    /// ∂ψ/∂θ.
    pub dpsi_dtheta: f64,
    /// ∂ψ/∂‖x‖.
    pub dpsi_dnorm: f64,
    /// A term of the row that depends on the norm alone, added to its loss.
    pub penalty: f64,
    /// ∂penalty/∂‖x‖.
    pub dpenalty_dnorm: f64,
}

impl RowLogit {
    /// No margin and no scale: what a row counts as where nobody is asked.
    pub const NEUTRAL: RowLogit = RowLogit {
        scale: 1.0,
        dscale_dnorm: 0.0,
        psi: 0.0,
        dpsi_dtheta: 0.0,
        dpsi_dnorm: 0.0,
        penalty: 0.0,
        dpenalty_dnorm: 0.0,
    };
}

/// A margin, as the head sees it: one question per batch.
///
/// ```
/// use arcsphere_kernels::head::{MarginRule, Negatives, RowGeometry, RowLogit};
///
/// /// z_y = 30·(cos θ − 0.35), z_j = 30·cos θ_j.
/// struct Shifted;
///
/// impl MarginRule for Shifted {
///     fn answer(&mut self, geometry: &[RowGeometry], out: &mut [RowLogit]) -> Negatives {
///         for (row, out) in geometry.iter().zip(out) {
///             *out = RowLogit { scale: 30.0, psi: row.cos - 0.35, dpsi_dtheta: -row.sin, ..RowLogit::NEUTRAL };
///         }
///         Negatives::Plain
///     }
/// }
///
/// let mut out = [RowLogit::NEUTRAL];
/// Shifted.answer(&[RowGeometry { cos: 1.0, sin: 0.0, norm: 2.0 }], &mut out);
/// assert_eq!(out[0].scale * out[0].psi, 19.5);
/// ```
pub trait MarginRule: Send {
    /// Writes each row's scale and target value into `out` \[B\], in the order of `geometry`
    /// \[B\], and says what becomes of the other classes' cosines. `out` comes filled with
    /// [`RowLogit::NEUTRAL`].
    fn answer(&mut self, geometry: &[RowGeometry], out: &mut [RowLogit]) -> Negatives;
}

/// N: what becomes of another class's cosine c in a row whose target value is ψ. The logit is
/// s·N(c).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Negatives {
    /// N(c) = c.
    #[default]
    Plain,
    /// Re-weighted by the cosine itself.
    Parabola(Parabola),
}

impl Negatives {
    /// N(c), in f64.
    pub fn value(&self, c: f64, psi: f64) -> f64 {
        match self {
            Negatives::Plain => c,
            Negatives::Parabola(p) => p.value(c, psi),
        }
    }
}

/// N of a cosine c that is a parabola above a threshold, and a line through 0 elsewhere:
///
/// ```text
/// N(c) = keep·c + gain·(slant·c + lift)·(c − zero) + offset   where c > threshold,   else below·c
/// ```
///
/// Where `held`, gain·(slant·c + lift) is a weight that carries no gradient: N′ is then
/// keep + gain·(slant·c + lift). N is computed in f32 in the order of the formula, so that a loss that hands in
/// 0 or 1 pays no rounding for what it does not use.
///
/// ```
/// use arcsphere_kernels::head::{Parabola, Threshold};
///
/// // Classes that beat the target count for c·(0.3 + c).
/// let rule = Parabola { slant: 1.0, lift: 0.3, ..Parabola::IDENTITY };
/// assert_eq!(rule.value(0.5, 0.9), 0.5);
/// assert_eq!(rule.value(0.5, 0.1), 0.4);
/// // c² − 0.0625 above −0.25, whose first factor c + 0.25 carries no gradient; 0 below.
/// let above = Threshold::Cosine(-0.25);
/// let rule = Parabola { above, slant: 1.0, lift: 0.25, zero: 0.25, held: true, below: 0.0, ..Parabola::IDENTITY };
/// assert_eq!(rule.value(0.5, 0.9), 0.1875);
/// assert_eq!(rule.value(-0.5, 0.9), 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parabola {
    /// What c must exceed.
    pub above: Threshold,
    /// c's own share beside the product.
    pub keep: f64,
    /// A factor of the product.
    pub gain: f64,
    /// The slope of the first factor.
    pub slant: f64,
    /// The first factor at 0.
    pub lift: f64,
    /// Where the second factor is 0.
    pub zero: f64,
    /// Added to the product.
    pub offset: f64,
    /// Whether the first factor carries no gradient.
    pub held: bool,
    /// The factor of c where it is not above the threshold.
    pub below: f64,
}

/// What a cosine must exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// The row's ψ: classes that beat the target.
    Target,
    /// This number, for every row.
    Cosine(f64),
}

impl Parabola {
    /// N(c) = c, to start from.
    pub const IDENTITY: Parabola = Parabola {
        above: Threshold::Target,
        keep: 0.0,
        gain: 1.0,
        slant: 0.0,
        lift: 1.0,
        zero: 0.0,
        offset: 0.0,
        held: false,
        below: 1.0,
    };

    /// What a cosine must exceed in a row with this ψ.
    pub fn threshold(&self, psi: f64) -> f64 {
        match self.above {
            Threshold::Target => psi,
            Threshold::Cosine(at) => at,
        }
    }

    /// N(c), in f64.
    pub fn value(&self, c: f64, psi: f64) -> f64 {
        if c > self.threshold(psi) {
            self.keep * c + self.gain * (self.slant * c + self.lift) * (c - self.zero) + self.offset
        } else {
            self.below * c
        }
    }
}

/// One binary problem per class, each class against all others, instead of a softmax.
///
/// ```text
/// loss_i = λ/r·softplus(−(r·(g(c_y) − m) + b)) + (1 − λ)/r·Σ_{j≠y} softplus(r·(g(c_j) + m) + b)
/// ```
///
/// with g(c) = 2·((c + 1)/2)^t − 1 and softplus(u) = log(1 + e^u). The bias b is learned: it is
/// the one number of [`Parameters::bias`](super::Parameters::bias).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneVsAll {
    /// λ, the weight of the own class, in [0, 1].
    pub weight: f64,
    /// r > 0.
    pub scale: f64,
    /// m ≥ 0.
    pub margin: f64,
    /// t ≥ 1.
    pub power: f64,
}

/// How logits come from embeddings and prototypes.
pub enum Logits<'a> {
    /// z_j = w_j·x + b_j: plain softmax.
    Linear,
    /// z_j = s·N(cos θ_j), with s·ψ for the own class, by what the rule answers.
    Angular(&'a mut dyn MarginRule),
    /// Binary classification of cosines, each class against all others.
    OneVsAll(OneVsAll),
}

/// What the passes know of the logits, once the rule has answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Linear,
    Angular(Negatives),
    OneVsAll(OneVsAll),
}

impl Form {
    /// Whether prototypes count as normalized.
    pub(super) fn is_angular(self) -> bool {
        self != Form::Linear
    }

    /// Whether other classes' logits are anything but s·cos θ or w·x + b.
    pub(super) fn is_reweighted(self) -> bool {
        !matches!(self, Form::Linear | Form::Angular(Negatives::Plain))
    }
}
