//! Every mistake of a user: one line that says what is wrong and the way out, exit code 2,
//! and nothing written, changed or lost ([`Place::refused`] checks all three).

mod common;

use common::{Place, TINY, with};

/// Refused in an empty folder, with an output folder that must not appear.
fn refused(args: &[&str], words: &[&str]) {
    Place::new().refused(&with(args, &["--out", "run"]), words);
}

#[test]
fn names_that_do_not_exist() {
    refused(&["train", "--loss", "cosfaec"], &["no loss \"cosfaec\"", "did you mean \"cosface\"?", "sphereface"]);
    refused(&["compare", "--loss", "softmax,arcfcae"], &["arcfcae", "did you mean \"arcface\"?"]);
    refused(&["train", "--backbone", "lenet2d"], &["no backbone \"lenet2d\"", "did you mean \"lenet_2d\"?"]);
    refused(&["train", "--data", "fashion-minst"], &["fashion-minst", "did you mean `fashion-mnist`?"]);
    refused(&["train", "--preset", "paper"], &["no preset \"paper\"", "papers", "photos"]);
    let measure = ["no measure \"eerr\"", "did you mean \"eer\"?", "sampled_pairs"];
    refused(&["train", "--measures", "nmi,eerr"], &measure);
    refused(&["compare", "--set", "eval.measures=[\"eerr\"]"], &measure);
    refused(&["train", "--device", "gpu"], &["--device gpu", "there is no device", "flex"]);
    refused(&["compare", "--device", "abacus"], &["--device abacus"]);
    Place::new().refused(&["explain", "arcfac"], &["did you mean \"arcface\"?"]);
    Place::new().refused(&["plot", "target", "--loss", "sofmax", "--out", "f.svg"], &["did you mean \"softmax\"?"]);
    Place::new().refused(&["bench", "head", "--loss", "arkface"], &["did you mean \"arcface\"?"]);
    Place::new().refused(&["data", "fetch", "minst"], &["did you mean `mnist`?"]);
}

/// What needs a margin on angles says of a tuple loss that it has none, and what to use instead.
#[test]
fn a_tuple_loss_where_a_margin_is_needed() {
    let commands: [(&[&str], &str); 7] = [
        (&["sweep", "--loss", "triplet", "--margin", "0:1:0.5", "--out", "s"], "to sweep over"),
        (&["sweep", "--loss", "arcface,triplet", "--margin", "0:1:0.5", "--out", "s"], "to sweep over"),
        (&["plot", "target", "--loss", "triplet", "--out", "f.svg"], "to draw"),
        (&["plot", "boundaries", "--loss", "arcface,triplet", "--out", "f.svg"], "to draw"),
        (&["advise", "--classes", "10", "--dim", "2", "--loss", "triplet"], "to advise on"),
        (&["bench", "head", "--loss", "triplet"], "timed"),
        (&["bench", "train", "--loss", "triplet"], "timed"),
    ];
    for (command, purpose) in commands {
        let words = ["triplet is a tuple loss", "no margin on angles", purpose, "compare --loss triplet,arcface"];
        Place::new().refused(command, &words);
    }
}

/// The prototypes' energy is a term beside a loss, and none by itself.
#[test]
fn an_energy_where_a_loss_is_needed() {
    refused(&["train", "--loss", "mhe"], &["hyperspherical_energy", "no loss by itself", "loss.energy_weight"]);
    refused(&["compare", "--loss", "arcface,mhe"], &["hyperspherical_energy", "no loss by itself"]);
    let sweep = ["sweep", "--loss", "sphereface_plus", "--margin", "0,0.1", "--out", "s"];
    Place::new().refused(&sweep, &["term of the prototypes", "to sweep over", "loss.energy_weight"]);
}

#[test]
fn an_extension_that_the_loss_does_not_read() {
    for loss in ["circle", "sphereface2", "sphereface_r", "adacos", "cosface", "triplet"] {
        let has = format!("{loss} has no extension");
        refused(&["train", "--loss", loss, "--set", "loss.extension=raw"], &[&has, "leave loss.extension out"]);
    }
    let words = ["none of cosface, circle reads loss.extension", "arcface"];
    refused(&["compare", "--loss", "cosface,circle", "--set", "loss.extension=raw"], &words);
    let sweep = ["sweep", "--loss", "cosface", "--margin", "0,0.1", "--set", "loss.extension=raw"];
    refused(&sweep, &["none of cosface reads loss.extension"]);
}

