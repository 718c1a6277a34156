//! Scratch main of the redact branch; the lead replaces it.
use std::io::Write;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let file = args.iter().position(|a| a == "--env-file").and_then(|i| args.get(i + 1));
    let text = file.map(|file| std::fs::read(file).unwrap_or_default()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let env: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.trim_start_matches("export ").split_once('='))
        .map(|(key, value)| {
            let value = value.trim();
            let quoted = value.len() > 1 && value.starts_with(['"', '\'']) && value.ends_with(&value[..1]);
            let inner = if quoted { &value[1..value.len() - 1] } else { value };
            let inner = if quoted && value.starts_with('"') { inner.replace("\\\"", "\"").replace("\\$", "$").replace("\\n", "\n").replace("\\\\", "\\") } else { inner.to_owned() };
            (key.trim().to_owned(), inner)
        })
        .collect();
    let options = tars::command::redact::Options { env: &env, obfuscate: args.iter().any(|a| a == "--obfuscate") };
    let mut out = std::io::stdout().lock();
    let counts = tars::command::redact::run(std::io::stdin().lock(), &mut out, options).unwrap_or_default();
    let _ = out.flush();
    if args.iter().any(|a| a == "--json") {
        let _ = writeln!(std::io::stderr(), "{}", serde_json::to_string(&counts).unwrap_or_default());
    }
}
