//! Makes `assets/mnist-subset.idx.gz` from the four published files of MNIST, and prints the
//! digests that the test in `src/embedded.rs` expects.
//!
//! ```text
//! cargo run --release -p arcsphere-data --example pack_mnist -- MNIST_FOLDER OUT_FILE
//! ```

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use arcsphere_data::{Dataset, idx};
use flate2::{Compression, GzBuilder};

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, out] = &args[..] else {
        return Err("usage: pack_mnist MNIST_FOLDER OUT_FILE".into());
    };
    let (train, test) = idx::read_folder(folder, Some(&DIGITS))?;
    let parts = [train.take(10_000)?, test.take(2_000)?];

    // No time stamp and no name in the header: the same input gives the same bytes.
    let mut gz = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    for part in &parts {
        write_part(&mut gz, part)?;
    }
    let packed = gz.finish()?;
    commit(out, &packed)?;
    println!("{} bytes\ntrain {}\ntest  {}", packed.len(), parts[0].sha256()?, parts[1].sha256()?);
    Ok(())
}

fn write_part(out: &mut dyn Write, set: &Dataset) -> Result<(), Box<dyn Error>> {
    let shape = set.shape();
    let images: Vec<_> = (0..set.len()).map(|i| set.image(i)).collect::<Result<_, _>>()?;
    write_array(out, &[set.len(), shape.height, shape.width], &images.concat())?;
    let labels: Vec<u8> = set.labels().iter().map(|&l| u8::try_from(l)).collect::<Result<_, _>>()?;
    write_array(out, &[labels.len()], &labels)
}

fn write_array(out: &mut dyn Write, dims: &[usize], data: &[u8]) -> Result<(), Box<dyn Error>> {
    out.write_all(&[0, 0, 8, u8::try_from(dims.len())?])?;
    for &d in dims {
        out.write_all(&u32::try_from(d)?.to_be_bytes())?;
    }
    Ok(out.write_all(data)?)
}

fn commit(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let part = path.with_extension("part");
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(fs::rename(part, path)?)
}
