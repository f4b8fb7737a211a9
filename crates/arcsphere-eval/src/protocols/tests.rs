use super::*;
use crate::measures::Numbers;
use std::sync::Mutex;

const X: [f32; 12] = [1.0, 0.0, 0.9, 0.1, 0.0, 1.0, 0.1, 0.9, -1.0, 0.2, -0.9, 0.1];
const LABELS: [u32; 6] = [0, 0, 1, 1, 2, 2];

fn samples() -> EmbeddedSet<'static> {
    EmbeddedSet::new(&X, 2, &LABELS).unwrap()
}

fn whole() -> EmbeddedSet<'static> {
    const NUMBERS: [f64; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    samples()
        .classified(&[0, 0, 1, 1, 2, 0])
        .unwrap()
        .with_prototypes(&[1.0, 0.0, 0.0, 1.0, -1.0, 0.0])
        .with_numbers(Numbers::new(&NUMBERS, &NUMBERS, &NUMBERS, &[5.0]))
}

fn run(protocols: &Protocols, samples: &EmbeddedSet<'_>) -> Found {
    protocols.run(samples, &|_, _| {}).unwrap()
}

#[test]
fn every_measure_is_reported_and_what_is_always_run_gives_each_kind_once() {
    let found = run(&Protocols::default(), &whole());
    // Of 12 impostor pairs one is above 1 %, and eight of five others are all.
    let missing: Vec<&str> = found.not_measured.iter().flat_map(|n| &n.measures).map(String::as_str).collect();
    assert_eq!(missing, ["tmr_at_fmr@1e-2", "tmr_at_fmr@1e-3", "recall_at_k@8"]);
    for m in MEASURES {
        assert!(found.measures.keys().any(|k| k.measure_key() == m.key), "{}", m.key);
        let by: Vec<&str> =
            PROTOCOLS.iter().filter(|p| p.always && p.gives.contains(&m.from())).map(|p| p.name).collect();
        assert_eq!(by.len(), 1, "{} is given by {by:?}", m.key);
    }
    assert_eq!((found.counts["genuine"], found.counts["impostor"]), (3, 12));
    assert!(found.angles.is_some());
    let names = names();
    assert!(names.iter().enumerate().all(|(i, n)| !names[..i].contains(n)), "{names:?}");
}

#[test]
fn what_is_asked_for_is_measured_and_nothing_else() {
    let only = |names: &[&str]| -> Vec<String> {
        let found = run(&Protocols::default().measures(names).unwrap(), &whole());
        found.measures.keys().map(Key::to_string).collect()
    };
    assert_eq!(only(&["eer", "map_at_r"]), ["eer", "map_at_r"]);
    assert_eq!(only(&["ordered_target"]), ["cs@5", "cs_argmax@5", "mae", "mae_argmax"]);
    let error = Protocols::default().measures(&["recall"]).unwrap_err().to_string();
    assert!(error.contains("\"recall\"") && error.contains("recall_at_k"), "{error}");
}

#[test]
fn what_a_set_cannot_be_measured_by_is_said_with_the_reason() {
    let said = |samples: &EmbeddedSet<'_>, names: &[&str]| -> Vec<String> {
        let protocols = Protocols::default().measures(names).unwrap();
        run(&protocols, samples).not_measured.iter().map(NotMeasured::to_string).collect()
    };
    assert_eq!(said(&samples(), &["mae"]), ["mae: no number was learned"]);
    let open = said(&samples(), &["closed_set"]);
    assert_eq!(open.len(), 2);
    assert!(open[0].starts_with("accuracy: no class was predicted"), "{open:?}");
    assert!(open[1].starts_with("target_angle, nontarget_angle, nearest_prototype_angle: the classes"), "{open:?}");
    let apart = EmbeddedSet::new(&X[..4], 2, &[0, 1]).unwrap();
    let found = run(&Protocols::default(), &apart);
    let reasons: Vec<&str> = found.not_measured.iter().map(|n| n.reason.as_str()).collect();
    // Everything but the embeddings' norms is missing, each with its reason.
    let missing: BTreeSet<&str> = found.not_measured.iter().flat_map(|n| &n.measures).map(String::as_str).collect();
    for m in MEASURES.iter().filter(|m| m.from() != Kind::Numbers && m.key != "embedding_norm") {
        assert!(missing.contains(m.key), "{} is missing without a word: {:?}", m.key, found.not_measured);
    }
    assert!(reasons.iter().any(|r| r.starts_with("each of the 2 classes has one sample")), "{reasons:?}");
    assert!(reasons.contains(&"no genuine pair: none of the 2 classes has two samples"), "{reasons:?}");
    assert!(reasons.iter().any(|r| r.contains("largest class of a retrieval")), "{reasons:?}");
    let one = EmbeddedSet::new(&X[..4], 2, &[0, 0]).unwrap();
    assert!(said(&one, &["nmi"])[0].contains("classes has 1 entries"), "{:?}", said(&one, &["nmi"]));
}

#[test]
fn what_costs_too_much_is_left_out_unless_it_is_named() {
    let nmi = crate::measures::find("nmi").unwrap().limit.unwrap();
    let labels: Vec<u32> = (0..2_000_000).collect();
    let many = EmbeddedSet { labels: &labels, dim: 128, ..samples() };
    let why = nmi.refuses(&many, labels.len()).unwrap();
    assert!(why.contains("2000000 images") && why.contains("--measures"), "{why}");
    assert_eq!(nmi.refuses(&samples(), 3), None);
    let protocols = Protocols::default();
    let (by_name, all) = (protocols.clone().measures(&["nmi"]).unwrap(), protocols);
    let wanted = |p: &Protocols| {
        let measure = crate::measures::find("nmi").unwrap();
        PROTOCOLS.iter().find_map(|protocol| p.wants(protocol, measure))
    };
    assert_eq!((wanted(&by_name), wanted(&all)), (Some(Wanted::ByName), Some(Wanted::WithAll)));
}

#[test]
fn a_dead_network_has_classified_nothing_and_the_rest_is_missing() {
    let found = Protocols::default().dead(&LABELS, "not finite").unwrap();
    assert_eq!(found.measures.len(), 1);
    assert_eq!(found.measures["accuracy"], crate::interval::wilson(0, 6).unwrap().into());
    assert!(found.not_measured.iter().all(|n| n.reason == "not finite"), "{found:?}");
    assert!(found.not_measured.iter().any(|n| n.measures.contains(&"eer".to_owned())), "{found:?}");
    assert!(Protocols::default().dead(&[], "not finite").unwrap().measures.is_empty());
}

#[test]
fn errors_are_errors() {
    let wrong = EmbeddedSet { prototypes: &[1.0, 0.0, f32::NAN, 1.0], ..samples() };
    let error = Protocols::default().run(&wrong, &|_, _| {}).unwrap_err().to_string();
    assert!(error.contains("prototypes") && error.contains("NaN"), "{error}");
    assert!(EmbeddedSet::new(&X, 2, &LABELS[..5]).is_err() && EmbeddedSet::new(&[], 2, &[]).is_err());
}

#[test]
fn the_watch_hears_who_is_at_work() {
    let heard = Mutex::new(Vec::new());
    let watch = |name: &'static str, share: f64| heard.lock().unwrap().push((name, share));
    Protocols::default().run(&whole(), &watch).unwrap();
    let heard = heard.into_inner().unwrap();
    for p in PROTOCOLS.iter().filter(|p| p.always) {
        let last = heard.iter().rfind(|h| h.0 == p.name);
        assert_eq!(last, Some(&(p.name, 1.0)), "{heard:?}");
    }
}
