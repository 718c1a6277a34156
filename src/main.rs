//! Scratch main of the redact branch.
use std::io::{Read, Write};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let file = args.iter().position(|a| a == "--env-file").and_then(|i| args.get(i + 1));
    let mut builder = tars::redact::Redactor::builder();
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        for line in text.lines() {
            if let Some((key, value)) = line.split_once('=') {
                if tars::redact::is_secret_key(key) {
                    builder = builder.value(key, value.trim_matches(['"', '\'']));
                }
            }
        }
    }
    let redactor = builder.build();
    let mut clean = redactor.clean(std::io::stdin().lock());
    let mut out = std::io::stdout().lock();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = clean.read(&mut buffer).unwrap_or(0);
        if count == 0 { break; }
        if out.write_all(&buffer[..count]).is_err() { return; }
    }
}
