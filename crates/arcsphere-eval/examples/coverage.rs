//! How often intervals hold the truth, on populations whose truth is known; `tests` do the same at small size.
//!
//!     cargo run --release -p arcsphere-eval --features fixtures --example coverage [REPEATS]
//!
//! A population is S subjects with n images each, all pairs; w and v are the shares that subjects and pairs of subjects
//! have in the variance of a score. 95 % intervals should hold the truth in 95 % of the repeats. REPEATS is 400.

use arcsphere_eval::calibration::{Bound, Calibration};
use arcsphere_eval::rates::at_thresholds;
use arcsphere_eval::simulated::{Drawn, Population, tail, threshold};
use arcsphere_eval::verification::Verification;
use std::error::Error;

/// Subjects, images, FMR, w and v.
const SETTINGS: [(u32, u32, f64, f64, f64); 8] = [
    (20, 10, 1e-2, 0.2, 0.2),
    (40, 10, 1e-2, 0.0, 0.3),
    (40, 10, 1e-2, 0.2, 0.2),
    (40, 10, 1e-2, 0.4, 0.2),
    (100, 5, 1e-2, 0.2, 0.2),
    (200, 4, 1e-3, 0.0, 0.3),
    (200, 4, 1e-3, 0.2, 0.2),
    (200, 4, 1e-3, 0.4, 0.2),
];

/// How often something was so.
#[derive(Default, Clone, Copy)]
struct Share {
    hits: u32,
    of: u32,
}

impl Share {
    fn see(&mut self, hit: bool) {
        self.hits += u32::from(hit);
        self.of += 1;
    }

    fn percent(self) -> String {
        if self.of == 0 {
            "–".to_owned()
        } else {
            format!("{:.1}", 100.0 * f64::from(self.hits) / f64::from(self.of))
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let repeats = std::env::args().nth(1).map_or(Ok(400), |n| n.parse::<u64>())?;
    println!("{repeats} repeats; standard error at 95 %: {:.1}", 100.0 * (0.95 * 0.05 / repeats as f64).sqrt());
    println!("\nOne-sided upper bounds of the FMR, % that hold:");
    println!("S × n, FMR, w, v: over pairs | n_eff | BCa | larger of both | exact");
    for (name, population, fmr) in settings() {
        one_sided(&name, repeats, fmr, |seed| population.draw(seed))?;
    }
    let sparse = Population { subjects: 4281, images: 2, w: 0.2, v: 0.0 };
    one_sided("a list, 4,281 subjects, 3,000 + 3,000 pairs, 1e-2, w 0.2", repeats, 1e-2, |s| sparse.list(3000, s))?;
    println!("\nTwo-sided intervals, % that hold:");
    println!("S × n, FMR, w, v: FMR | FNMR | EER | AUC | TMR@FMR");
    for (name, population, fmr) in settings() {
        two_sided(&name, repeats, fmr, population, |seed| population.draw(seed))?;
    }
    two_sided("the list", repeats, 1e-2, sparse, |seed| sparse.list(3000, seed))?;
    println!("\nCalibrations, % whose true FMR exceeds the target:");
    println!(
        "S × n, FMR, w, v: with a threshold | the looser of both | the approximate bound alone | the exact one alone"
    );
    for (name, population, fmr) in settings() {
        calibrated(&name, repeats, fmr, population)?;
    }
    for target in [0.1, 0.2] {
        let population = Population { subjects: 60, images: 2, w: 0.4, v: 0.2 };
        calibrated(&format!("60 × 2, {target}, 0.4, 0.2"), repeats, target, population)?;
    }
    Ok(())
}

fn settings() -> impl Iterator<Item = (String, Population, f64)> {
    SETTINGS.into_iter().map(|(subjects, images, fmr, w, v)| {
        (format!("{subjects} × {images}, {fmr}, {w}, {v}"), Population { subjects, images, w, v }, fmr)
    })
}

fn one_sided(name: &str, repeats: u64, fmr: f64, draw: impl Fn(u64) -> Drawn) -> Result<(), Box<dyn Error>> {
    let mut held = [Share::default(); 5];
    for seed in 0..repeats {
        let b = draw(seed).bounds(threshold(fmr) as f32, seed)?;
        let all = [b.over_pairs, b.n_eff, b.bca, b.n_eff.max(b.bca), b.exact];
        held.iter_mut().zip(all).for_each(|(h, bound)| h.see(bound >= fmr));
    }
    println!("{name}: {}", held.map(Share::percent).join(" | "));
    Ok(())
}

fn two_sided(
    name: &str,
    repeats: u64,
    fmr: f64,
    population: Population,
    draw: impl Fn(u64) -> Drawn,
) -> Result<(), Box<dyn Error>> {
    let (t, truth) = (threshold(fmr), population.truth());
    let fnmr = population.fnmr(t);
    let mut held = [Share::default(); 5];
    for seed in 0..repeats {
        let d = draw(seed);
        let [at] = at_thresholds(&d.scores, &d.same, &d.units, &[t as f32])?[..] else { return Err("one".into()) };
        let found = Verification::of(&d.scores, &d.same).subjects(&d.subjects).fmr(&[fmr]).seed(seed).measure()?;
        held[0].see(at.fmr.low <= fmr && fmr <= at.fmr.high);
        held[1].see(at.fnmr.low <= fnmr && fnmr <= at.fnmr.high);
        let all = [(found.eer, truth.eer), (found.auc, truth.auc), (found.at_fmr[0].tmr, 1.0 - fnmr)];
        for (share, (e, truth)) in held[2..].iter_mut().zip(all) {
            if let (Some(low), Some(high)) = (e.low, e.high) {
                share.see(low <= truth && truth <= high);
            }
        }
    }
    println!("{name}: {}", held.map(Share::percent).join(" | "));
    Ok(())
}

fn calibrated(name: &str, repeats: u64, fmr: f64, population: Population) -> Result<(), Box<dyn Error>> {
    let (mut found, mut beyond) = (Share::default(), [Share::default(); 3]);
    for seed in 0..repeats {
        let d = population.draw(seed);
        let ready = Calibration::of(&d.scores, &d.same, &d.units).target(fmr).seed(seed);
        let each = [ready.clone(), ready.clone().only(Bound::Approximate), ready.only(Bound::Exact)];
        for (i, calibration) in each.iter().enumerate() {
            let threshold = calibration.run().ok().map(|c| f64::from(c.threshold));
            beyond[i].see(threshold.is_some_and(|t| tail(t) > fmr));
            if i == 0 {
                found.see(threshold.is_some());
            }
        }
    }
    println!("{name}: {} | {}", found.percent(), beyond.map(Share::percent).join(" | "));
    Ok(())
}