#[test]
fn margins_out_of_range() {
    let set = |loss, assignment, words: &[&str]| refused(&["train", "--loss", loss, "--set", assignment], words);
    set("arcface", "loss.angle_margin=3.2", &["loss.angle_margin = 3.2", "[0, π]", "because"]);
    set("arcface", "loss.angle_margin=30", &["loss.angle_margin = 30", "degrees"]);
    set("arcface", "loss.angle_margin=-0.1", &["loss.angle_margin = -0.1", "[0, π]", "because"]);
    set("arcface", "loss.angle_margin=nan", &["loss.angle_margin = NaN", "[0, π]"]);
    set("arcface", "loss.angle_margin=inf", &["loss.angle_margin = inf"]);
    set("sphereface", "loss.angle_multiplier=0.5", &["loss.angle_multiplier = 0.5", "[1, 16]", "because"]);
    set("cosface", "loss.cosine_margin=2.5", &["loss.cosine_margin = 2.5", "[0, 2]", "because"]);
    set("arcface", "loss.scale=0", &["loss.scale = 0", "(0, 10000]", "because"]);
    set("arcface", "loss.smoothing=1", &["loss.smoothing = 1", "[0, 1)"]);
    let plot = |args: &[&str], words: &[&str]| {
        Place::new().refused(&with(&["plot", "boundaries", "--out", "f.svg"], args), words);
    };
    plot(&["--angle-margin", "9"], &["loss.angle_margin = 9", "[0, π]"]);
    plot(&["--angle-multiplier", "0"], &["loss.angle_multiplier = 0", "[1, 16]"]);
    plot(&["--cosine-margin", "nan"], &["loss.cosine_margin = NaN"]);
}

#[test]
fn a_parameter_that_the_loss_does_not_have_or_cannot() {
    let set = |loss, assignment, words: &[&str]| refused(&["train", "--loss", loss, "--set", assignment], words);
    set("mv_softmax", "loss.params.tt=1.2", &["mv_softmax has no parameter \"tt\"", "known: t"]);
    set("arcface", "loss.params.t=1.2", &["arcface has no parameter \"t\"", "it has none"]);
    set(
        "mv_softmax",
        "loss.params.t=0.9",
        &["loss.params: t = 0.9", "mv_softmax", "in [1, 4]", "because", "leave it out"],
    );
    set("mv_softmax", "loss.params.t=nan", &["loss.params: t = NaN"]);
    set("subcenter_arcface", "loss.params.centers=1.5", &["a whole number in 1..=64", "because"]);
    set("adacos", "loss.params.dynamic=2", &["0 or 1", "because"]);
    set("magface", "loss.params.upper_norm=5", &["loss.params: upper_norm = 5", "above lower_norm, which is 10"]);
    set("magface", "loss.params.norm_weight=heavy", &["norm_weight"]);
    set("sphereface2", "loss.smoothing=0.1", &["0 for sphereface2", "because"]);
    set("subcenter_arcface", "loss.smoothing=0.1", &["0 for 3 prototypes per class", "because"]);
    refused(
        &["compare", "--loss", "arcface,adaface", "--set", "loss.params.t=1.2"],
        &["none of arcface, adaface has a parameter \"t\""],
    );
}

#[test]
fn a_margin_that_the_loss_does_not_have() {
    let set = |loss, assignment, words: &[&str]| refused(&["train", "--loss", loss, "--set", assignment], words);
    set("arcface", "loss.cosine_margin=0.2", &["arcface has no cosine_margin", "use cosface or combined"]);
    set("cosface", "loss.angle_margin=0.2", &["cosface has no angle_margin", "use arcface or combined"]);
    set("arcface", "loss.angle_multiplier=2", &["arcface has no angle_multiplier", "sphereface"]);
    set("softmax", "loss.scale=16", &["softmax has no scale", "modified_softmax"]);
}

