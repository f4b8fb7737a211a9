//! What is asked of a loss, and what is made of it: refused where the loss has no such thing or the
//! number is out of range, filled in from C and D where it is left out.
//!
//! Margins, the scale and where it comes from are decided here together, so that they cannot disagree.

use crate::bounds;
use crate::fit::{self, Fit};
use crate::margin::{Extension, MarginLoss, Objective, Recipe, ScaleKind, Unit};
use crate::param::{self, ParamError};
use crate::range::OutOfRange;
use crate::regularizer::{HALF_SPACE, HYPERSPHERICAL_ENERGY, POWER, Regularizer, WEIGHT};
use crate::tuple::Role;
use crate::{Kind, Loss};
use std::collections::BTreeMap;
use thiserror::Error;

/// The prototypes' hyperspherical energy beside a loss (see [`regularizer`](crate::regularizer)). The default is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Energy {
    /// λ_M in [0, 1000], beside the loss's 1; 0 for none.
    pub weight: f64,
    /// a of r^(−a): 0 for log(1/r), 1 or 2.
    pub power: f64,
    /// Prototypes also repel each other's opposites.
    pub half_space: bool,
}

impl Default for Energy {
    fn default() -> Self {
        Energy { weight: 0.0, power: 1.0, half_space: false }
    }
}

impl Energy {
    /// The regularizer; none where the weight is 0.
    pub(crate) fn make(&self) -> Option<Box<dyn Regularizer>> {
        let half_space = f64::from(u8::from(self.half_space));
        let values = [(WEIGHT.name, self.weight), (POWER.name, self.power), (HALF_SPACE.name, half_space)];
        (self.weight > 0.0).then(|| HYPERSPHERICAL_ENERGY.build(&values.into()))
    }
}

