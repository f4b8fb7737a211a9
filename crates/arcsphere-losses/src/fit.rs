//! Which margins and which scale C classes on a D-sphere have room for.
//!
//! C prototypes can keep a nearest angle of at most α from each other. A sample at
//! angle θ from its own prototype is at α − θ from the next one at best, so it meets
//! a margin only where `ψ(θ) ≥ cos(α − θ)`: the angles from 0 to a *boundary angle*
//! θ*. A margin too strong for C and D leaves no such θ at all, and asks for the
//! impossible. [`fitted`] weakens a paper's margins until a decent θ* is left.
//!
//! A margin that depends on more than the angle counts as at its strongest, and where another
//! class's logit is no longer its cosine, the boundary is where the two logits meet.

use super::margin::{Angular, Extension, Margin, MarginLoss, Margins, Recipe, strongest_target};
use std::f64::consts::{FRAC_PI_2, PI};

/// The boundary angle, as a part of α, that fitted margins leave, …
pub const BOUNDARY_SHARE: f64 = 0.1;
/// … and the angle in radians above which more is not asked for.
pub const BOUNDARY_MAX: f64 = 0.2;

/// α: an upper bound, in radians, of the nearest angle that `classes` prototypes in
/// `dim` dimensions can all keep. Exact for D = 2 (2π/C), for C ≤ D + 1 (the simplex,
/// arccos(−1/(C−1))) and for D + 1 < C ≤ 2D (π/2); else the least of π/2 and the
/// volume bound: C caps of radius α/2 do not overlap.
///
/// ```
/// use arcsphere_losses::fit::nearest_angle_bound;
///
/// assert!((nearest_angle_bound(10, 2).to_degrees() - 36.0).abs() < 1e-9); // even gaps on a circle
/// assert!((nearest_angle_bound(100_000, 512).to_degrees() - 90.0).abs() < 1e-9);
/// ```
pub fn nearest_angle_bound(classes: usize, dim: usize) -> f64 {
    if classes < 2 {
        return PI;
    }
    let c = classes as f64;
    if dim <= 2 {
        return 2.0 * PI / c;
    }
    if classes <= dim + 1 {
        return (-1.0 / (c - 1.0)).acos();
    }
    if classes <= 2 * dim {
        return FRAC_PI_2;
    }
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..60 {
        let radius = 0.5 * (low + high);
        if cap_share(radius, dim) * c > 1.0 { high = radius } else { low = radius }
    }
    (2.0 * low).min(FRAC_PI_2)
}

/// The share of the (D−1)-sphere within `radius` of a point, by Simpson's rule on sin^(D−2).
fn cap_share(radius: f64, dim: usize) -> f64 {
    const STEPS: usize = 2000;
    let power = dim as f64 - 2.0;
    // Scaled by the integrand's maximum on each side, so that large D does not underflow.
    let integral = |to: f64| {
        let h = to / STEPS as f64;
        let value = |i: usize| (i as f64 * h).sin().powf(power);
        let inner: f64 = (1..STEPS).map(|i| value(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
        (value(0) + inner + value(STEPS)) * h / 3.0
    };
    let half = integral(FRAC_PI_2);
    if half == 0.0 { 0.0 } else { 0.5 * integral(radius) / half }
}

/// θ*: the boundary angle that fitted margins leave around a prototype.
pub fn boundary_angle(alpha: f64) -> f64 {
    (BOUNDARY_SHARE * alpha).min(BOUNDARY_MAX)
}

/// The largest angle from its prototype at which a sample can meet the margin when
/// the next prototype is at `alpha`: the root of ψ(θ) = cos(α − θ). 0 if there is none.
///
/// ```
/// use arcsphere_losses::{fit::angle_left, margin::Unit};
///
/// let alpha = 36_f64.to_radians();
/// assert!(angle_left(Unit::AngleMargin.margins(0.5), alpha) > 0.0);
/// assert_eq!(angle_left(Unit::CosineMargin.margins(0.35), alpha), 0.0); // it asks for more than there is
/// ```
pub fn angle_left(margins: Margins, alpha: f64) -> f64 {
    angle_left_by(&Angular { margins, extension: Extension::Monotone }, alpha)
}

/// The same for any loss.
pub fn angle_left_by(margin: &dyn Margin, alpha: f64) -> f64 {
    let room = |theta: f64| margin.rival(strongest_target(margin, theta).psi) - (alpha - theta).cos();
    if room(0.0) < 0.0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 0.5 * alpha);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if room(middle) >= 0.0 { low = middle } else { high = middle }
    }
    low
}

