//! Programs of the machine, asked under a deadline and in bounded memory. One that is not there is a sentence.

use crate::operate::child::Group;
use crate::operate::program;
use anyhow::{Context, Result, bail};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Shorter than a collector's own deadline, so that a tool that hangs is named.
const WITHIN: Duration = Duration::from_millis(3_500);
/// The most that is read of what one prints.
const BYTES_MAX: u64 = 1 << 20;

/// What a program prints; what it complains of stands behind that.
///
/// # Errors
/// When it is not installed, gives no answer in time, or fails without printing anything.
pub(super) async fn ask(name: &str, args: &[&str]) -> Result<String> {
    let path = program::here(name).with_context(|| format!("{name} is not installed"))?;
    let mut command = Command::new(path);
    command.args(args).env("LC_ALL", "C.UTF-8").env("SYSTEMD_COLORS", "0").process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("could not run {name}"))?;
    let group = Group::of(&child);
    let (stdout, stderr) = (child.stdout.take().context("no stdout")?, child.stderr.take().context("no stderr")?);
    let ran = async {
        let (said, complained) = tokio::join!(read(stdout), read(stderr));
        (said, complained, child.wait().await)
    };
    let (said, complained, status) = tokio::time::timeout(WITHIN, ran)
        .await
        .with_context(|| format!("{name} gave no answer within {} s", WITHIN.as_secs_f32()))?;
    group.ended();
    let status = status.with_context(|| format!("could not wait for {name}"))?;
    let complained = complained.trim();
    if status.success() || !said.trim().is_empty() {
        let end = if complained.is_empty() { String::new() } else { format!("\n({name}: {complained})") };
        return Ok(format!("{}{end}", said.trim_end()));
    }
    bail!("{name} {}: {}", args.join(" "), if complained.is_empty() { "failed" } else { complained })
}

/// The beginning of what a stream brings; the rest is read and dropped, so that its writer comes to an end.
async fn read(mut from: impl AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    let ended = (&mut from).take(BYTES_MAX).read_to_end(&mut text).await;
    if ended.is_ok_and(|n| n as u64 == BYTES_MAX) {
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await.ok();
        text.extend_from_slice(b"\n(more was said than is shown)");
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_is_kept_and_what_fails_says_why() {
        assert_eq!(ask("sh", &["-c", "echo one; echo two >&2; exit 3"]).await.unwrap(), "one\n(sh: two)");
        let why = ask("sh", &["-c", "echo two >&2; exit 3"]).await.unwrap_err().to_string();
        assert!(why.ends_with(": two"), "{why}");
        assert!(ask("no-such-program", &[]).await.unwrap_err().to_string().contains("not installed"));
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut_and_a_silent_one_given_up() {
        let long = ask("sh", &["-c", "head -c 3000000 /dev/zero | tr '\\0' x"]).await.unwrap();
        assert!(long.len() < 1_100_000 && long.ends_with("than is shown)"));
        let begun = std::time::Instant::now();
        assert!(ask("tail", &["-f", "/dev/null"]).await.unwrap_err().to_string().contains("no answer"));
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
