//! The measured part of `tests/bench/archive.sh`: reads a directory, writes, verifies, publishes.

use super::*;
use std::time::Instant;

/// `TARS_BENCH_FROM` and `TARS_BENCH_TO` name directories, `TARS_BENCH_LINE` the file for the figures;
/// `TARS_BENCH_SEAL=1` encrypts.
#[test]
#[ignore = "a measurement, run by tests/bench/archive.sh"]
fn archive() {
    let path = |name: &str| std::path::PathBuf::from(std::env::var_os(name).expect(name));
    let sealed = std::env::var_os("TARS_BENCH_SEAL").is_some();
    let seal = if sealed { Seal::To(vec![keygen().recipient]) } else { Seal::Plain };
    let options = Options { threads: 0, ..options(&path("TARS_BENCH_TO"), seal) };
    let begun = Instant::now();
    let mut writer = Writer::create(options, &Manifest::default()).unwrap();
    writer.directory("data", &path("TARS_BENCH_FROM"), &mut everything).unwrap();
    let read = begun.elapsed();
    let written = writer.finish(&Outcome::default()).unwrap();
    let (wrote, bytes) = (begun.elapsed(), written.bytes());
    let begun = Instant::now();
    written.verify(&Watch::new()).unwrap();
    let (read, wrote, verified) = (read.as_secs_f64(), wrote.as_secs_f64(), begun.elapsed().as_secs_f64());
    let line = format!("read_s={read:.2} write_s={wrote:.2} verify_s={verified:.2} bytes={bytes}\n");
    std::fs::write(path("TARS_BENCH_LINE"), line).unwrap();
    written.publish().unwrap();
}
