//! What each command says and draws, without a training.

mod common;

use common::Place;
use serde_json::Value;

/// Every registered loss, as the program describes it.
fn losses(place: &Place) -> Vec<Value> {
    serde_json::from_str(&place.ok(&["list", "losses", "--json"])).expect("JSON")
}

#[test]
fn the_losses_are_listed() {
    insta::assert_snapshot!(Place::new().ok(&["list", "losses"]), @r#"
    softmax                plain softmax with bias, nothing normalized (also cross_entropy)
    modified_softmax       prototypes of length 1, no bias; the embedding keeps its norm (also norm_softmax)
    sphereface             multiplicative angular margin, free embedding norm (also a_softmax, asoftmax)
    fnorm_sphereface       multiplicative angular margin, fixed scale (also f_norm_sphereface, sphereface_fnorm)
    cosface                additive cosine margin, fixed scale (also am_softmax, amsoftmax, lmcl)
    arcface                additive angular margin, fixed scale (also additive_angular_margin, aam_softmax)
    combined               all three margins at once, fixed scale (also general, combined_margin)
    adacos                 relative: no margin; the scale follows from the number of classes, or from each batch
    mv_softmax             relative: ArcFace in which classes that beat the target count more (also mv_arc_softmax)
    curricularface         relative: ArcFace in which classes that beat the target count less at first, more later (also curricular_face)
    circle                 relative: every cosine is weighted by its distance from the optimum; the boundary is a circle (also circle_loss)
    subcenter_arcface      relative: ArcFace with K prototypes per class, of which the nearest counts (also sub_center_arcface, subcenter)
    magface                relative: angular margin that grows with the embedding's norm, and a term that draws norms out (also mag_face)
    adaface                relative: margin between ArcFace's and CosFace's and beyond, by the embedding's norm (also ada_face)
    elasticface            relative: angular or cosine margin drawn anew for each sample (also elastic_face, elasticface_arc)
    elasticface_plus       relative: ElasticFace with the largest drawn margins for the samples farthest from their prototypes (also elastic_face_plus, elasticface_arc_plus)
    sphereface2            relative: binary problems, each class against the rest, with a margin on both sides (also sphere_face2)
    sphereface_r           relative: multiplicative angular margin, fixed scale, the gradient of the plain cosine (also sphere_face_r, sphereface_revived)
    contrastive            tuple: pairs of a class together, others apart by a margin (also pair)
    triplet                tuple: every triplet of the batch: nearer to its class than to others by a margin (also triplet_all, batch_all)
    triplet_semi_hard      tuple: each pair of a class against the nearest negative that is farther (also semi_hard, triplet_semihard)
    triplet_batch_hard     tuple: each sample's farthest positive against its nearest negative (also batch_hard)
    center                 tuple: squared distance to the own class's running center, beside softmax (also center_loss)
    npair                  tuple: each pair of a class against all other classes of the batch, norms held small (also n_pair, npairs)
    proxy_nca              tuple: each sample nearer to its class's proxy than to the others' (also proxynca)
    supcon                 tuple: softmax over the batch's cosines: each positive against all others (also supervised_contrastive, sup_con)
    proxy_anchor           tuple: each class's proxy pulls its hardest samples and pushes the nearest others (also proxyanchor)
    regression             ordinal: plain regression: a number by a straight line from the embedding, smooth L1 (also plain_regression, smooth_l1, huber)
    coral                  ordinal: CORAL: above each step or not, C − 1 binary problems that share one direction (also rank_consistent)
    hyperspherical_energy  energy: prototypes repel each other on the sphere (also mhe, sphereface_plus)
    "#);
}

#[test]
fn everything_is_listed_and_as_json_too() {
    let place = Place::new();
    for (what, some) in [
        ("losses", "fnorm_sphereface"),
        ("datasets", "fashion-mnist"),
        ("backbones", "resnet_cifar"),
        ("optimizers", "adamw"),
        ("causes", "stuck_at_chance"),
        ("flags", "angle-margin"),
    ] {
        let text = place.ok(&["list", what]);
        let rows: Vec<Value> = serde_json::from_str(&place.ok(&["list", what, "--json"])).expect("JSON");
        assert_eq!(rows.len(), text.lines().count(), "{what}");
        for (row, line) in rows.iter().zip(text.lines()) {
            let name = row["name"].as_str().expect("a name");
            assert!(line.starts_with(name), "{what}: {name} is not the start of {line}");
        }
        assert!(rows.iter().any(|r| r["name"] == some), "{what} lacks {some}");
    }
}

/// Which causes there are is for the library to say; each comes with what happens and what is done.
#[test]
fn a_cause_is_listed_with_its_remedy() {
    let place = Place::new();
    let rows: Vec<Value> = serde_json::from_str(&place.ok(&["list", "causes", "--json"])).expect("JSON");
    let text = place.ok(&["list", "causes"]);
    assert_eq!(rows.len(), 9);
    for (row, line) in rows.iter().zip(text.lines()) {
        for key in ["name", "summary", "remedy"] {
            let part = row[key].as_str().filter(|part| !part.is_empty()).expect(key);
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let mut child = Place::new()
        .command(&["list", "losses"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn arcface_is_explained() {
    insta::assert_snapshot!(Place::new().ok(&["explain", "arcface"]), @r#"
    arcface: additive angular margin, fixed scale
    also:      additive_angular_margin, aam_softmax
    formula:   z_y = s·cos(θ_y + m1),  continued monotonically past θ_y + m1 = π
    boundary:  s(cos(θ1 + m1) − cos θ2) = 0
    source:    Deng et al., ArcFace, CVPR 2019, eq. 3
    paper:     m1 = 0.500
    default:   m1 = 0.500 for 10 classes in 2 dimensions: prototypes can be 36.0° apart, and this leaves 3.7° around each
    scale:     15.9 here, 64 in the paper

      ψ(θ) #, cos θ ·
      1.00 │········
      0.85 │####    ······
      0.70 │    ####      ····
      0.55 │        ####      ···
      0.39 │            ###      ···
      0.24 │               ###      ···
      0.09 │                  ###      ···
     -0.06 │                     ###      ···
     -0.21 │                        ###      ···
     -0.36 │                           ###      ···
     -0.52 │                              ###      ····
     -0.67 │                                 ####      ····
     -0.82 │                                     #####     ·····
     -0.97 │                                          ###############····
     -1.12 │                                                         ####
           └─────────────────────────────────────────────────────────────
            0°                         90°                          180°
    "#);
}

#[test]
fn a_relative_is_explained_with_its_parameters() {
    let text = Place::new().ok(&["explain", "magface"]);
    for part in [
        "paper:     l_m = 0.450, u_m = 0.800",
        "around each, for the longest embeddings",
        "params:    norm_weight = 35 here, in [0, 1000000]; λ_g, the weight of g",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let text = Place::new().ok(&["explain", "adacos", "--classes", "100", "--dim", "64"]);
    assert!(text.contains("scale:     6.5 here, 6.5 in the paper") && !text.contains("default:"), "{text}");
    assert!(Place::new().ok(&["explain", "sphereface2"]).contains("binary problems"));
}

#[test]
fn every_loss_is_explained() {
    let place = Place::new();
    for loss in losses(&place) {
        let aliases = loss["aliases"].as_array().expect("aliases");
        for name in std::iter::once(&loss["name"]).chain(aliases) {
            let name = name.as_str().expect("a name");
            let text = place.ok(&["explain", name, "--classes", "100", "--dim", "64"]);
            // Only a margin loss has a boundary between two prototypes.
            let own = match loss["group"].as_str() {
                Some("tuple" | "energy") => None,
                Some("ordinal") => Some("predicts"),
                _ => Some("boundary"),
            };
            for part in ["name", "summary", "formula", "source"].into_iter().chain(own) {
                let part = loss[part].as_str().expect(part);
                assert!(text.contains(part), "explain {name} lacks \"{part}\"");
            }
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}

/// Width and height of a PNG, from its header.
fn png_size(bytes: &[u8]) -> (u32, u32) {
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(&bytes[12..16], b"IHDR");
    assert_eq!(&bytes[bytes.len() - 8..bytes.len() - 4], b"IEND");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

fn assert_svg(text: &str) {
    assert!(text.contains("<svg ") && text.trim_end().ends_with("</svg>"), "{}", &text[..text.len().min(200)]);
    assert!(!text.contains("NaN") && !text.contains("inf"), "a coordinate is not a number");
}

#[test]
fn boundaries_and_targets_are_drawn() {
    let place = Place::new();
    for picture in ["boundaries", "target"] {
        let (svg, png) = (format!("{picture}.svg"), format!("{picture}.png"));
        assert_eq!(place.ok(&["plot", picture, "--out", &svg]).trim(), svg);
        let text = place.text(&svg);
        assert_svg(&text);
        for loss in losses(&place) {
            let name = loss["name"].as_str().expect("a name");
            // The others have no target function to draw.
            if ["tuple", "ordinal", "energy"].iter().any(|kind| loss["group"] == *kind) {
                place.refused(
                    &["plot", picture, "--loss", name, "--out", "none.svg"],
                    &[name, "no margin on angles to draw"],
                );
                continue;
            }
            if loss["group"] == "family" {
                assert!(text.contains(name), "{svg} lacks {name}");
            }
            let one = format!("{picture}-{name}.svg");
            place.ok(&["plot", picture, "--loss", name, "--classes", "10", "--dim", "2", "--out", &one]);
            let text = place.text(&one);
            assert_svg(&text);
            assert!(text.contains(name), "{one} lacks {name}");
        }
        place.ok(&["plot", picture, "--loss", "softmax,cosface", "--out", &png]);
        let (width, height) = png_size(&place.read(&png));
        assert!(width >= 600 && height >= 400, "{width}x{height}");
        // The same picture for a dark page is another picture.
        let dark = format!("{picture}-dark.svg");
        place.ok(&["plot", picture, "--dark", "--out", &dark]);
        assert_ne!(place.text(&dark), text);
    }
}

#[test]
fn a_margin_of_ones_own_is_drawn() {
    let place = Place::new();
    let draw = |name: &str, margins: &[&str]| {
        place.ok(&common::with(&["plot", "boundaries", "--out", name], margins));
        assert_svg(&place.text(name));
        place.text(name)
    };
    let own = draw("a.svg", &["--angle-multiplier", "1.5", "--angle-margin", "0.3", "--cosine-margin", "0.1"]);
    assert!(own.contains("m0 = 1.500, m1 = 0.300, m2 = 0.100"), "the title does not say the margins");
    // Every margin moves the boundary.
    assert_ne!(own, draw("b.svg", &["--angle-multiplier", "1.5", "--angle-margin", "0.3", "--cosine-margin", "0.2"]));
    assert_ne!(own, draw("c.svg", &["--angle-multiplier", "1.5", "--angle-margin", "0.4", "--cosine-margin", "0.1"]));
    assert_ne!(own, draw("d.svg", &["--angle-multiplier", "2.5", "--angle-margin", "0.3", "--cosine-margin", "0.1"]));
    assert!(draw("e.svg", &["--classes", "10", "--dim", "2"]).contains("fitted to 10 classes in 2 dimensions"));
}

#[test]
fn data_is_described_and_checked() {
    let place = Place::new();
    let info = place.ok(&["data", "info", "mnist-embedded"]);
    assert!(info.contains("1x28x28") && info.contains("training: 10000 images, 10 classes"), "{info}");
    assert!(info.contains("test: 2000 images") && info.contains("sha256: "), "{info}");
    place.classes("faces", 5);
    let check = place.ok(&["data", "check", "faces"]);
    assert!(check.contains("1x12x12") && check.contains("training: 30 images, 5 classes"), "{check}");
    assert_eq!(check.lines().last(), Some("ok"));
    place.write("faces/p0/._1.pgm", "notes of macOS");
    place.write("faces/p0/.hidden", "");
    place.write("faces/.git/config", "");
    let left_out = place.ok(&["data", "check", "faces"]);
    assert!(left_out.contains("left out: faces/p0/._1.pgm: notes of macOS"), "{left_out}");
    assert!(left_out.contains("left out: 2 files or folders, the first faces/.git: hidden"), "{left_out}");
    assert!(left_out.contains("\n  faces/p0/.hidden\n"), "{left_out}");
    let open = place.ok(&["data", "info", "faces", "--open-set"]);
    assert!(open.contains("open set") && open.contains("training: 24 images, 3 classes"), "{open}");
    // A picture that is there twice is said, and is no error.
    std::fs::copy(place.path("faces/p0/0.pgm"), place.path("faces/p0/9.pgm")).expect("copied");
    assert!(place.ok(&["data", "check", "faces", "--test-fraction", "0.01"]).contains("warning: "));
}

#[test]
fn benchmarks_give_figures() {
    let place = Place::new();
    for (subject, sizes) in [
        ("head", &["--classes", "50", "--dim", "8", "--batch", "16"][..]),
        ("conv", &["--batch", "2"]),
        (
            "conv",
            &["--batch", "1", "--channels", "6", "--kernel", "7", "--stride", "2", "--size", "9x8", "--depthwise"],
        ),
        ("train", &["--batch", "4"]),
    ] {
        let args = common::with(&["bench", subject, "--json", "--repeats", "2", "--threads", "2"], sizes);
        let figures: Value = serde_json::from_str(&place.ok(&args)).expect("JSON");
        assert_eq!((&figures["subject"], &figures["threads"]), (&subject.into(), &2.into()), "{figures}");
        for number in ["median_ms", "samples_per_second"] {
            assert!(figures[number].as_f64().is_some_and(|v| v > 0.0 && v.is_finite()), "{number}: {figures}");
        }
        let own: &[&str] = match subject {
            "train" => &["peak_sgemm_gflops", "data_ms"],
            _ => &["peak_sgemm_gflops", "gflops"],
        };
        for number in own {
            assert!(figures[number].as_f64().is_some_and(|v| v > 0.0 && v.is_finite()), "{number}: {figures}");
        }
        for text in ["cpu", "isa"] {
            assert!(figures[text].as_str().is_some_and(|t| !t.is_empty()), "{text}: {figures}");
        }
        let rss = figures.get("peak_rss_bytes").expect("the field is there");
        assert!(!cfg!(target_os = "linux") || rss.as_u64().is_some_and(|b| b > 1_000_000), "{figures}");
    }
    assert!(place.ok(&["bench", "head", "--classes", "50", "--dim", "8", "--repeats", "1"]).starts_with("head: "));
}