/// What is asked of a loss. The default asks for nothing: margins and scale are then fitted to C and D.
///
/// ```
/// use arcsphere_losses::{Settings, margin};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cosface = margin::find("cosface")?;
/// let fitted = Settings::default().choose(cosface, 10, 2)?;
/// let paper = Settings { paper: true, ..Settings::default() }.choose(cosface, 10, 2)?;
/// assert_eq!((paper.recipe.margins.cosine_margin, paper.recipe.scale), (0.35, 64.0));
/// assert!(fitted.recipe.margins.cosine_margin < 0.2); // ten classes on a circle have less room
///
/// let degrees = Settings { angle_margin: Some(30.0), ..Settings::default() };
/// assert!(degrees.choose(margin::find("arcface")?, 10, 2).unwrap_err().to_string().contains("in [0, π]"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The paper's margins and scale where none are given, in place of fitted ones.
    pub paper: bool,
    /// m0 in [1, 16].
    pub angle_multiplier: Option<f64>,
    /// m1 in radians, in [0, π].
    pub angle_margin: Option<f64>,
    /// m2 in [0, 2].
    pub cosine_margin: Option<f64>,
    /// s in (0, 10000]. On a loss of free norm it fixes the norm: modified softmax becomes NormFace.
    pub scale: Option<f64>,
    /// What ψ does past π.
    pub extension: Extension,
    /// ε of label smoothing in [0, 1).
    pub smoothing: f64,
    /// The prototypes' energy.
    pub energy: Energy,
    /// The loss's other numbers, by name.
    pub params: BTreeMap<String, f64>,
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SettingError {
    /// A number out of its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// What the loss does not have.
    #[error("{loss} has no {key}: {hint}")]
    NotTaken {
        /// The loss.
        loss: &'static str,
        /// The setting.
        key: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
    /// A parameter that the loss cannot have.
    #[error(transparent)]
    Param(#[from] ParamError),
}

/// What was chosen for a margin loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Margins, parameters and scale.
    pub recipe: Recipe,
    /// Where the scale comes from: a given one is fixed.
    pub scale_kind: ScaleKind,
    /// What fits C and D.
    pub fitted: Fit,
    /// Whether a margin is another than the fitted, or the paper's, as asked for.
    pub own_margin: bool,
    /// Whether the scale is another than the one for these margins.
    pub own_scale: bool,
}

impl Settings {
    /// The margin of a unit, if it is given.
    pub fn margin(&self, unit: Unit) -> Option<f64> {
        match unit {
            Unit::AngleMultiplier => self.angle_multiplier,
            Unit::AngleMargin => self.angle_margin,
            Unit::CosineMargin => self.cosine_margin,
        }
    }

    /// Refuses what `loss` does not have, and numbers that it cannot have, whatever C and D are.
    ///
    /// # Errors
    ///
    /// [`SettingError`] for the first of them.
    pub fn check(&self, loss: Loss) -> Result<(), SettingError> {
        bounds::SMOOTHING.check(self.smoothing)?;
        match loss.kind {
            Kind::Margin(info) => self.check_margin(info)?,
            Kind::Tuple(info) => {
                let hint =
                    "it has no margin on angles and no scale of logits; see its parameters in `arcsphere explain`";
                self.refuse_angular(info.name, hint)?;
                if info.kind.role == Role::Alone {
                    self.refuse_smoothing(info.name)?;
                }
            }
            Kind::Ordinal(_) | Kind::Energy(_) => {
                let hint = match loss.kind {
                    Kind::Ordinal(_) => "it learns a number, and there are no angles; see `arcsphere explain`",
                    _ => "it has no margin and no scale; see its parameters",
                };
                self.refuse_angular(loss.name, hint)?;
                self.refuse_smoothing(loss.name)?;
            }
        }
        Ok(param::check(loss.name, loss.params, &self.params)?)
    }

    fn check_margin(&self, info: &'static MarginLoss) -> Result<(), SettingError> {
        for unit in Unit::ALL {
            let Some(value) = self.margin(unit) else { continue };
            if !info.kind.takes(unit) {
                let hint = match unit {
                    Unit::AngleMultiplier => "use sphereface, fnorm_sphereface or combined",
                    Unit::AngleMargin => "use arcface or combined",
                    Unit::CosineMargin => "use cosface or combined",
                };
                return Err(SettingError::NotTaken { loss: info.name, key: unit.key(), hint });
            }
            bounds::margin(unit).check(value)?;
        }
        match self.scale {
            Some(_) if info.kind.scale == ScaleKind::Unnormalized => {
                let hint = "its logits are w·x + b; use modified_softmax with a scale (NormFace)";
                return Err(SettingError::NotTaken { loss: info.name, key: bounds::SCALE.key, hint });
            }
            Some(s) => bounds::SCALE.check(s)?,
            None => {}
        }
        if !info.kind.takes_extension {
            self.refuse_extension(info.name)?;
        }
        let m0 = self.angle_multiplier.unwrap_or(info.kind.paper.angle_multiplier);
        if self.extension == Extension::Fallback && m0 != 1.0 {
            let why = "the fallback is defined for m0 = 1 only";
            let refused = bounds::margin(Unit::AngleMultiplier).refuse(m0, "1 with extension = \"fallback\"");
            return Err(OutOfRange { why, way_out: "take another extension", ..refused }.into());
        }
        if self.smoothing > 0.0 && info.kind.objective == Objective::OneVsAll {
            let why = "each class has a binary problem of its own, and there is no distribution over them to smooth";
            return Err(self.no_smoothing(info.name, why).into());
        }
        self.check_energy(info)
    }

    /// Refuses an energy out of range, or of prototypes that are on no sphere.
    fn check_energy(&self, info: &MarginLoss) -> Result<(), SettingError> {
        bounds::ENERGY_WEIGHT.check(self.energy.weight)?;
        bounds::ENERGY_POWER.check(self.energy.power)?;
        if self.energy.weight > 0.0 && info.kind.scale == ScaleKind::Unnormalized {
            let why = "its prototypes are not on a sphere";
            return Err(self.no_energy(info.name, why, "use modified_softmax, or leave it out").into());
        }
        Ok(())
    }

    fn no_energy(&self, loss: &str, why: &'static str, way_out: &'static str) -> OutOfRange {
        let refused = bounds::ENERGY_WEIGHT.refuse(self.energy.weight, format!("0 for {loss}"));
        OutOfRange { why, way_out, ..refused }
    }

    fn no_smoothing(&self, loss: impl std::fmt::Display, why: &'static str) -> OutOfRange {
        OutOfRange { why, ..bounds::SMOOTHING.refuse(self.smoothing, format!("0 for {loss}")) }
    }

    fn refuse_smoothing(&self, loss: &'static str) -> Result<(), SettingError> {
        match self.smoothing > 0.0 {
            true => Err(self.no_smoothing(loss, "there is no softmax whose target it could smooth").into()),
            false => Ok(()),
        }
    }

    fn refuse_extension(&self, loss: &'static str) -> Result<(), SettingError> {
        match self.extension == Extension::default() {
            true => Ok(()),
            false => Err(SettingError::NotTaken {
                loss,
                key: "extension",
                hint: "no angle of its target passes π; leave loss.extension out, or use a loss with an angular margin, as arcface",
            }),
        }
    }

    /// Refuses what only an angular loss has.
    fn refuse_angular(&self, loss: &'static str, hint: &'static str) -> Result<(), SettingError> {
        let given = Unit::ALL.into_iter().find(|unit| self.margin(*unit).is_some()).map(Unit::key);
        if let Some(key) = given.or(self.scale.map(|_| bounds::SCALE.key)) {
            return Err(SettingError::NotTaken { loss, key, hint });
        }
        self.refuse_extension(loss)?;
        // Not `> 0`: NaN is refused as well.
        if self.energy.weight != 0.0 {
            let why = "it trains no prototypes on a sphere";
            return Err(self.no_energy(loss, why, "use an angular loss, or leave it out").into());
        }
        Ok(())
    }

    /// What is given, else the paper's if asked for, else what fits `classes` and `dim`.
    ///
    /// # Errors
    ///
    /// [`SettingError`] for what [`check`](Self::check) refuses, and for what only one prototype per class can
    /// have.
    pub fn choose(&self, info: &'static MarginLoss, classes: usize, dim: usize) -> Result<Chosen, SettingError> {
        self.check(info.with_kind(Kind::Margin(info)))?;
        bounds::CLASSES.check(classes as f64)?;
        bounds::DIM.check(dim as f64)?;
        let fitted = fit::fitted(info, classes, dim);
        let base = if self.paper { Recipe::paper(info, classes, dim) } else { fitted.recipe.clone() };
        let mut recipe = Recipe { extension: self.extension, ..base.clone() };
        for unit in Unit::ALL {
            let of_unit = unit.value_mut(&mut recipe.margins);
            *of_unit = self.margin(unit).unwrap_or(*of_unit);
        }
        recipe.params = param::resolve(info.name, info.params, &self.params, |p| base.param(p))?;
        let usual = if self.paper { info.kind.paper_scale } else { fit::default_scale(classes, dim) };
        let default_scale = info.scale_for(&recipe, usual);
        recipe.scale = self.scale.unwrap_or(default_scale);
        let scale_kind = info.scale_kind(self.scale);
        self.check_centers(info, info.build(&recipe).centers())?;
        // A checked configuration repeats the defaults; only what differs from them was asked for.
        let is_margin = |name: &str| info.params.iter().any(|p| p.name == name && p.neutral.is_some());
        let differs = |(name, value): (&&'static str, &f64)| is_margin(name) && base.params.get(name) != Some(value);
        let own_margin = recipe.margins != base.margins || recipe.params.iter().any(differs);
        let own_scale = self.scale.is_some_and(|s| s != default_scale);
        Ok(Chosen { recipe, scale_kind, fitted, own_margin, own_scale })
    }

    fn check_centers(&self, info: &MarginLoss, centers: usize) -> Result<(), SettingError> {
        if centers > 1 && self.smoothing > 0.0 {
            let why = "the gradient goes to one prototype of a class, and smoothing would pull on all";
            return Err(self.no_smoothing(format!("{centers} prototypes per class"), why).into());
        }
        if centers > 1 && self.energy.weight > 0.0 {
            let why = "prototypes of one class belong together, and it would part them";
            let way_out = "use arcface, set loss.params.centers = 1, or leave it out";
            return Err(self.no_energy(info.name, why, way_out).into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::{LOSSES, find};
    use crate::{find as find_any, tuple::TUPLES};

    fn refused(loss: &str, change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        let loss = find_any(loss).unwrap();
        match (settings.check(loss), loss.kind) {
            (Err(error), _) => error.to_string(),
            (Ok(()), Kind::Margin(info)) => settings.choose(info, 10, 8).expect_err("must be refused").to_string(),
            _ => panic!("must be refused"),
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused_with_key_range_reason_and_way_out() {
        for (text, words) in [
            (refused("arcface", |s| s.smoothing = -3.0), "smoothing = -3|in [0, 1)|leave it out for 0"),
            (refused("arcface", |s| s.scale = Some(-64.0)), "scale = -64|in (0, 10000]|leave it out"),
            (refused("arcface", |s| s.angle_margin = Some(100.0)), "angle_margin = 100|in [0, π]|degrees"),
            (refused("sphereface", |s| s.angle_multiplier = Some(0.0)), "angle_multiplier = 0|[1, 16]|ease the own"),
            (refused("cosface", |s| s.cosine_margin = Some(f64::NAN)), "cosine_margin = NaN|[0, 2]"),
            (refused("arcface", |s| s.energy.weight = -1.0), "energy_weight = -1|[0, 1000]"),
            (refused("arcface", |s| s.energy.power = 1.5), "energy_power = 1.5|0, 1 or 2"),
        ] {
            assert!(words.split('|').chain(["because"]).all(|word| text.contains(word)), "{text}");
        }
    }

    #[test]
    fn what_a_loss_does_not_have_is_refused_by_name() {
        for (loss, text, key) in [
            ("arcface", refused("arcface", |s| s.cosine_margin = Some(0.2)), "cosine_margin"),
            ("softmax", refused("softmax", |s| s.scale = Some(8.0)), "scale"),
            ("softmax", refused("softmax", |s| s.energy.weight = 1.0), "energy_weight"),
            ("subcenter_arcface", refused("subcenter_arcface", |s| s.energy.weight = 1.0), "energy_weight"),
            ("3 prototypes", refused("subcenter_arcface", |s| s.smoothing = 0.1), "smoothing"),
            ("sphereface2", refused("sphereface2", |s| s.smoothing = 0.1), "smoothing"),
            ("cosface", refused("cosface", |s| s.extension = Extension::Easy), "extension"),
            ("regression", refused("regression", |s| s.smoothing = 0.1), "smoothing"),
            ("coral", refused("coral", |s| s.angle_margin = Some(0.1)), "angle_margin"),
            ("arcface", refused("arcface", |s| s.params = [("t".to_owned(), 1.0)].into()), "no parameter \"t\""),
        ] {
            assert!(text.contains(loss) && text.contains(key), "{text}");
        }
        for info in TUPLES {
            assert!(refused(info.name, |s| s.scale = Some(8.0)).contains("has no scale"), "{}", info.name);
            assert!(refused(info.name, |s| s.energy.weight = f64::NAN).contains("energy_weight"), "{}", info.name);
        }
    }

    /// What was chosen, asked for again, is chosen again.
    #[test]
    fn a_choice_is_its_own() {
        for info in LOSSES {
            for paper in [false, true] {
                let asked = Settings { paper, ..Settings::default() };
                let chosen = asked.choose(info, 10, 2).unwrap();
                assert!(
                    !chosen.own_margin && !chosen.own_scale && chosen.scale_kind == info.kind.scale,
                    "{}",
                    info.name
                );
                let m = chosen.recipe.margins;
                let again = Settings {
                    angle_multiplier: info.kind.takes(Unit::AngleMultiplier).then_some(m.angle_multiplier),
                    angle_margin: info.kind.takes(Unit::AngleMargin).then_some(m.angle_margin),
                    cosine_margin: info.kind.takes(Unit::CosineMargin).then_some(m.cosine_margin),
                    scale: (chosen.scale_kind == ScaleKind::Fixed).then_some(chosen.recipe.scale),
                    params: chosen.recipe.params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
                    ..asked
                };
                assert_eq!(again.choose(info, 10, 2).unwrap(), chosen, "{}", info.name);
            }
        }
    }

    #[test]
    fn a_given_scale_is_fixed() {
        let info = find("modified_softmax").unwrap();
        let asked = Settings { scale: Some(20.0), ..Settings::default() };
        let chosen = asked.choose(info, 10, 2).unwrap();
        assert_eq!((chosen.scale_kind, chosen.recipe.scale, chosen.own_scale), (ScaleKind::Fixed, 20.0, true));
        assert!(asked.choose(info, 1, 2).unwrap_err().to_string().contains("classes = 1"));
        assert!(asked.choose(info, 10, 1).unwrap_err().to_string().contains("dim = 1"));
    }
}
