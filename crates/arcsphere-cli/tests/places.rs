//! Folders and files as people have them: what is found there, what is said of it, and ways out that work.

mod common;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, TINY, with};

/// Flags of a training on a few images of 12×12 that is over in a moment.
const FEW: [&str; 6] = ["--epochs", "1", "--batch", "4", "--threads", "1"];

/// A training of `data` into `run` that must work; its stderr.
fn trained(place: &Place, data: &str, run: &str, more: &[&str]) -> String {
    let args = with(&with(&["train", "--data", data, "--out", run], &FEW), more);
    let output = place.run(&args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}\n{said}");
    said
}

fn moved(place: &Place, from: &str, to: &str) {
    let to = place.path(to);
    std::fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
    std::fs::rename(place.path(from), to).expect("moved");
}

fn copied(place: &Place, from: &str, to: &str) {
    place.write(to, place.read(from));
}

/// The rows of a label file: label, class.
fn labels(place: &Place, name: &str) -> Vec<(String, String)> {
    let text = place.text(name);
    let fields = text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    fields.map(|f| (f[1].clone(), f[2].clone())).collect()
}

#[test]
fn a_val_beside_train_and_test_is_looked_at_while_training() {
    let place = Place::new();
    for (part, class, n) in
        [("Train", 0, 8), ("Train", 1, 8), ("TEST", 0, 2), ("TEST", 1, 2), ("valid", 0, 1), ("valid", 1, 2)]
    {
        for i in 0..n {
            place.image(&format!("set/{part}/p{class}/{i}.pgm"), (12, 12), |x, y| (x * (1 + class) * 20 + y * i) as u8);
        }
    }
    let info = place.ok(&["data", "info", "set"]);
    for part in ["training: 16 images", "validation: 3 images, 2 classes (p0: 1, p1: 2)", "test: 4 images"] {
        assert!(info.contains(part), "{part}: {info}");
    }
    let compare = ["compare", "--data", "set", "--loss", "softmax", "--out", "c"];
    place.ok(&with(&compare, &FEW));
    let data = |run: &str| place.json(&format!("{run}/results.json"))["data"].clone();
    let counts =
        |data: serde_json::Value| ["n_train", "n_validation", "n_test"].map(|key| data[key].as_u64().expect("a count"));
    assert_eq!(counts(data("c")), [16, 3, 4]);
    // Asked for none, there is none.
    let none = ["compare", "--data", "set", "--loss", "softmax", "--set", "data.validation=0", "--out", "n"];
    place.ok(&with(&none, &FEW));
    assert_eq!(counts(data("n")), [16, 0, 4]);
}

#[test]
fn a_train_alone_is_split_and_that_is_said() {
    let place = Place::new();
    place.classes("set/train", 3);
    place.write("set/train/p0/session/readme.txt", "");
    let said = trained(&place, "set", "run", &[]);
    assert!(said.contains("a part of set/train becomes the test set: there is no test/ beside it"), "{said}");
    assert!(said.contains("left out: set/train/p0/session/readme.txt: not an image"), "{said}");
    let (alone, whole) = (place.ok(&["data", "info", "set"]), place.ok(&["data", "info", "set/train"]));
    let digest = |info: &str| info.lines().find(|line| line.starts_with("sha256")).map(str::to_owned);
    assert_eq!(digest(&alone), digest(&whole));
}

#[test]
fn images_in_sessions_are_of_their_class() {
    let place = Place::new();
    place.classes("set", 3);
    for i in 0..4 {
        moved(&place, &format!("set/p1/{i}.pgm"), &format!("set/p1/monday/{i}.pgm"));
    }
    let said = trained(&place, "set", "run", &[]);
    assert!(
        said.contains("4 of 24 images are in folders of their class's folder: p1/monday/0.pgm is of class `p1`"),
        "{said}"
    );
    let info = place.ok(&["data", "info", "set"]);
    assert!(info.contains("training: 18 images, 3 classes (p0: 6, p1: 6, p2: 6)"), "{info}");
    // One folder around all of them is one class; what is wrong is said with how the folder was understood.
    moved(&place, "set", "around/set");
    let words = ["24 of 24 images are in folders of their class's folder", "1 class"];
    place.refused(&with(&["train", "--data", "around", "--out", "no"], &FEW), &words);
    trained(&place, "around/set", "run2", &[]);
}