/// The angle in radians, in [0, α/2], that margins take at the boundary between two classes
/// whose prototypes are `alpha` apart: α/2 − [`angle_left`].
///
/// Without a margin a class reaches to α/2, with one only to θ*, the root of
/// ψ(θ) = cos(α − θ). ArcFace's m1 costs m1/2, a multiplier m0 costs α(m0 − 1)/(2(m0 + 1));
/// what leaves no angle at all costs all of α/2.
///
/// ```
/// use arcsphere_losses::{fit, margin::Unit};
///
/// assert!((fit::boundary_cost(Unit::AngleMargin.margins(0.4), 0.628) - 0.2).abs() < 1e-9);
/// ```
pub fn boundary_cost(margins: Margins, alpha: f64) -> f64 {
    let cost = 0.5 * alpha - angle_left(margins, alpha);
    // The root is bracketed to a few units in its last place: no margin must cost exactly 0.
    if cost < 1e-12 { 0.0 } else { cost }
}

/// A loss fitted to C and D, and how that came about.
///
/// ```
/// use arcsphere_losses::{fit, margin};
///
/// // Ten prototypes on a circle are 36° apart, and CosFace's 0.35 asks for more than 1 − cos 36°.
/// let cosface = fit::fitted(margin::find("cosface")?, 10, 2);
/// assert!(cosface.strength < 1.0 && cosface.recipe.margins.cosine_margin < 0.19);
/// # Ok::<(), arcsphere_losses::registry::UnknownName>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// What to take: weakened margins, and the scale for them.
    pub recipe: Recipe,
    /// The part of the paper's margins that they are, in [0, 1].
    pub strength: f64,
    /// α.
    pub nearest_angle: f64,
    /// The angle that the margins leave around a prototype.
    pub boundary_angle: f64,
}

/// The largest t in [0, 1] at which `left` of it is still the boundary angle, where `left` falls.
fn strongest_part(alpha: f64, left: impl Fn(f64) -> f64) -> f64 {
    let wanted = boundary_angle(alpha);
    if left(1.0) >= wanted {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if left(middle) >= wanted { low = middle } else { high = middle }
    }
    // Three digits are all that a reader wants to see, rounded to the safe side.
    (low * 1000.0).floor() / 1000.0
}

/// The part of some margins, in [0, 1], that C and D have room for.
///
/// ```
/// use arcsphere_losses::{fit::fitting_part, margin::Unit};
///
/// let cosface = Unit::CosineMargin.margins(0.35);
/// assert_eq!(fitting_part(cosface, 10, 512), 1.0);
/// assert!(fitting_part(cosface, 10, 2) < 0.5);
/// ```
pub fn fitting_part(margins: Margins, classes: usize, dim: usize) -> f64 {
    let alpha = nearest_angle_bound(classes, dim);
    strongest_part(alpha, |t| angle_left(margins.at_strength(t), alpha))
}

/// The strongest part of a paper's margins that leaves the boundary angle.
pub fn fitted(info: &MarginLoss, classes: usize, dim: usize) -> Fit {
    let alpha = nearest_angle_bound(classes, dim);
    let weakened = |t: f64| Recipe::weakened(info, t, classes, dim);
    let left = |recipe: &Recipe| angle_left_by(&*info.build(recipe), alpha);
    let strength = strongest_part(alpha, |t| left(&weakened(t)));
    let mut recipe = weakened(strength);
    recipe.scale = info.scale_for(&recipe, default_scale(classes, dim));
    let boundary_angle = left(&recipe);
    Fit { recipe, strength, nearest_angle: alpha, boundary_angle }
}

