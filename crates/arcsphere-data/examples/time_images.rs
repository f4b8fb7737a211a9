//! How long opening a folder of images takes, all of its pixels read: `time_images FOLDER [TIMES]`.

use std::time::Instant;

use arcsphere_data::{OpenOptions, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("expected a folder with a folder of images per class")?;
    let times: usize = arguments.next().map_or(Ok(1), |n| n.parse())?;
    for _ in 0..times {
        let start = Instant::now();
        let source = open(&folder, &OpenOptions::default())?;
        let n = source.train.len() + source.test.len();
        println!("{:.3} s, {n} images of {}, {}", start.elapsed().as_secs_f64(), source.train.shape(), source.sha256);
    }
    Ok(())
}