#[test]
fn alike_names_are_no_open_set_unless_that_is_meant() {
    let place = Place::new();
    place.classes("all", 4);
    for (class, name) in [(0, "Cat"), (1, "caf\u{e9}")] {
        moved(&place, &format!("all/p{class}"), &format!("set/train/{name}"));
    }
    for (class, name) in [(2, "cat"), (3, "cafe\u{301}")] {
        moved(&place, &format!("all/p{class}"), &format!("set/test/{name}"));
    }
    let train = with(&["train", "--data", "set", "--out", "run"], &FEW);
    let words =
        ["test and train have no class in common", "`cat` and `Cat`", "`cafe\\u{301}` and `caf\u{e9}`", "--open-set"];
    place.refused(&train, &words);
    place.refused(&["data", "check", "set"], &words);
    // Both ways out are ways out.
    assert!(place.ok(&["data", "info", "set", "--open-set"]).contains("open set"));
    let open = place.ok(&with(&train, &["--open-set"]));
    assert!(!open.contains("\naccuracy ") && open.contains("not measured: accuracy"), "{open}");
    moved(&place, "set/test/cat", "set/test/Cat");
    moved(&place, "set/test/cafe\u{301}", "set/test/caf\u{e9}");
    let closed = place.ok(&with(&["train", "--data", "set", "--out", "closed"], &FEW));
    assert!(closed.contains("accuracy ") && !closed.contains("not measured: accuracy"), "{closed}");
    // Two forms of one name in one part are two classes, which nobody sees.
    place.classes("two", 2);
    moved(&place, "two/p0", "two/caf\u{e9}");
    moved(&place, "two/p1", "two/cafe\u{301}");
    let check = place.ok(&["data", "check", "two"]);
    assert!(
        check.contains("warning: `caf\u{e9}` and `cafe\\u{301}` are two classes")
            || check.contains("warning: `cafe\\u{301}` and `caf\u{e9}` are two classes"),
        "{check}"
    );
}

#[test]
fn bad_files_are_all_named_and_left_out_where_that_is_asked_for() {
    let place = Place::new();
    place.classes("set", 5);
    let bad = ["p0/3.pgm", "p1/0.pgm", "p1/7.pgm", "p3/2.pgm", "p4/5.pgm"];
    for name in bad {
        place.write(&format!("set/{name}"), "no image");
    }
    let check = |more: &[&str]| place.run(&with(&["data", "check", "set"], more));
    let output = check(&[]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{err}");
    for name in bad {
        assert!(out.contains(&format!("cannot be used: set/{name}: cannot decode")), "{name}: {out}");
    }
    assert!(err.contains("5 of 40 cannot be used") && err.contains("--on-bad-file skip"), "{err}");
    place.refused(
        &with(&["train", "--data", "set", "--out", "run"], &FEW),
        &["set/p0/3.pgm: cannot decode", "arcsphere data check", "--on-bad-file skip"],
    );

    // The way out, which the report counts, and the checksum.
    let skip = ["--on-bad-file", "skip"];
    let output = check(&skip);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && out.ends_with("ok, without 5 that cannot be used\n"), "{out}");
    let said = trained(&place, "set", "run", &skip);
    assert!(said.contains("left out: 5 that cannot be used, the first set/p0/3.pgm"), "{said}");
    assert!(place.text("run/config.toml").contains("on_bad_file = \"skip\""));
    place.ok(&with(&with(&["compare", "--data", "set", "--loss", "softmax", "--out", "c"], &FEW), &skip));
    assert_eq!(place.json("c/results.json")["data"]["n_bad"], 5);
    assert!(place.text("c/report.html").contains("5 that cannot be used"));
    let digest =
        |info: &str| info.lines().find(|line| line.starts_with("sha256")).map(str::to_owned).expect("a digest");
    let without = digest(&out);
    for name in bad {
        std::fs::remove_file(place.path(&format!("set/{name}"))).expect("removed");
    }
    let clean = digest(&place.ok(&["data", "check", "set"]));
    assert_ne!(clean, without);
    assert_eq!(digest(&place.ok(&with(&["data", "check", "set"], &skip))), clean);

    // Of many, some are named and all are counted.
    for i in 0..30 {
        place.write(&format!("set/p0/x{i}.pgm"), "no image");
    }
    let out = String::from_utf8_lossy(&check(&skip).stdout).into_owned();
    assert_eq!(out.matches("cannot be used: ").count(), 20);
    assert!(out.contains("… and 10 more that cannot be used"), "{out}");
    // An embedding of such a folder.
    place.refused(&["embed", "run", "set", "--out", "e.npy"], &["set/p0/x0.pgm: cannot decode", "--on-bad-file skip"]);
    place.ok(&with(&["embed", "run", "set", "--out", "e.npy"], &skip));
    assert_eq!(labels(&place, "e.labels.csv").len(), 35);
}

