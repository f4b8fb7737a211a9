//! A checkpoint that lies is refused by name, before anything is made from it: one case for each way, for whoever
//! embeds with it and for whoever goes on with it.

use crate::common::{save, small, splits, start};
use arcsphere::checkpoint::{Checkpoint, CheckpointError, FILE_NAME};
use arcsphere::config::{Config, OptimizerKind};
use arcsphere::embed::EmbedError;
use arcsphere::model::Model;
use arcsphere::plan::Splits;
use arcsphere::train::{Flow, Trainer, Watcher};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::{BTreeMap, HashMap};

/// A file in parts that can be changed.
#[derive(Clone)]
struct Parts {
    said: HashMap<String, String>,
    tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Parts {
        let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
        let file = SafeTensors::deserialize(bytes).unwrap();
        let part = |(name, view): (String, TensorView<'_>)| {
            (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        };
        Parts { said: header.metadata().clone().unwrap(), tensors: file.tensors().into_iter().map(part).collect() }
    }

    fn bytes(&self) -> Vec<u8> {
        let view = |(name, (dtype, shape, data)): (&String, &(Dtype, Vec<usize>, Vec<u8>))| {
            (name.clone(), TensorView::new(*dtype, shape.clone(), data).unwrap().into_owned_parts())
        };
        let parts: Vec<_> = self.tensors.iter().map(view).collect();
        let views = parts.iter().map(|(name, (d, s, b))| (name.clone(), TensorView::new(*d, s.clone(), b).unwrap()));
        safetensors::serialize(views, Some(self.said.clone())).unwrap()
    }

    /// Puts numbers of f32 where a tensor is or is not.
    fn put(&mut self, name: &str, shape: &[usize], value: f32) {
        let data = (0..shape.iter().product()).flat_map(|_| value.to_le_bytes()).collect();
        self.tensors.insert(name.to_owned(), (Dtype::F32, shape.to_vec(), data));
    }

    fn remove(&mut self, name: &str) {
        assert!(self.tensors.remove(name).is_some(), "{name}");
    }

    /// Says another thing in an entry of text.
    fn say(&mut self, entry: &str, was: &str, is: &str) {
        let text = self.said.get_mut(entry).unwrap();
        assert!(text.contains(was), "{entry}: {text}");
        *text = text.replacen(was, is, 1);
    }
}

trait IntoParts {
    fn into_owned_parts(self) -> (Dtype, Vec<usize>, Vec<u8>);
}

impl IntoParts for TensorView<'_> {
    fn into_owned_parts(self) -> (Dtype, Vec<usize>, Vec<u8>) {
        (self.dtype(), self.shape().to_vec(), self.data().to_vec())
    }
}

struct StopAt(u64);

impl Watcher for StopAt {
    fn step(&mut self, trainer: &Trainer, _loss: f64) -> Flow {
        if trainer.progress.step >= self.0 { Flow::Stop } else { Flow::Continue }
    }
}

fn config(loss: &str) -> Config {
    let mut config = small(160, 40);
    config.loss.name = loss.into();
    config.train.epochs = 2;
    (config.optim.kind, config.optim.rate) = (OptimizerKind::Adamw, 2e-3);
    config
}

/// The file of a training that stopped in its second epoch, after its last good state.
fn file(config: &Config, splits: &Splits) -> Parts {
    let mut trainer = start(config, splits);
    trainer.run(splits, &mut StopAt(12)).unwrap();
    Parts::of(&save(&trainer, splits).1.file)
}

/// What reading it and embedding with it says, or `None`.
fn embedding(dir: &std::path::Path, splits: &Splits) -> Option<String> {
    match Model::load(dir) {
        Err(error) => Some(error.to_string()),
        Ok(model) => model.embed(&splits.test).err().map(|e| e.to_string()),
    }
}

/// What resuming it and two more steps say.
fn resuming(dir: &std::path::Path, splits: &Splits) -> Option<String> {
    let resumed = Checkpoint::read(dir).and_then(|c| c.resume(splits, &arcsphere::Device::flex()));
    match resumed {
        Err(error) => Some(error.to_string()),
        Ok(mut trainer) => trainer.run(splits, &mut StopAt(14)).err().map(|e| e.to_string()),
    }
}