#[test]
fn numbers_out_of_range() {
    refused(&["train", "--dim", "1"], &["model.dim = 1", "2..=65536", "because"]);
    refused(&["compare", "--dim", "1"], &["model.dim = 1"]);
    refused(&["train", "--epochs", "0"], &["train.epochs = 0", "1..="]);
    refused(&["train", "--batch", "0"], &["train.batch = 0", "1..="]);
    refused(&["train", "--rate", "0"], &["optim.rate = 0", "> 0"]);
    refused(&["train", "--rate", "nan"], &["optim.rate = NaN"]);
    refused(&["train", "--threads", "5000"], &["5000", "1024"]);
    refused(&["train", "--seed", "18446744073709551615"], &["--seed", "too large"]);
    refused(&["train", "--set", "margin_schedule.soft_start=0.9"], &["margin_schedule", "follow one another"]);
    refused(&["train", "--set", "train.recoveries=31"], &["train.recoveries = 31", "0..=30", "because"]);
    refused(&["train", "--set", "data.validation=0.7"], &["data.validation = 0.7", "[0, 0.5]"]);
    refused(&["train", "--set", "eval.fmr=[0.0]"], &["eval.fmr = 0"]);
    refused(&["compare", "--seeds", "0"], &["--seeds 0", "1..=1000"]);
    refused(&["compare", "--loss", "arcface,softmax,ArcFace"], &["arcface twice"]);
    Place::new().refused(&["bench", "head", "--classes", "1"], &["--classes at least 2"]);
    Place::new().refused(&["bench", "conv", "--stride", "0"], &["no such convolution", "--stride"]);
    Place::new().refused(&["bench", "head", "--dim", "1"], &["--dim must be at least 2"]);
    Place::new().refused(&["explain", "arcface", "--dim", "1"], &["at least 2"]);
    let plot = ["plot", "boundaries", "--classes", "1", "--dim", "2", "--out", "f.svg"];
    Place::new().refused(&plot, &["--classes and --dim must be at least 2"]);
}

#[test]
fn a_margin_as_a_flag_is_held_to_the_range_of_its_key() {
    let train = |args: &[&str], words: &[&str]| refused(&with(&["train"], args), words);
    train(&["--angle-margin", "30"], &["loss.angle_margin = 30", "[0, π]", "degrees"]);
    train(&["--loss", "cosface", "--angle-margin", "0.2"], &["cosface has no angle_margin", "use arcface or combined"]);
    train(&["--scale", "0"], &["loss.scale = 0", "(0, 10000]", "because"]);
    refused(&["compare", "--cosine-margin", "3"], &["loss.cosine_margin = 3", "[0, 2]"]);
    refused(
        &["compare", "--loss", "cosface", "--angle-margin", "1"],
        &["none of cosface has angle_margin", "combined"],
    );
    let both = ["plot", "target", "--loss", "arcface", "--m1", "0.2", "--out", "f.svg"];
    Place::new().refused(&both, &["--angle-margin", "leave out --loss"]);
}

#[test]
fn configurations() {
    let place = Place::new();
    place.write("typo.toml", "[optim]\nlearning_rte = 0.1\n");
    place.write("type.toml", "[train]\nepochs = \"many\"\n");
    place.write("broken.toml", "[optim\nrate = 0.1\n");
    place.write("binary.toml", [0xff, 0xfe, 0x00]);
    place.refused(&["train", "typo.toml", "--out", "run"], &["typo.toml", "learning_rte", "rate"]);
    place.refused(&["train", "type.toml", "--out", "run"], &["type.toml", "train", "many"]);
    place.refused(&["train", "broken.toml", "--out", "run"], &["broken.toml", "not valid TOML", "line 1"]);
    place.refused(&["train", "binary.toml", "--out", "run"], &["binary.toml"]);
    place.refused(&["train", "missing.toml", "--out", "run"], &["cannot read", "missing.toml"]);
    refused(&["train", "--set", "trian.epochs=3"], &["trian"]);
    refused(&["train", "--set", "optim.learning_rte=0.1"], &["optim.learning_rte", "`rate`"]);
    refused(&["train", "--set", "train.epochs"], &["\"train.epochs\"", "key=value"]);
    refused(&["train", "--set", "train.epochs=many"], &["train.epochs", "many"]);
    refused(&["train", "--set", "optim.kind=adam"], &["optim.kind", "adam", "adamw"]);
    refused(&["compare", "--set", "=1"], &["unknown field"]);
    for command in ["train", "compare"] {
        refused(&[command, "--on-collapse", "despair"], &["train.on_collapse", "despair", "recover", "ignore"]);
    }
    refused(&["train", "--set", "train.naive=yes"], &["train.naive", "yes"]);
}

#[test]
fn a_cause_is_said_once() {
    let error = Place::new().run(&["train", "missing.toml"]).stderr;
    assert_eq!(String::from_utf8_lossy(&error).matches("os error 2").count(), 1);
}