/// The smallest scale at which a sample on its prototype, with all others at `alpha`,
/// can reach probability `p`: log((C − 1)·p/(1 − p))/(1 − cos α).
///
/// ```
/// use arcsphere_losses::fit::scale_for_probability;
///
/// // Ten classes at right angles: at s, a sample on its prototype is given p = eˢ/(eˢ + 9).
/// let s = scale_for_probability(10, std::f64::consts::FRAC_PI_2, 0.9);
/// assert!((s.exp() / (s.exp() + 9.0) - 0.9).abs() < 1e-9);
/// ```
pub fn scale_for_probability(classes: usize, alpha: f64, p: f64) -> f64 {
    ((classes.max(2) as f64 - 1.0) * p / (1.0 - p)).ln() / (1.0 - alpha.cos())
}

/// The scale that is taken where none is given: large enough that a sample on its
/// prototype can reach probability [`REACHED`], between 10 and the papers' 64.
///
/// ```
/// use arcsphere_losses::fit::default_scale;
///
/// assert_eq!(default_scale(10, 2), 15.9); // ten on a circle
/// assert!(default_scale(100_000, 512) < 64.0);
/// ```
pub fn default_scale(classes: usize, dim: usize) -> f64 {
    let alpha = nearest_angle_bound(classes, dim);
    (scale_for_probability(classes, alpha, REACHED) * 10.0).round().clamp(100.0, 640.0) / 10.0
}