#[test]
fn ages_that_are_none_are_left_out_where_that_is_asked_for() {
    let place = Place::new();
    let mut rows = "path,age\n".to_owned();
    for i in 0..24 {
        place.image(&format!("faces/{i}.pgm"), (12, 12), |x, y| (x * 9 + y * i) as u8);
        rows.push_str(&format!("faces/{i}.pgm,{}\n", ["-31", "2014", "20", "30"][if i < 2 { i } else { 2 + i % 2 }]));
    }
    place.write("ages.csv", rows);
    let output = place.run(&["data", "check", "age:ages.csv"]);
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{out}");
    for word in ["ages.csv, line 2: age -31", "ages.csv, line 3: age 2014"] {
        assert!(out.contains(word), "{word}: {out}");
    }
    let train = with(&["train", "--task", "age", "--data", "ages.csv", "--out", "run"], &FEW);
    place.refused(&train, &["age -31", "0..=120", "--on-bad-file skip"]);
    trained(&place, "ages.csv", "run", &["--task", "age", "--on-bad-file", "skip"]);
}

#[test]
fn what_is_there_is_said_and_the_way_out_is_one() {
    let place = Place::new();
    let refused = |data: &str, words: &[&str]| {
        place.refused(&with(&["train", "--data", data, "--out", "run"], &FEW), words);
        let output = place.run(&["data", "check", data]);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("not found"), "{data}");
    };
    // A flat folder: with folders it is a set.
    place.classes("few", 2);
    for i in 0..8 {
        copied(&place, &format!("few/p0/{i}.pgm"), &format!("flat/{i}.pgm"));
    }
    refused("flat", &["8 images without a folder, the first 0.pgm", "into a folder of its own"]);
    for i in 0..8 {
        moved(&place, &format!("flat/{i}.pgm"), &format!("flat/{}/{i}.pgm", i % 2));
    }
    trained(&place, "flat", "flat-run", &[]);

    // A table: of ages it is read.
    let rows: String = (0..8).map(|i| format!("few/p0/{i}.pgm,{}\n", 20 + i % 2)).collect();
    place.write("ages.csv", rows);
    refused("ages.csv", &["ages.csv: no class: found a table", "`age:ages.csv`"]);
    trained(&place, "age:ages.csv", "ages-run", &[]);

    // One image, nothing, a text.
    refused("few/p0/0.pgm", &["found one image", "arcsphere embed"]);
    place.ok(&["embed", "ages-run", "few/p0/0.pgm", "--out", "one.npy"]);
    place.write("empty.txt", "");
    refused("./empty.txt", &["found an empty file"]);
    place.write("texts/a.txt", "");
    place.write("texts/b.csv", "");
    refused("texts", &["found no image among 2 files (1 .csv, 1 .txt)"]);

    // Archives, also alone in a folder.
    place.write("few.zip", b"PK\x03\x04rest");
    refused("few.zip", &["found a zip archive", "unzip few.zip -d few"]);
    copied(&place, "few.zip", "packed/few.zip");
    refused("packed", &["found a zip archive, few.zip", "unzip packed/few.zip"]);
    assert!(
        Command::new("tar")
            .args(["-czf", "few.tar.gz", "few"])
            .current_dir(place.path(""))
            .status()
            .expect("tar")
            .success()
    );
    refused("few.tar.gz", &["packed with gzip", "mkdir few && cd few && tar -xf"]);
    assert!(
        Command::new("tar")
            .args(["-cf", "few.tar", "few"])
            .current_dir(place.path(""))
            .status()
            .expect("tar")
            .success()
    );
    refused("few.tar", &["a tar archive", "tar -xf"]);
    let unpack = "mkdir out && cd out && tar -xf ../few.tar.gz";
    assert!(Command::new("sh").args(["-c", unpack]).current_dir(place.path("")).status().expect("sh").success());
    trained(&place, "out/few", "few-run", &[]);
    place.write("a.npy", b"\x93NUMPY\x01\x00");
    refused("a.npy", &["found a NumPy array", "convert it"]);
}