#[test]
fn missing_and_unusable_folders_of_images() {
    let place = Place::new();
    for class in ["mixed/a", "mixed/b", "hole/a", "one/only", "small/a", "small/b"] {
        let side = if class.starts_with("small") { 3 } else { 12 };
        for i in 0..4 {
            place.image(&format!("{class}/{i}.pgm"), (side, side), |x, y| (x * y) as u8);
        }
    }
    place.image("mixed/b/3.pgm", (12, 13), |x, _| x as u8);
    place.write("hole/b/notes.txt", "no image");
    place.write("none/notes.txt", "no folder");
    place.classes("cut", 3);
    place.write("cut/p1/0.pgm", "P5\n12 12\n255\nfour");
    let train = |data, words: &[&str]| {
        place.refused(&["train", "--data", data, "--out", "run"], words);
        place.refused(&["compare", "--data", data, "--out", "run"], words);
    };
    train("./nowhere", &["./nowhere", "not found"]);
    train("nowhere", &["unknown data set `nowhere`", "folder"]);
    train("mnist", &["`mnist` is not in", "arcsphere data fetch mnist"]);
    train("mixed", &["mixed/b/3.pgm", "13x12", "--size"]);
    train("none", &["none", "no class"]);
    train("hole", &["class `b` has no sample"]);
    train("one", &["1 class", "at least 2"]);
    train("small", &["1x3x3", "too small", "--size"]);
    train("cut", &["cut/p1/0.pgm", "cannot decode", "--on-bad-file skip"]);
    place.ok(&["data", "info", "cut", "--on-bad-file", "skip"]);
    for (data, word) in [("mixed", "--size"), ("none", "no class"), ("hole", "no sample")] {
        place.refused(&["data", "check", data], &[word]);
    }
    // The way out that the message names is one.
    place.ok(&["data", "check", "mixed", "--size", "12x12"]);
    place.refused(&["train", "--data", "mixed", "--size", "12x12", "--open-set", "--out", "run"], &["4 classes"]);
    let fraction = ["train", "--data", "cut/../mixed", "--size", "12x12", "--test-fraction", "2", "--out", "run"];
    place.refused(&fraction, &["fraction is 2", "between 0 and 1"]);
    refused(&["train", "--limit-train", "5"], &["limited to 5", "class `2` has no sample", "raise the limit"]);
    refused(&["train", "--limit-test", "0"], &["no image"]);
}

/// An idx file: its dimensions and its bytes.
fn idx(dimensions: &[u32], data: Vec<u8>) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    bytes.extend(dimensions.iter().flat_map(|d| d.to_be_bytes()));
    bytes.extend(data);
    bytes
}

#[test]
fn broken_idx_files() {
    let place = Place::new();
    let images = idx(&[20, 12, 12], (0..20 * 144).map(|i| (i % 251) as u8).collect());
    let labels = idx(&[20], (0..20).map(|i| i % 2).collect());
    let whole = || {
        for part in ["train", "t10k"] {
            place.write(&format!("digits/{part}-images-idx3-ubyte"), &images);
            place.write(&format!("digits/{part}-labels-idx1-ubyte"), &labels);
        }
    };
    let train = ["train", "--data", "./digits", "--out", "run"];
    whole();
    place.ok(&["data", "info", "./digits"]);
    place.write("digits/train-images-idx3-ubyte", &images[..1000]);
    place.refused(&train, &["train-images-idx3-ubyte", "truncated", "1000", "2896"]);
    whole();
    place.write("digits/train-images-idx3-ubyte", &images[..7]);
    place.refused(&train, &["train-images-idx3-ubyte", "truncated"]);
    whole();
    place.write("digits/train-images-idx3-ubyte", "<!DOCTYPE html>");
    place.refused(&train, &["train-images-idx3-ubyte", "magic"]);
    whole();
    place.write("digits/t10k-labels-idx1-ubyte", idx(&[19], vec![1; 19]));
    place.refused(&train, &["t10k-labels-idx1-ubyte", "19", "20"]);
    whole();
    std::fs::remove_file(place.path("digits/train-labels-idx1-ubyte")).expect("removed");
    place.refused(&train, &["train-labels-idx1-ubyte", "not found"]);
}

#[test]
fn an_output_folder_that_is_not_empty() {
    let place = Place::new();
    place.write("mine/precious.txt", "years of work");
    place.write("file", "not a folder");
    for command in ["train", "compare"] {
        place.refused(&with(&[command, "--out", "mine"], &TINY), &["mine is not empty", "give --out a new folder"]);
        place.refused(&with(&[command, "--out", "file"], &TINY), &["file is a file", "--out"]);
    }
}

#[test]
fn output_files_that_are_there() {
    let place = Place::new();
    place.write("f.svg", "precious");
    place.refused(&["plot", "target", "--out", "f.svg"], &["f.svg is there already", "--force"]);
    place.refused(&["plot", "boundaries", "--out", "no/folder.svg"], &["the folder no is not there"]);
    place.refused(&["plot", "boundaries", "--out", "f.gif"], &["f.gif", ".svg or .png"]);
    place.refused(&["plot", "boundaries", "--out", "f"], &[".svg or .png"]);
    place.refused(&["plot", "features", "--out", "g.svg"], &["needs a run"]);
    place.ok(&["plot", "target", "--out", "f.svg", "--force"]);
    assert!(place.text("f.svg").contains("<svg"));
}