/// The probability that the default scale makes possible.
pub const REACHED: f64 = 0.7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::{LOSSES, Unit, find};

    #[test]
    fn exact_packings() {
        assert!((nearest_angle_bound(10, 2) - 0.628_318).abs() < 1e-5);
        assert!((nearest_angle_bound(4, 3) - 1.910_633).abs() < 1e-5); // tetrahedron
        assert!((nearest_angle_bound(6, 3) - FRAC_PI_2).abs() < 1e-9); // octahedron
        assert_eq!(nearest_angle_bound(2, 2), PI);
    }

    #[test]
    fn the_bound_is_above_a_known_packing_and_close_to_it() {
        // Tammes' problem: 12 points, the icosahedron, 63.43°; 24 points, the snub cube, 43.69°.
        for (c, best) in [(12, 63.434_9_f64), (24, 43.690_8)] {
            let bound = nearest_angle_bound(c, 3).to_degrees();
            assert!(bound >= best && bound < best * 1.13, "{c}: {bound}");
        }
        assert_eq!(nearest_angle_bound(100_000, 512), FRAC_PI_2);
    }

    #[test]
    fn angle_left_agrees_with_the_closed_forms() {
        let alpha = 0.6;
        let sphere = Margins { angle_multiplier: 3.0, ..Margins::NONE };
        assert!((angle_left(sphere, alpha) - alpha / 4.0).abs() < 1e-9);
        let arc = Margins { angle_margin: 0.2, ..Margins::NONE };
        assert!((angle_left(arc, alpha) - 0.2).abs() < 1e-9);
        let too_much = Margins { cosine_margin: 0.35, ..Margins::NONE };
        assert_eq!(angle_left(too_much, alpha), 0.0);
    }

    #[test]
    fn the_papers_margins_are_taken_where_they_fit() {
        for loss in LOSSES {
            // Few classes in many dimensions: AdaFace's strongest margin is the hardest to fit.
            let roomy = fitted(loss, 2, 32);
            assert_eq!(roomy.recipe.margins, loss.kind.paper, "{}", loss.name);
            assert_eq!(roomy.recipe.params, Recipe::paper(loss, 2, 32).params, "{}", loss.name);
            let tight = fitted(loss, 10, 2);
            assert!(tight.boundary_angle >= boundary_angle(tight.nearest_angle) - 1e-9, "{}", loss.name);
        }
    }

    /// Ten classes on a circle: the limits of the specification's table decide who is weakened.
    #[test]
    fn margins_beyond_their_limit_are_weakened() {
        for loss in LOSSES {
            let alpha = nearest_angle_bound(10, 2);
            let paper = loss.build(&Recipe::paper(loss, 10, 2));
            let fits = angle_left_by(&*paper, alpha) >= boundary_angle(alpha);
            let strength = fitted(loss, 10, 2).strength;
            assert_eq!(strength == 1.0, fits, "{}: {strength}", loss.name);
        }
        let m2 = fitted(find("cosface").unwrap(), 10, 2).recipe.margins.cosine_margin;
        assert!(m2 < 1.0 - nearest_angle_bound(10, 2).cos(), "{m2}");
    }

    #[test]
    fn a_loss_with_one_margin_has_its_unit() {
        let unit = |name| find(name).unwrap().kind.unit();
        assert_eq!(unit("sphereface"), Some(Unit::AngleMultiplier));
        assert_eq!(unit("arcface"), Some(Unit::AngleMargin));
        assert_eq!(unit("cosface"), Some(Unit::CosineMargin));
        assert_eq!((unit("softmax"), unit("combined")), (None, None));
        for loss in LOSSES {
            let Some(unit) = loss.kind.unit() else { continue };
            assert_eq!(unit.margins(unit.value(loss.kind.paper)), loss.kind.paper, "{}", loss.name);
        }
    }

    #[test]
    fn costs_agree_with_their_closed_forms() {
        let alpha = 0.628;
        assert_eq!(boundary_cost(Margins::NONE, alpha), 0.0);
        assert!((boundary_cost(Unit::AngleMargin.margins(0.4), alpha) - 0.2).abs() < 1e-9);
        let m0 = 3.0;
        let want = alpha * (m0 - 1.0) / (2.0 * (m0 + 1.0));
        assert!((boundary_cost(Unit::AngleMultiplier.margins(m0), alpha) - want).abs() < 1e-9);
        // CosFace: θ* solves cos θ − m2 = cos(α − θ).
        let left = 0.5 * alpha - boundary_cost(Unit::CosineMargin.margins(0.1), alpha);
        assert!((left.cos() - 0.1 - (alpha - left).cos()).abs() < 1e-9);
    }

    #[test]
    fn what_leaves_nothing_costs_half_the_nearest_angle() {
        assert_eq!(boundary_cost(Unit::AngleMargin.margins(0.7), 0.628), 0.314);
        assert_eq!(boundary_cost(Unit::CosineMargin.margins(0.35), 0.628), 0.314);
    }

    #[test]
    fn more_margin_never_costs_less() {
        for unit in Unit::ALL {
            let costs: Vec<f64> =
                (0..20).map(|i| boundary_cost(unit.margins(unit.param().default + 0.05 * f64::from(i)), 0.6)).collect();
            assert!(costs.is_sorted() && costs[19] > costs[0], "{costs:?}");
        }
    }

    /// Where the border is not ψ(θ) = cos(α − θ): the circle's own equation, and SphereFace2's
    /// margin on both sides.
    #[test]
    fn borders_of_other_forms() {
        let alpha = nearest_angle_bound(10, 2);
        let circle = fitted(find("circle").unwrap(), 10, 2);
        let theta = circle.boundary_angle;
        let m = circle.recipe.params["relaxation"];
        let off = (1.0 - theta.cos()).powi(2) + (alpha - theta).cos().powi(2) - 2.0 * m * m;
        assert!(off.abs() < 1e-9 && m > 0.25, "m = {m}: {off}");
        assert!((circle.recipe.scale - default_scale(10, 2) / m).abs() < 1e-12);

        let binary = fitted(find("sphereface2").unwrap(), 10, 2);
        let (theta, m) = (binary.boundary_angle, binary.recipe.params["margin"]);
        let g = |angle: f64| 2.0 * (0.5 * (angle.cos() + 1.0)).powi(3) - 1.0;
        assert!((g(theta) - g(alpha - theta) - 2.0 * m).abs() < 1e-9 && m < 0.4, "m = {m}");
    }
}