/// A change to a file.
type Change = fn(&mut Parts);

/// What both refuse, and the words in which they do.
const BOTH: &[(&str, Change, &[&str])] = &[
    (
        "a weight is missing",
        |p| p.remove("backbone.Lenet.embedding.bias"),
        &["lacks backbone.Lenet.embedding.bias", "[2]"],
    ),
    ("statistics are missing", |p| p.remove("backbone.Lenet.units.0.norm.running_var"), &["units.0.norm.running_var"]),
    ("the prototypes are missing", |p| p.remove("head.weights"), &["lacks head.weights", "[10, 2]"]),
    ("a moment is missing", |p| p.remove("optimizer.first.3"), &["optimizer.first", "of 25 parameters", "26"]),
    ("half of the moments", |p| p.remove("optimizer.second.0"), &["optimizer.second", "25", "26"]),
    (
        "a moment has a gap",
        |p| {
            p.remove("optimizer.first.3");
            p.put("optimizer.first.99", &[16], 0.0)
        },
        &["lacks optimizer.first.3"],
    ),
    (
        "a good weight is missing",
        |p| p.remove("good.backbone.Lenet.embedding.weight"),
        &["lacks good.backbone.Lenet.embedding"],
    ),
    ("a good moment is missing", |p| p.remove("good.optimizer.first.1"), &["optimizer.first", "25"]),
    ("the good state is missing", |p| p.tensors.retain(|name, _| !name.starts_with("good.")), &["lacks good.backbone"]),
    ("a weight too many", |p| p.put("backbone.extra", &[3], 0.0), &["backbone.extra", "[3]", "no place"]),
    ("a part of the head too many", |p| p.put("head.extra", &[3], 0.0), &["head.extra", "no place"]),
    ("memory of a loss without", |p| p.put("head.memory", &[3], 0.0), &["head.memory", "no place"]),
    ("a moment too many", |p| p.put("optimizer.first.26", &[2], 0.0), &["optimizer.first", "27", "26"]),
    ("moments of no order", |p| p.put("optimizer.third.0", &[2], 0.0), &["optimizer.third.0", "no place"]),
    ("a first step in part", |p| p.put("first.backbone.Lenet.embedding.bias", &[2], 0.0), &["lacks first.backbone"]),
    ("anything else", |p| p.put("else", &[2], 0.0), &["tensor else", "no place"]),
    ("a weight too short", |p| p.put("backbone.Lenet.embedding.bias", &[1], 0.0), &["has shape [1], expected [2]"]),
    ("a weight too long", |p| p.put("backbone.Lenet.embedding.bias", &[3], 0.0), &["has shape [3], expected [2]"]),
    ("a weight turned", |p| p.put("backbone.Lenet.embedding.weight", &[64, 2], 0.0), &["[64, 2], expected [2, 64]"]),
    ("a moment of three numbers", |p| p.put("optimizer.first.0", &[3], 0.0), &["optimizer.first.0", "[3]", "[144]"]),
    ("a second moment too long", |p| p.put("optimizer.second.1", &[17], 0.0), &["optimizer.second.1", "[17]", "[16]"]),
    ("a good moment of three numbers", |p| p.put("good.optimizer.first.0", &[3], 0.0), &["good.optimizer.first.0"]),
    ("too few prototypes", |p| p.put("head.weights", &[9, 2], 0.0), &["head.weights", "[9, 2], expected [10, 2]"]),
    ("their moments too long", |p| p.put("head.first", &[11, 2], 0.0), &["head.first", "[11, 2]", "[10, 2]"]),
    ("a bias too long", |p| p.put("head.bias", &[11], 0.0), &["head.bias", "[11], expected [10]"]),
    ("class counts too short", |p| p.put("head.mean_counts", &[3], 0.0), &["head.mean_counts", "[3]", "[10]"]),
    (
        "a weight of f64",
        |p| p.tensors.get_mut("backbone.Lenet.embedding.bias").unwrap().0 = Dtype::I32,
        &["backbone.Lenet.embedding.bias is of type I32, expected F32"],
    ),
    (
        "a moment of f64",
        |p| {
            let (d, s, b) = p.tensors.get_mut("optimizer.first.0").unwrap();
            (*d, *b) = (Dtype::F64, vec![0; 8 * s[0]])
        },
        &["optimizer.first.0 is of type F64, expected F32"],
    ),
    ("no dimension", |p| p.say("config", "dim = 2", "dim = 0"), &["model.dim = 0", "2..=65536"]),
    ("too many dimensions", |p| p.say("config", "dim = 2", "dim = 9223372036854775807"), &["model.dim", "65536"]),
    ("46 GB of dimensions", |p| p.say("config", "dim = 2", "dim = 20000000"), &["model.dim = 20000000", "65536"]),
    ("another dimension", |p| p.say("config", "dim = 2", "dim = 65536"), &["embedding", "[65536, 64]"]),
    ("no epochs", |p| p.say("config", "epochs = 2", "epochs = 0"), &["train.epochs = 0"]),
    ("no batch", |p| p.say("config", "batch = 15", "batch = 0"), &["train.batch = 0"]),
    ("no such network", |p| p.say("config", "\"lenet_2d\"", "\"lenet_3d\""), &["lenet_3d"]),
    ("another network", |p| p.say("config", "\"lenet_2d\"", "\"lenet_pp\""), &["units.0.conv.weight", "expected"]),
    ("no such loss", |p| p.say("config", "\"arcface\"", "\"arcfce\""), &["arcfce", "did you mean"]),
    ("images without a row", |p| p.say("provenance", "[1,12,12]", "[1,0,12]"), &["shape is 1x0x12, expected"]),
    ("images without a channel", |p| p.say("provenance", "[1,12,12]", "[0,12,12]"), &["shape is 0x12x12"]),
    (
        "images of any size",
        |p| p.say("provenance", "[1,12,12]", "[1,12,1099511627776]"),
        &["shape is 1x12x1099511627776"],
    ),
    ("images that are larger", |p| p.say("provenance", "[1,12,12]", "[1,16384,16384]"), &["[2, 268435456]"]),
    ("images of color", |p| p.say("provenance", "[1,12,12]", "[3,12,12]"), &["mean is 1, expected 3"]),
    ("no mean", |p| p.say("provenance", "\"mean\":[", "\"mean\":[],\"was\":["), &["mean is 0, expected 1"]),
    ("a deviation of 0", |p| p.say("provenance", "\"std\":[", "\"std\":[0.0],\"was\":["), &["deviation is 0"]),
    ("a deviation below 0", |p| p.say("provenance", "\"std\":[", "\"std\":[-1.0],\"was\":["), &["deviation is -1"]),
    (
        "an infinite mean",
        |p| p.say("provenance", "\"mean\":[", "\"mean\":[1e39],\"was\":["),
        &["provenance", "out of range"],
    ),
    (
        "a mean that is none",
        |p| p.say("provenance", "\"mean\":[", "\"mean\":[null],\"was\":["),
        &["provenance", "null"],
    ),
    ("a class too many", |p| p.say("provenance", "\"classes\":[", "\"classes\":[\"eleventh\","), &["[11, 2]"]),
    (
        "one class",
        |p| p.say("provenance", "\"classes\":[", "\"classes\":[\"a\"],\"was\":["),
        &["1 class", "at least 2"],
    ),
    (
        "values of other classes",
        |p| p.say("provenance", "\"shape\"", "\"values\":[1.0],\"shape\""),
        &["is 1, expected 10"],
    ),
    ("a negative step", |p| p.say("progress", "\"step\":12", "\"step\":-1"), &["progress", "-1"]),
    (
        "moments from the future",
        |p| p.say("progress", "\"moments_since\":", "\"moments_since\":99,\"was\":"),
        &["moments_since is 99, expected at most 12"],
    ),
    ("more right than seen", |p| p.say("progress", "\"correct\":", "\"correct\":999,\"was\":"), &["correct is 999"]),
    (
        "more images than there are",
        |p| p.say("progress", "\"seen\":", "\"seen\":18446744073709551615,\"was\":"),
        &["running.seen is 18446744073709551615"],
    ),
    (
        "a recovery forwards",
        |p| {
            p.say(
                "progress",
                "\"recoveries\":[",
                "\"recoveries\":[{\"step\":3,\"back_to\":9,\
      \"cause\":\"a\",\"figure\":\"b\",\"remedy\":\"c\"}",
            )
        },
        &["recoveries", "more than 9"],
    ),
    ("harder, not softer", |p| p.say("progress", "\"scale\":1.0", "\"scale\":64.0"), &["softening.scale is 64"]),
    ("a good state to come", |p| p.say("good", "\"step\":9", "\"step\":13"), &["good.step is 13", "at most"]),
    ("another program's", |p| p.say("format", "arcsphere", "other"), &["its format is another"]),
    ("another version", |p| p.say("version", "1", "2"), &["version 2"]),
    (
        "no configuration",
        |p| {
            p.said.remove("config");
        },
        &["lacks \"config\""],
    ),
    ("a configuration that is none", |p| p.say("config", "dim = 2", "dim = two"), &["its configuration"]),
];

