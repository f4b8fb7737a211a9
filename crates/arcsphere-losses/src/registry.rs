//! Registries: a thing that users name is one file and one line.

use std::fmt;

/// Something in a registry.
pub trait Named {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Other names for it.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }
}

impl<T: Named> Named for &T {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn aliases(&self) -> &'static [&'static str] {
        (**self).aliases()
    }
}

/// A name that is in no registry.
///
/// ```
/// let error = arcsphere_losses::find("arcfce").unwrap_err().to_string();
/// assert!(error.starts_with("there is no loss \"arcfce\"; did you mean \"arcface\"? (known: softmax, "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// What was looked for: "loss", "backbone".
    pub kind: &'static str,
    /// The name as given.
    pub name: String,
    /// The closest registered name, if one is close.
    pub nearest: Option<&'static str>,
    /// All registered names.
    pub known: Vec<&'static str>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {} \"{}\"", self.kind, self.name)?;
        if let Some(nearest) = self.nearest {
            write!(f, "; did you mean \"{nearest}\"?")?;
        }
        write!(f, " (known: {})", self.known.join(", "))
    }
}

impl std::error::Error for UnknownName {}

/// The entry called `name` (or an alias; case and `-` for `_` do not matter).
///
/// # Errors
///
/// [`UnknownName`] with the nearest name.
///
/// ```
/// use arcsphere_losses::{margin, registry::find};
///
/// assert_eq!(find(margin::LOSSES, "loss", "Cos-Face").unwrap_err().nearest, Some("cosface"));
/// ```
pub fn find<T: Named>(
    entries: impl IntoIterator<Item = T, IntoIter: Clone>,
    kind: &'static str,
    name: &str,
) -> Result<T, UnknownName> {
    let entries = entries.into_iter();
    let wanted = name.trim().to_ascii_lowercase().replace('-', "_");
    if let Some(entry) = entries.clone().find(|e| e.name() == wanted || e.aliases().contains(&wanted.as_str())) {
        return Ok(entry);
    }
    let names = entries.clone().flat_map(|e| std::iter::once(e.name()).chain(e.aliases().iter().copied()));
    let nearest = nearest(&wanted, names);
    Err(UnknownName { kind, name: name.to_owned(), nearest, known: entries.map(|e| e.name()).collect() })
}

/// That `name` is none of the `known` ones, with the nearest of them.
pub fn unknown(kind: &'static str, name: &str, known: Vec<&'static str>) -> UnknownName {
    let wanted = name.trim().to_ascii_lowercase().replace('-', "_");
    UnknownName { kind, name: name.to_owned(), nearest: nearest(&wanted, known.iter().copied()), known }
}

/// The closest of some names, if one is close.
fn nearest(wanted: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let near = names.map(|n| (strsim::levenshtein(wanted, n), n)).min()?;
    (near.0 <= 1 + near.1.len() / 3).then_some(near.1)
}

/// Declares a slice of the `INFO`s of the named modules.
#[doc(hidden)]
#[macro_export]
macro_rules! registry {
    ($(#[$doc:meta])* $list:ident: $info:ty = $kind:literal { $($module:ident),+ $(,)? }) => {
        $(#[$doc])*
        pub static $list: &[$info] = &[$($module::INFO),+];

        /// The entry of that name or alias.
        ///
        /// # Errors
        ///
        /// `UnknownName` with the nearest name.
        pub fn find(name: &str) -> Result<&'static $info, $crate::registry::UnknownName> {
            $crate::registry::find($list, $kind, name)
        }
    };
}
pub use registry;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Entry(&'static str, &'static [&'static str]);

    impl Named for Entry {
        fn name(&self) -> &'static str {
            self.0
        }
        fn aliases(&self) -> &'static [&'static str] {
            self.1
        }
    }

    static ENTRIES: &[Entry] = &[Entry("arcface", &[]), Entry("cosface", &["am_softmax"])];

    #[test]
    fn names_and_aliases_are_found() {
        assert_eq!(find(ENTRIES, "loss", "ArcFace").unwrap().0, "arcface");
        assert_eq!(find(ENTRIES, "loss", "am-softmax").unwrap().0, "cosface");
    }

    #[test]
    fn a_typo_gets_the_nearest_name_and_nonsense_gets_none() {
        assert_eq!(find(ENTRIES, "loss", "arcfce").unwrap_err().nearest, Some("arcface"));
        assert_eq!(find(ENTRIES, "loss", "zebra crossing").unwrap_err().nearest, None);
    }
}
