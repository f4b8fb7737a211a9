//! Rates with intervals of as many pairs as IJB-C has: seconds and memory.
//!
//!     cargo run --release -p arcsphere-eval --example fifteen_million

use arcsphere_eval::calibration::Calibration;
use arcsphere_eval::units::Units;
use arcsphere_eval::verification::Verification;
use std::error::Error;
use std::time::Instant;

const SUBJECTS: u32 = 3_500;
const GENUINE: usize = 19_557;
const IMPOSTOR: usize = 15_638_932;

fn main() -> Result<(), Box<dyn Error>> {
    let mut state = 1_u64;
    // SplitMix64.
    let mut next = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let (mut scores, mut same, mut subjects) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..GENUINE + IMPOSTOR {
        let genuine = i < GENUINE;
        let noise = (0..4).map(|_| (next() >> 40) as f32 / (1_u64 << 24) as f32).sum::<f32>();
        let a = (next() % u64::from(SUBJECTS)) as u32;
        let b = (u64::from(a) + 1 + next() % u64::from(SUBJECTS - 1)) as u32 % SUBJECTS;
        // Some subjects are taken for anybody.
        scores.push(noise / 4.0 + (a % 10) as f32 / 50.0 + if genuine { 0.5 } else { 0.0 });
        same.push(genuine);
        subjects.push(if genuine { (a, a) } else { (a, b) });
    }
    let started = Instant::now();
    let found = Verification::of(&scores, &same).subjects(&subjects).fmr(&[1e-2, 1e-3, 1e-4, 1e-5]).measure()?;
    println!("{:.1} s for {} pairs of {} subjects", started.elapsed().as_secs_f64(), scores.len(), found.units);
    println!("EER {:.5} {:.5?} to {:.5?}; AUC {:.5}", found.eer.value, found.eer.low, found.eer.high, found.auc.value);
    for p in &found.at_fmr {
        let (t, f) = (p.tmr, p.fmr);
        println!("FMR ≤ {:e}: TMR {:.4} {:.4?} to {:.4?}", p.target_fmr, t.value, t.low, t.high);
        println!(
            "    FMR {:.3e}, {:.3e} to {:.3e}, n_eff {:.0}; FNMR n_eff {:.0}",
            f.value, f.low, f.high, f.n_eff, p.fnmr.n_eff
        );
    }
    let started = Instant::now();
    let units = Units::subjects(&subjects, &same)?;
    let found = Calibration::of(&scores, &same, &units).target(1e-3).run()?;
    println!("{:.1} s for a threshold at FMR ≤ 1e-3: {:?}", started.elapsed().as_secs_f64(), found.bound);
    println!("    {} false matches, FMR ≤ {:.3e} with 95 % confidence", found.fmr.errors, found.upper);
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        status.lines().filter(|l| l.starts_with("VmHWM")).for_each(|l| println!("{l}"));
    }
    Ok(())
}
