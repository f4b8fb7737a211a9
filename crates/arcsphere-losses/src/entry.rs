//! What every loss says of itself, whatever its kind.

use crate::param::{self, Param, ParamError, Values};
use crate::registry::Named;
use std::collections::BTreeMap;

/// A loss as it describes itself. `kind` holds what only losses of its kind have, such as
/// [`MarginKind`](crate::margin::MarginKind).
///
/// ```
/// use arcsphere_losses::margin;
///
/// let arcface = margin::find("aam-softmax")?;
/// assert_eq!((arcface.name, arcface.kind.paper.angle_margin), ("arcface", 0.5));
/// assert!(margin::find("adaface")?.has_param("concentration"));
/// # Ok::<(), arcsphere_losses::registry::UnknownName>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Entry<K> {
    /// The registry's name, and the file's.
    pub name: &'static str,
    /// Other names that users know it by.
    pub aliases: &'static [&'static str],
    /// One line.
    pub summary: &'static str,
    /// The formula: the target's logit and what else differs from s·cos θ, or the loss of a batch.
    pub formula: &'static str,
    /// The paper, and the equation where there is one.
    pub source: &'static str,
    /// What may be set, beside m0, m1, m2 and s.
    pub params: &'static [Param],
    /// What only losses of its kind have.
    pub kind: K,
}

impl<K> Entry<K> {
    /// Whether it has a parameter of that name.
    pub fn has_param(&self, name: &str) -> bool {
        self.params.iter().any(|p| p.name == name)
    }

    /// The values of its parameters: as `given`, else their defaults.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for an unknown name, a value outside its range, and one that does not exceed
    /// the one that it must.
    ///
    /// ```
    /// let magface = arcsphere_losses::find("magface")?;
    /// assert!(magface.values(&Default::default()).is_ok());
    /// let error = magface.values(&[("upper_norm".to_owned(), 5.0)].into()).unwrap_err().to_string();
    /// assert!(error.contains("it must be above lower_norm, which is 10"), "{error}");
    /// # Ok::<(), arcsphere_losses::registry::UnknownName>(())
    /// ```
    pub fn values(&self, given: &BTreeMap<String, f64>) -> Result<Values, ParamError> {
        param::resolve(self.name, self.params, given, |p| p.default)
    }

    /// The same of values that were checked: what is no parameter is passed over.
    pub fn values_or_defaults(&self, given: &BTreeMap<String, f64>) -> Values {
        self.params.iter().map(|p| (p.name, given.get(p.name).copied().unwrap_or(p.default))).collect()
    }

    /// The same texts with another kind.
    pub(crate) fn with_kind<L>(&self, kind: L) -> Entry<L> {
        let Entry { name, aliases, summary, formula, source, params, .. } = *self;
        Entry { name, aliases, summary, formula, source, params, kind }
    }
}

impl<K> Named for Entry<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }
}
