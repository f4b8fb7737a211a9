//! My scores: verification from scores alone, with intervals by subject and thresholds to use; no network anywhere.

use arcsphere_eval::verification::Verification;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 40 people with 3 images each, every pair once. The scores are made up: give those of your own system.
    let people: Vec<u32> = (0..120).map(|image| image / 3).collect();
    let noise = |a: usize, b: usize| ((a * 7919 + b * 104_729) % 1000) as f32 / 1000.0;
    let (mut scores, mut same, mut subjects) = (Vec::new(), Vec::new(), Vec::new());
    for b in 0..people.len() {
        for a in 0..b {
            let genuine = people[a] == people[b];
            scores.push(0.7 * noise(a, b) + if genuine { 0.4 } else { 0.0 });
            same.push(genuine);
            subjects.push((people[a], people[b]));
        }
    }
    let found = Verification::of(&scores, &same).subjects(&subjects).fmr(&[0.1, 0.01]).measure()?;
    println!("EER {:.3} in {:.3?} to {:.3?}", found.eer.value, found.eer.low, found.eer.high);
    for point in &found.at_fmr {
        println!("FMR ≤ {}: TMR {:.3}, accept where score ≥ {:.3}", point.target_fmr, point.tmr.value, point.threshold);
    }
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