#[test]
fn cifar_for_python_is_told_from_the_binary_version() {
    let place = Place::new();
    for name in ["batches.meta", "data_batch_1", "test_batch"] {
        place.write(&format!("cifar-10-batches-py/{name}"), b"\x80\x02}q");
    }
    let words =
        ["found the Python version of CIFAR-10", "arcsphere data fetch cifar-10 DIR", "--data cifar-10 --root DIR"];
    place.refused(&["data", "info", "cifar-10-batches-py"], &words);
    for name in ["meta", "train", "test"] {
        place.write(&format!("cifar-100-python/{name}"), b"\x80\x02}q");
    }
    place.refused(&["data", "info", "cifar-100-python"], &["the Python version of CIFAR-100"]);
    // Nor is it not found where the binary version is looked for.
    place.write("DIR/cifar-10/data_batch_1", b"\x80\x02}q");
    place.write("DIR/cifar-10/test_batch", b"\x80\x02}q");
    place.refused(&["data", "info", "cifar-10", "--root", "DIR"], &["DIR/cifar-10: no class", "the Python version"]);
    // The binary version, where `fetch` puts it.
    let records = |label: u8| [&[label][..], &[label; 3072]].concat();
    for i in 0..5 {
        let both = [records(2 * i), records(2 * i + 1)].concat();
        place.write(&format!("DIR/cifar-10-batches-bin/data_batch_{}.bin", i + 1), both);
    }
    place.write("DIR/cifar-10-batches-bin/test_batch.bin", records(7));
    let info = place.ok(&["data", "info", "cifar-10", "--root", "DIR"]);
    assert!(info.contains("training: 10 images, 10 classes") && info.contains("test: 1 images"), "{info}");
}

#[test]
fn the_files_of_emnist_are_read_by_their_names() {
    let place = Place::new();
    let idx = |dims: &[u32], data: &[u8]| {
        let mut bytes = vec![0, 0, 8, dims.len() as u8];
        bytes.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
        bytes.extend(data);
        bytes
    };
    let put = |set: &str| {
        for (part, n) in [("train", 8_u8), ("test", 4)] {
            let pixels: Vec<u8> = (0..u32::from(n) * 36).map(|i| (i * 7) as u8).collect();
            place.write(&format!("e/emnist-{set}-{part}-images-idx3-ubyte"), idx(&[n.into(), 6, 6], &pixels));
            let labels: Vec<u8> = (0..n).map(|i| 1 + i % 2).collect();
            place.write(&format!("e/emnist-{set}-{part}-labels-idx1-ubyte"), idx(&[n.into()], &labels));
        }
    };
    put("letters");
    let info = place.ok(&["data", "info", "e"]);
    assert!(
        info.starts_with("emnist-letters\n") && info.contains("training: 8 images, 2 classes (1: 4, 2: 4)"),
        "{info}"
    );
    assert!(info.contains("stored column by column, and are turned upright"), "{info}");
    put("digits");
    place.refused(&["data", "info", "e"], &["several sets: emnist-digits, emnist-letters", "e/emnist-digits"]);
    assert!(place.ok(&["data", "info", "e/emnist-digits"]).starts_with("emnist-digits\n"));
    place.refused(
        &["data", "info", "e/emnist-letters-test-images-idx3-ubyte"],
        &["an idx file", "the folder that it is in: e"],
    );
}

#[test]
fn one_data_set_at_a_time_is_looked_at() {
    let place = Place::new();
    for command in ["info", "check"] {
        let args = ["data", command, "mnist-embedded", "--data", "other"];
        place.refused(&args, &["mnist-embedded and --data other are two data sets", "leave out one"]);
        place.ok(&args[..3]);
    }
}