/// What only a training that goes on has to do with.
const RESUMED: &[(&str, Change, &[&str])] = &[
    (
        "more steps than there are",
        |p| p.say("progress", "\"step\":12", "\"step\":1000"),
        &["step is 1000", "at most 18"],
    ),
    (
        "more epochs than steps",
        |p| {
            p.say(
                "progress",
                "\"history\":[",
                "\"history\":[{\"epoch\":1,\"loss\":1.0,\
      \"train_accuracy\":0.5,\"validation_accuracy\":null,\"max_gradient_norm\":1.0},",
            )
        },
        &["number of epochs is 2", "1"],
    ),
];

#[test]
fn every_lie_is_refused_by_name_before_it_is_believed() {
    let config = config("arcface");
    let splits = splits(&config);
    let whole = file(&config, &splits);
    let dir = tempfile::tempdir().unwrap();
    let put = |parts: &Parts| std::fs::write(dir.path().join(FILE_NAME), parts.bytes()).unwrap();
    put(&whole);
    assert_eq!((embedding(dir.path(), &splits), resuming(dir.path(), &splits)), (None, None));
    for (name, change, words) in BOTH.iter().chain(RESUMED) {
        let mut parts = whole.clone();
        change(&mut parts);
        put(&parts);
        let is_resumed_only = RESUMED.iter().any(|(other, ..)| other == name);
        let told = [resuming(dir.path(), &splits), embedding(dir.path(), &splits)];
        for told in &told[..if is_resumed_only { 1 } else { 2 }] {
            let told = told.as_ref().unwrap_or_else(|| panic!("{name}: not refused"));
            assert!(words.iter().all(|w| told.contains(w)), "{name}: {words:?} is not in\n{told}");
        }
    }
}

