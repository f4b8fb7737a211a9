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
    /// s, the factor of all logits of the row.
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
pub trait MarginRule: Send {
    /// Writes each row's scale and target value into `out` \[B\], in the order of `geometry`
    /// \[B\], and says what becomes of the other classes' cosines. `out` comes filled with
    /// [`RowLogit::NEUTRAL`].
    fn answer(&mut self, geometry: &[RowGeometry], out: &mut [RowLogit]) -> Negatives;
}

/// N: what becomes of another class's cosine c in a row whose target value is ψ. The logit is
/// s·N(c).
///
/// A soft start blends: N_τ(c) = (1 − τ)·c + τ·N(c) with a strength τ in [0, 1], of which 1 is
/// the loss's own and 0 is plain.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Negatives {
    /// N(c) = c.
    #[default]
    Plain,
    /// CurricularFace (Huang et al., CVPR 2020): N(c) = c·(t + c) where c > ψ, else c.
    Curricular {
        /// t, the moving average of the batches' target cosines; in [−1, 1].
        t: f64,
        /// τ.
        strength: f64,
    },
    /// MV-Softmax, adaptive form (Wang et al., AAAI 2020): N(c) = t·c + t − 1 where c > ψ,
    /// else c.
    MisclassifiedVector {
        /// t ≥ 1; 1 is plain, and t itself blends.
        t: f64,
    },
    /// Circle loss, class level (Sun et al., CVPR 2020): N(c) = α·(c − m) with
    /// α = max(c + m, 0), which carries no gradient.
    Circle {
        /// m, in [0, 1].
        margin: f64,
        /// τ.
        strength: f64,
    },
}

/// SphereFace2 (Wen et al., ICLR 2022): one binary problem per class instead of a softmax.
///
/// loss_i = λ/r · softplus(−(r·(g(c_y) − m) + b)) + (1 − λ)/r · Σ_{j≠y} softplus(r·(g(c_j) + m) + b)
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
