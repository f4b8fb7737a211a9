//! Settings per data set and backbone, as files under `configs/` of this crate.

/// A named layer of configuration.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// `<data set>-<backbone>`, or a name of its own.
    pub name: &'static str,
    /// TOML.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        /// All presets.
        pub static PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            text: include_str!(concat!("../../configs/", $name, ".toml")),
        }),+];
    };
}

presets! {
    "mnist-lenet_2d",
    "mnist-lenet_pp",
    "fashion-mnist-lenet_2d",
    "fashion-mnist-lenet_pp",
    "cifar-resnet_cifar",
    "photos",
    "papers",
    "naive",
}

/// What `train.naive = true` means where nothing else is asked for.
pub(super) const NAIVE: &str = include_str!("../../configs/naive.toml");

/// The preset for a data set and a backbone, if there is one. The networks for photos
/// get `photos` on any set without a preset of its own.
///
/// ```
/// use arcsphere::config::preset_for;
///
/// assert_eq!(preset_for("cifar-10", "resnet_cifar").map(|p| p.name), Some("cifar-resnet_cifar"));
/// assert!(preset_for("my-photos", "lenet_2d").is_none());
/// ```
pub fn preset_for(dataset: &str, backbone: &str) -> Option<&'static Preset> {
    let family = match dataset {
        // Turned digits are digits: a shift does not change by how much.
        "mnist" | "mnist-embedded" | "rotated-digits" => "mnist",
        "cifar-10" | "cifar-100" => "cifar",
        other => other,
    };
    let named = |name: &str| PRESETS.iter().find(|p| p.name == name);
    let for_photos = matches!(backbone, "resnet_cifar" | "iresnet" | "mobilefacenet");
    named(&format!("{family}-{backbone}")).or_else(|| named("photos").filter(|_| for_photos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    #[test]
    fn every_preset_is_a_configuration() {
        for preset in PRESETS {
            Layers::new().text(preset.text, preset.name).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
        }
    }

    /// A flip turns the other way: it would make a lie of the target.
    #[test]
    fn what_is_told_by_its_angle_is_not_flipped() {
        for backbone in ["lenet_2d", "lenet_pp"] {
            let preset = preset_for("rotated-digits", backbone).unwrap();
            let config = Layers::new().text(preset.text, preset.name).unwrap().build().unwrap();
            assert!(!config.data.augment.flip, "{}", preset.name);
        }
    }

    #[test]
    fn the_default_pair_has_a_preset() {
        assert_eq!(preset_for("mnist-embedded", "lenet_2d").map(|p| p.name), Some("mnist-lenet_2d"));
        assert_eq!(preset_for("rotated-digits", "lenet_2d").map(|p| p.name), Some("mnist-lenet_2d"));
        assert_eq!(preset_for("my-photos", "mobilefacenet").map(|p| p.name), Some("photos"));
        assert!(preset_for("mnist", "no_such_backbone").is_none());
    }
}
