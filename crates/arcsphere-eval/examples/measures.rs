//! Times the measures that cost most, on embeddings from a file of little-endian `f32`, row by row:
//!
//!     cargo run --release -p arcsphere-eval --example measures FILE DIM CLASSES
//!
//! Sample i is of class i modulo CLASSES. `bench/evaluation.py` writes such a file and times other libraries on it.

use arcsphere_eval::angles::angles;
use arcsphere_eval::retrieval::{RESTARTS, kmeans, nmi, retrieve};
use arcsphere_eval::verification::{Roc, pair_scores};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, file, dim, classes] = &args[..] else { return Err("expected FILE DIM CLASSES".into()) };
    let (dim, classes) = (dim.parse::<usize>()?, classes.parse::<usize>()?);
    let x: Vec<f32> = std::fs::read(file)?.as_chunks().0.iter().map(|v| f32::from_le_bytes(*v)).collect();
    let labels: Vec<u32> = (0..x.len() / dim).map(|i| (i % classes) as u32).collect();
    let started = Instant::now();
    let seconds = || started.elapsed().as_secs_f64();

    let r = retrieve(&x, dim, &labels, &[1, 2, 4, 8], &|_| {})?;
    println!("{:7.2} s  retrieval: Recall@1 {:.4}, MAP@R {:.4}", seconds(), r.recall[0].share.value, r.map_at_r);
    let c = kmeans(&x, dim, classes, RESTARTS, 0, &|_| {})?;
    println!("{:7.2} s  k-means: inertia {}, {} iterations", seconds(), c.inertia, c.iterations);
    println!("{:7.2} s  NMI {:.4}", seconds(), nmi(&c.assignment, &labels)?);
    let a = angles(&x, &x[..classes * dim], dim, &labels)?;
    println!("{:7.2} s  angles with the first sample of each class: {}", seconds(), a.target.len());
    let n = labels.len() as u32;
    let pairs: Vec<(u32, u32)> = (0..n - classes as u32).flat_map(|i| [(i, i + classes as u32), (i, i + 1)]).collect();
    let same: Vec<bool> = (0..pairs.len()).map(|i| i % 2 == 0).collect();
    let roc = Roc::new(&pair_scores(&x, dim, &pairs)?, &same)?;
    println!("{:7.2} s  {} pairs: EER {:.4}", seconds(), pairs.len(), roc.eer().value);
    Ok(())
}