#[test]
fn embeddings_have_labels_that_tell_their_classes_apart() {
    let place = Place::new();
    place.ok(&with(&["train", "--out", "run"], &TINY));
    for (i, name) in ["a/session1", "b/session1", "c"].iter().enumerate() {
        place.image(&format!("faces/{name}/{i}.pgm"), (12, 12), |x, y| (x * y) as u8);
    }
    place.write("faces/a/session1/._x.png", "notes of macOS");
    let embedded = |paths: &[&str]| {
        place.ok(&with(&with(&["embed", "run"], paths), &["--out", "e.npy", "--force"]));
        labels(&place, "e.labels.csv").into_iter().map(|(_, class)| class).collect::<Vec<_>>()
    };
    assert_eq!(embedded(&["faces"]), ["a/session1", "b/session1", "c"]);
    assert_eq!(labels(&place, "e.labels.csv").iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
    assert_eq!(embedded(&["faces/a/session1/0.pgm", "faces/b/session1/1.pgm"]), ["a/session1", "b/session1"]);
    assert_eq!(embedded(&["faces/c/2.pgm"]), ["c"]);
    assert_eq!(embedded(&["faces/c"]), ["c"]);
    // A class in two folders is one, which is said.
    let output = place.run(&["embed", "run", "faces/a", "faces/b", "--out", "two.npy"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("one class, though in several folders: session1 in faces/a and faces/b"), "{said}");
    // In the folder itself, whose path says no name.
    let mut here = place.command(&["embed", "../../run", ".", "--out", "here.npy"]);
    assert!(here.current_dir(place.path("faces/c")).status().expect("it runs").success());
    assert_eq!(labels(&place, "faces/c/here.labels.csv"), [("0".to_owned(), "c".to_owned())]);
}

/// Ends a program that hangs.
fn ended(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let mut child = place.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let started = Instant::now();
    while child.try_wait().expect("a state").is_none() {
        if started.elapsed() > Duration::from_secs(20) {
            child.kill().expect("killed");
            panic!("{args:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_waited_for() {
    let place = Place::new();
    place.ok(&with(&["train", "--out", "run"], &TINY));
    place.classes("set", 2);
    let fifo = |name: &str| {
        assert!(Command::new("mkfifo").arg(place.path(name)).status().expect("mkfifo").success());
    };
    fifo("pipe");
    std::os::unix::fs::symlink("/dev/zero", place.path("zero")).expect("a link");
    for (name, what) in [("pipe", "a named pipe"), ("zero", "a device")] {
        for args in [
            vec!["train", name, "--out", "no"],
            vec!["train", "--data", name, "--out", "no"],
            vec!["train", "--data", "age:", "--out", "no"],
            vec!["data", "check", name],
            vec!["eval", name],
            vec!["plot", "features", name, "--out", "f.svg"],
            vec!["embed", name, "set", "--out", "e.npy"],
            vec!["embed", "run", name, "--out", "e.npy"],
        ] {
            let age = format!("age:{name}");
            let args: Vec<&str> = args.into_iter().map(|arg| if arg == "age:" { &age } else { arg }).collect();
            let (code, said) = ended(&place, &args);
            assert_eq!(code, Some(2), "{args:?}: {said}");
            assert!(
                said.contains(&format!("it is {what}, expected a regular file")) && said.lines().count() == 1,
                "{args:?}: {said}"
            );
        }
    }
    // Among images they are left out; in place of what a run needs they are named.
    fifo("set/p0/pipe.png");
    std::os::unix::fs::symlink(place.path("set"), place.path("set/p0/up")).expect("a link");
    let check = place.ok(&["data", "check", "set"]);
    assert!(check.contains("set/p0/pipe.png: neither a file nor a folder"), "{check}");
    assert!(check.contains("set/p0/up: a link to a folder that it lies in"), "{check}");
    place.ok(&["embed", "run", "set", "--out", "e.npy"]);
    assert_eq!(labels(&place, "e.labels.csv").len(), 16);
    for (command, file) in [("compare", "compare.json"), ("sweep", "grid.json")] {
        std::fs::create_dir(place.path(command)).expect("a folder");
        fifo(&format!("{command}/{file}"));
        let (code, said) = ended(&place, &[command, "--resume", command]);
        assert!(code == Some(2) && said.contains("a named pipe"), "{said}");
    }
    std::fs::remove_file(place.path("run/timing.json")).expect("removed");
    fifo("run/timing.json");
    let (_, said) = ended(&place, &["eval", "run"]);
    assert!(said.contains("timing.json") && said.contains("a named pipe"), "{said}");
}

/// A class that may not be read is named, by a user whom permissions bind.
#[cfg(unix)]
#[test]
fn a_class_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let place = Place::new();
    place.ok(&with(&["train", "--out", "run"], &TINY));
    place.classes("set", 3);
    let mode = |name: &str, mode: u32| {
        std::fs::set_permissions(place.path(name), std::fs::Permissions::from_mode(mode)).expect("permissions");
    };
    mode("", 0o777);
    mode("set/p1", 0o000);
    // Permissions do not bind root, who may become somebody whom they do.
    let is_root = std::fs::read_dir(place.path("set/p1")).is_ok();
    let run = |args: &[&str]| {
        let mut command = place.command(args);
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        command.output()
    };
    if let Err(error) = run(&["--version"]) {
        eprintln!("skipped: no user whom permissions bind can run the program: {error}");
        return;
    }
    let said = |args: &[&str], code: i32| {
        let output = run(args).expect("it runs");
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said:?}");
        said
    };
    let words = "set/p1: cannot list: Permission denied";
    for args in [&["data", "info", "set"][..], &["embed", "run", "set", "--out", "e.npy"]] {
        let [_, err] = said(args, 2);
        assert!(err.contains(words), "{args:?}: {err}");
    }
    let [out, err] = said(&["data", "check", "set"], 2);
    assert!(out.contains(words) && err.contains("1 of 17 cannot be used"), "{out}{err}");
    // The two ways out.
    let [_, err] = said(&["embed", "run", "set", "--out", "e.npy", "--on-bad-file", "skip"], 0);
    assert!(err.contains(words), "{err}");
    mode("set/p1", 0o755);
    let [out, _] = said(&["data", "check", "set"], 0);
    assert!(out.contains("3 classes") && out.ends_with("ok\n"), "{out}");
    // A file alone.
    mode("set/p1/3.pgm", 0o000);
    let [_, err] = said(&["data", "info", "set"], 2);
    assert!(err.contains("set/p1/3.pgm: cannot open: Permission denied"), "{err}");
}

#[cfg(unix)]
#[test]
fn names_do_not_steer_the_terminal() {
    let place = Place::new();
    place.classes("set", 2);
    let name = "set/\u{1b}[31mred\u{9b}\u{202e}\nline";
    moved(&place, "set/p0", name);
    place.write(&format!("{name}/\r.txt"), "");
    let check = place.ok(&["data", "check", "set"]);
    assert!(!check.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']), "{check:?}");
    assert!(check.contains("\\u001b[31mred\\u009b\\u202e\\u000aline: 6, p1: 6"), "{check}");
    place.write(&format!("{name}/0.pgm"), "no image");
    let output = place.run(&["data", "info", "set"]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!err.contains(['\u{1b}', '\u{9b}', '\u{202e}']) && err.lines().count() == 1, "{err:?}");
}

/// Files that take no room on the disk and say that they are terabytes.
#[test]
fn files_with_holes_are_refused_before_memory_is_taken() {
    let place = Place::new();
    let hole = |name: &str, head: &[u8], length: u64| {
        place.write(name, head);
        let file = std::fs::File::options().write(true).open(place.path(name)).expect("a file");
        file.set_len(length).expect("a hole");
    };
    for i in 1..=5 {
        hole(&format!("cifar/data_batch_{i}.bin"), &[], 3073 * 4_000_000_000);
    }
    hole("cifar/test_batch.bin", &[], 3073);
    // Not with `refused`, which reads all files.
    let refused = |args: &[&str], words: &[&str]| {
        let (code, said) = ended(&place, args);
        assert!(code == Some(2) && words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    };
    refused(&["data", "info", "cifar"], &["data_batch_1.bin: 4000000000 records, expected at most 60000"]);
    hole("big.toml", b"", 1 << 42);
    refused(&["train", "big.toml", "--out", "no"], &["big.toml", "4398046511104 bytes, expected at most"]);
    hole("big.csv", b"path,age\n", 1 << 42);
    refused(&["data", "info", "age:big.csv"], &["big.csv, line 2", "longer than"]);
}
