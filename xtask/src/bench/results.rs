//! From rounds to a results file.
//!
//! Each side's time is the median over rounds of the rounds' medians. PyTorch's time is that
//! of its fastest mode; the ratio is PyTorch's time over arcsphere's, so above 1 arcsphere is
//! faster.

use super::cases::Subject;
use super::statistics::{largest, median};
use serde_json::{Map, Value, json};

/// One way of running a case: its rounds' figures, or why there are none.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) mode: String,
    pub(super) command: String,
    pub(super) rounds: Vec<Value>,
    pub(super) error: Option<String>,
}

impl Side {
    fn numbers(&self, key: &str) -> Vec<f64> {
        self.rounds.iter().filter_map(|round| round[key].as_f64()).collect()
    }

    pub(super) fn median_ms(&self) -> Option<f64> {
        median(&self.numbers("median_ms"))
    }

    fn json(&self, gflop: Option<f64>) -> Value {
        let Some(ms) = self.median_ms() else {
            return json!({"command": self.command, "error": self.error});
        };
        json!({
            "command": self.command,
            "median_ms": ms,
            "rounds_ms": self.numbers("median_ms"),
            "samples_per_second": median(&self.numbers("samples_per_second")),
            "gflops": gflop.map(|g| 1e3 * g / ms),
            "peak_rss_bytes": largest(self.numbers("peak_rss_bytes")).map(|bytes| bytes as u64),
        })
    }
}

/// A case, measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) peers: Vec<Side>,
    pub(super) own: Side,
}

impl Measured {
    /// PyTorch's fastest mode.
    pub(super) fn fastest(&self) -> Option<&Side> {
        let timed = self.peers.iter().filter_map(|side| Some((side.median_ms()?, side)));
        timed.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, side)| side)
    }

    /// PyTorch's time over arcsphere's.
    pub(super) fn ratio(&self) -> Option<f64> {
        Some(self.fastest()?.median_ms()? / self.own.median_ms()?)
    }

    fn json(&self) -> Value {
        // Counted by the script; the same products count for both sides.
        let gflop = self.fastest().and_then(|side| side.numbers("gflop_per_step").first().copied());
        let peers: Map<String, Value> = self.peers.iter().map(|side| (side.mode.clone(), side.json(gflop))).collect();
        json!({
            "case": self.name,
            "gflop_per_step": gflop,
            "arcsphere": self.own.json(gflop),
            "pytorch": peers,
            "fastest": self.fastest().map(|side| &side.mode),
            "ratio": self.ratio(),
        })
    }
}

/// The results file: the machine, its limits, and every case.
pub(super) fn document(subject: Subject, cases: &[Measured], machine: &[Value], commit: &Option<String>) -> Value {
    let own = cases.iter().find_map(|case| case.own.rounds.first());
    let peer = machine.first();
    let fact = |of: Option<&Value>, key: &str| of.map_or(Value::Null, |v| v[key].clone());
    let best = |key: &str| largest(machine.iter().filter_map(|round| round[key].as_f64()));
    let own_gemm = cases.iter().flat_map(|c| c.own.numbers("peak_sgemm_gflops"));
    json!({
        "subject": subject.name(),
        "machine": {
            "cpu": fact(own, "cpu"),
            "isa": fact(own, "isa"),
            "threads": fact(own, "threads"),
            "sgemm_gflops": {"pytorch": best("sgemm_gflops"), "arcsphere": largest(own_gemm)},
            "triad_gb_per_second": best("triad_gb_per_second"),
        },
        "torch": fact(peer, "torch"),
        "commit": commit,
        "cases": cases.iter().map(Measured::json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A case in which PyTorch takes 90 or 60 ms and arcsphere 20.
    pub(in super::super) fn example() -> Measured {
        let side = |mode: &str, ms: &[f64]| {
            Side {
            mode: mode.to_owned(),
            command: format!("run {mode}"),
            rounds: ms.iter().map(|ms| json!({"median_ms": ms, "samples_per_second": 128e3 / ms, "gflop_per_step": 3.0, "cpu": "a CPU", "isa": "avx512", "threads": 2, "peak_rss_bytes": 1000})).collect(),
            error: ms.is_empty().then(|| "no compiler".to_owned()),
        }
        };
        Measured {
            name: "head, C = 10".to_owned(),
            peers: vec![side("eager", &[90.0, 80.0, 400.0]), side("compile", &[60.0, 50.0, 70.0]), side("broken", &[])],
            own: side("", &[20.0, 10.0, 90.0]),
        }
    }

    #[test]
    fn the_fastest_mode_counts() {
        let case = example();
        assert_eq!(case.fastest().map(|side| side.mode.as_str()), Some("compile"));
        assert_eq!(case.ratio(), Some(3.0));
        let json = case.json();
        assert_eq!(json["pytorch"]["eager"]["median_ms"], 90.0);
        assert_eq!(json["pytorch"]["broken"]["error"], "no compiler");
        assert_eq!((&json["arcsphere"]["gflops"], &json["arcsphere"]["rounds_ms"][2]), (&json!(150.0), &json!(90.0)));
    }

    #[test]
    fn without_a_peer_there_is_no_ratio() {
        let mut case = example();
        case.peers.truncate(0);
        assert_eq!(case.ratio(), None);
        assert_eq!(case.json()["ratio"], Value::Null);
    }

    #[test]
    fn a_limit_is_the_best_that_was_seen() {
        let rounds =
            [json!({"sgemm_gflops": 100.0, "triad_gb_per_second": 9.0, "torch": "2"}), json!({"sgemm_gflops": 120.0})];
        let document = document(Subject::Head, &[example()], &rounds, &None);
        assert_eq!(document["machine"]["sgemm_gflops"]["pytorch"], 120.0);
        assert_eq!(document["machine"]["triad_gb_per_second"], 9.0);
        assert_eq!((&document["machine"]["cpu"], &document["torch"]), (&json!("a CPU"), &json!("2")));
        assert_eq!(document["cases"][0]["ratio"], 3.0);
    }
}