#[test]
fn mistakes_with_a_run() {
    let place = Place::new();
    let data = ["--data", "faces", "--epochs", "1", "--batch", "8"];
    place.classes("faces", 4);
    place.classes("others", 5);
    place.ok(&with(&["train", "--out", "run"], &data));
    let resume = |more: &[&str], words: &[&str]| {
        place.refused(&with(&["train", "--resume", "run"], more), words);
    };

    // Another configuration, named by its key; the run's own is welcome.
    resume(&["--rate", "0.3"], &["optim.rate was 0.1, now it is 0.3", "another --out"]);
    resume(&["--set", "loss.angle_margin=0.2"], &["loss.angle_margin was 0.5, now it is 0.2"]);
    resume(&["--loss", "cosface"], &["loss."]);
    resume(&["--seed", "1"], &["train.seed was 0, now it is 1"]);
    resume(&["--epochs", "2"], &["train.epochs was 1, now it is 2"]);
    resume(&["--naive"], &["train.naive was false, now it is true"]);
    resume(&["--on-collapse", "stop"], &["train.on_collapse was \"recover\", now it is \"stop\""]);
    resume(&["--data", "others"], &["other images", "--data"]);
    let before = place.read("run/checkpoint.safetensors");
    place.ok(&with(&["train", "--resume", "run"], &data));
    assert!(before == place.read("run/checkpoint.safetensors"), "resuming a finished run changed it");

    place.refused(&["train", "--resume", "nowhere"], &["nowhere", "nothing to resume"]);
    place.refused(&["compare", "--resume", "nowhere"], &["nowhere", "nothing to resume"]);
    place.refused(&["compare", "--resume", "run"], &["run holds no comparison"]);
    place.refused(&with(&["train", "--out", "run"], &data), &["run is not empty", "arcsphere train --resume run"]);

    place.refused(&["eval", "nowhere"], &["no run at nowhere"]);
    place.refused(&["eval", "faces/p0/0.pgm"], &["0.pgm", "not a checkpoint"]);
    place.refused(&["eval", "faces"], &["checkpoint.safetensors"]);
    place.refused(&["eval", "run", "--data", "mnist-embedded"], &["1x12x12", "1x28x28", "--size 12x12"]);
    place.ok(&["eval", "run", "--data", "mnist-embedded", "--size", "12x12"]);

    place.write("e.npy", "precious");
    place.refused(&["embed", "run", "faces", "--out", "e.npy"], &["e.npy is there already", "--force"]);
    place.refused(&["embed", "run", "lost.png", "--out", "n.npy"], &["no image lost.png"]);
    place.refused(&["embed", "run", "faces", "--out", "no/n.npy"], &["the folder no is not there"]);
    place.refused(&["embed", "nowhere", "faces", "--out", "n.npy"], &["no run at nowhere"]);

    // Other images in the same place.
    place.image("faces/p2/3.pgm", (12, 12), |_, _| 255);
    resume(&[], &["other images"]);

    // A checkpoint cut short.
    let whole = place.read("run/checkpoint.safetensors");
    for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        place.write("run/checkpoint.safetensors", &whole[..length]);
        // Its header is there or not.
        let what = if length > 100 { "broken checkpoint" } else { "not a checkpoint" };
        place.refused(&["eval", "run"], &["checkpoint.safetensors", what]);
        resume(&[], &["checkpoint.safetensors", what]);
    }
}

#[test]
fn resuming_another_comparison() {
    let place = Place::new();
    place.classes("faces", 4);
    let compare = ["compare", "--data", "faces", "--epochs", "1", "--batch", "8", "--loss", "softmax"];
    place.ok(&with(&compare, &["--out", "c"]));
    let resume = |more: &[&str], words: &[&str]| place.refused(&with(&["compare", "--resume", "c"], more), words);
    resume(&["--loss", "softmax,arcface"], &["the comparison is of softmax", "--out"]);
    resume(&["--seeds", "3"], &["--seeds 1"]);
    resume(&["--seed", "7"], &["--seed 0"]);
    resume(&["--dim", "3"], &["model.dim was 2, now it is 3"]);
    place.write("c/compare.json", "{}");
    resume(&[], &["compare.json is broken"]);
}