/// What losses of other kinds keep, one number longer and one shorter.
#[test]
fn every_part_of_every_head_is_held_against_its_length() {
    for loss in ["curricularface", "center", "proxy_anchor", "subcenter_arcface"] {
        let mut config = config(loss);
        if loss == "curricularface" {
            config.loss.params.insert("momentum".into(), 0.9);
        }
        let splits = splits(&config);
        let whole = file(&config, &splits);
        let dir = tempfile::tempdir().unwrap();
        for name in whole.tensors.keys().filter(|name| name.starts_with("head.")) {
            for by in [1, -1_i64] {
                let mut parts = whole.clone();
                let (dtype, shape, data) = parts.tensors.get_mut(name).unwrap();
                let size = if *dtype == Dtype::F64 { 8 } else { 4 };
                let row: usize = shape[1..].iter().product();
                shape[0] = (shape[0] as i64 + by).max(0) as usize;
                data.resize(shape[0] * row * size, 0);
                // One row less than none, and none where there was one, are what may be left out.
                if shape[0] == 0 {
                    continue;
                }
                std::fs::write(dir.path().join(FILE_NAME), parts.bytes()).unwrap();
                for told in [embedding(dir.path(), &splits), resuming(dir.path(), &splits)] {
                    let told = told.unwrap_or_else(|| panic!("{loss}: {name} by {by} rows is taken"));
                    assert!(told.contains(name.as_str()), "{loss}: {name} by {by}: {told}");
                }
            }
        }
    }
}

