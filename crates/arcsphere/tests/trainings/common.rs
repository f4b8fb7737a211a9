//! What the tests of whole trainings share: images, a training at its start, and what one left.

use arcsphere::backbones::Backbone;
use arcsphere::checkpoint::{self, Checkpoint, Provenance};
use arcsphere::config::Config;
use arcsphere::evaluate::Evaluation;
use arcsphere::plan::{self, Plan, Splits};
use arcsphere::train::{Progress, Trainer};
use arcsphere_data::OpenOptions;
use arcsphere_eval::protocols::Protocols;
use safetensors::SafeTensors;
use std::collections::BTreeMap;

/// The arcface defaults on 12×12 digits in steps of 15, on two threads.
pub(crate) fn small(limit_train: usize, limit_test: usize) -> Config {
    let mut config = Config::default();
    config.data.resize = Some((12, 12));
    (config.data.limit_train, config.data.limit_test) = (Some(limit_train), Some(limit_test));
    (config.train.batch, config.train.threads) = (15, 2);
    config
}

/// The images that a configuration names.
pub(crate) fn splits(config: &Config) -> Splits {
    let d = &config.data;
    let options = OpenOptions {
        resize: d.resize,
        fit: d.fit,
        limit_train: d.limit_train,
        limit_test: d.limit_test,
        seed: d.split_seed,
        ..OpenOptions::default()
    };
    plan::split(config, &arcsphere_data::open(&d.source, &options).unwrap()).unwrap()
}

/// What a training's test set says.
pub(crate) fn evaluate<B: Backbone>(trainer: &Trainer<B>, splits: &Splits) -> Evaluation {
    arcsphere::evaluate::evaluate(trainer, splits, &Protocols::default(), &|_, _| {}).unwrap()
}

/// A training at its first step.
pub(crate) fn start(config: &Config, splits: &Splits) -> Trainer {
    Trainer::new(Plan::check(config, splits).unwrap(), &arcsphere::Device::flex()).unwrap()
}

/// All that a training left: the checkpoint's bytes, and its tensors and progress, to say what differs.
#[derive(Debug, PartialEq)]
pub(crate) struct Left {
    pub(crate) file: Vec<u8>,
    pub(crate) tensors: BTreeMap<String, Vec<u8>>,
    pub(crate) progress: Progress,
}

impl Left {
    /// What differs first, in words.
    pub(crate) fn difference(&self, other: &Left) -> Option<String> {
        if self.progress != other.progress {
            return Some(format!("{:?} is not {:?}", self.progress, other.progress));
        }
        let names = self.tensors.keys().chain(other.tensors.keys());
        let tensor = names.filter(|n| self.tensors.get(*n) != other.tensors.get(*n)).map(Clone::clone).next();
        tensor.or((self.file != other.file).then(|| "the file's bytes".to_owned()))
    }
}

/// Saves a training, and reads everything back from the file, which lies in the folder.
pub(crate) fn save<B: Backbone>(trainer: &Trainer<B>, splits: &Splits) -> (tempfile::TempDir, Left) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(checkpoint::FILE_NAME);
    checkpoint::save(trainer, &Provenance::of("test", splits).unwrap(), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, view)| (name, view.data().to_vec())).collect();
    let progress = Checkpoint::read(dir.path()).unwrap().progress;
    assert_eq!(progress, trainer.progress);
    (dir, Left { tensors, progress, file: bytes })
}

/// The trainer of a folder that [`save`] wrote.
pub(crate) fn resumed(dir: &tempfile::TempDir, splits: &Splits) -> Trainer {
    Checkpoint::read(dir.path()).unwrap().resume(splits, &arcsphere::Device::flex()).unwrap()
}