#[test]
fn sgd_has_no_second_moments() {
    let mut config = config("cosface");
    config.optim.kind = OptimizerKind::Sgd;
    let splits = splits(&config);
    let mut parts = file(&config, &splits);
    parts.put("optimizer.second.0", &[144], 0.0);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE_NAME), parts.bytes()).unwrap();
    let told = resuming(dir.path(), &splits).unwrap();
    assert!(told.contains("optimizer.second") && told.contains("sgd"), "{told}");
}

/// A file that was cut anywhere, has more bytes at its end, or says another length of its header.
#[test]
fn a_file_of_another_length_is_refused() {
    let config = config("softmax");
    let splits = splits(&config);
    let bytes = file(&config, &splits).bytes();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Checkpoint::read(&path).unwrap_err()
    };
    for length in (0..bytes.len()).step_by(bytes.len() / 97).chain([1, 7, 8, 9, bytes.len() - 1]) {
        let error = refused(&bytes[..length]);
        let broken = matches!(error, CheckpointError::Format { .. } | CheckpointError::Broken { .. });
        assert!(broken, "{length} of {} bytes: {error}", bytes.len());
    }
    let error = refused(&[&bytes[..], &[0; 4]].concat()).to_string();
    assert!(error.contains(&(bytes.len() + 4).to_string()) && error.contains(&bytes.len().to_string()), "{error}");
    for length in [0, 1, u64::MAX, 1 << 62, bytes.len() as u64] {
        let mut lying = bytes.clone();
        lying[..8].copy_from_slice(&length.to_le_bytes());
        assert!(matches!(refused(&lying), CheckpointError::Format { .. }), "{length}");
    }
    let error = Checkpoint::read(&dir.path().join("none")).unwrap_err();
    assert!(matches!(error, CheckpointError::Io { .. }), "{error}");
    // The file's name as that of a folder.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(Checkpoint::read(dir.path()).unwrap_err().to_string().contains("expected a regular file"));
}

/// Numbers that are none are no lie: a training dies of them, which a checkpoint may show. They do not pass as
/// embeddings, and no training that goes on hides them.
#[test]
fn what_is_not_a_number_embeds_nothing_and_ends_a_training() {
    let config = config("arcface");
    let splits = splits(&config);
    let whole = file(&config, &splits);
    let dir = tempfile::tempdir().unwrap();
    for (name, shape) in
        [("backbone.Lenet.embedding.bias", vec![2]), ("backbone.Lenet.units.3.norm.running_var", vec![32])]
    {
        for value in [f32::NAN, f32::INFINITY] {
            let mut parts = whole.clone();
            parts.put(name, &shape, value);
            std::fs::write(dir.path().join(FILE_NAME), parts.bytes()).unwrap();
            let error = Model::load(dir.path()).unwrap().embed(&splits.test);
            // A deviation without end makes every value 0.
            if name.ends_with("running_var") && value == f32::INFINITY {
                assert!(error.is_ok());
                continue;
            }
            let error = error.unwrap_err();
            assert!(matches!(error, EmbedError::NotFinite { row: 0, .. }), "{name} = {value}: {error}");
            assert!(error.to_string().contains(&splits.test.info(0).name), "{error}");
        }
    }
    let mut parts = whole;
    parts.put("backbone.Lenet.embedding.bias", &[2], f32::NAN);
    std::fs::write(dir.path().join(FILE_NAME), parts.bytes()).unwrap();
    let mut resumed = Checkpoint::read(dir.path()).unwrap().resume(&splits, &arcsphere::Device::flex()).unwrap();
    resumed.run(&splits, &mut ()).unwrap();
    let seen = resumed.progress.causes();
    assert!(seen.iter().any(|cause| cause == "not_finite"), "{seen:?}");
}
