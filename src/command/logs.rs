//! `tars logs`: the services' logs, each line with its service and, unless `--raw`, without secrets.

use crate::context::Context;
use crate::docker::{Container, LogRange};
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::lifecycle;
use crate::ui::{Page, Reader, Report};
use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

/// Flags of `tars logs`.
#[derive(Debug, clap::Args)]
pub struct LogsArgs {
    /// Only this service (ollama, chromadb, postgres, redis, backend)
    pub service: Option<String>,
    /// At most this many of the last lines of each service
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub tail: u32,
    /// Only what came since: 90s, 15m, 2h, 1d, or a time as 2026-11-21T08:00:00Z
    #[arg(long, value_name = "T", value_parser = super::since::since)]
    pub since: Option<i32>,
    /// Go on as lines come
    #[arg(long, short = 'f')]
    pub follow: bool,
    /// As the services wrote it, secrets included
    #[arg(long)]
    pub raw: bool,
}

/// The lines were the output; with `--json` they are in the report.
#[derive(Debug, Default)]
struct Logs {
    lines: Vec<Value>,
    raw: bool,
}

impl Report for Logs {
    fn render(&self, _page: &mut Page) {}

    fn data(&self) -> Value {
        json!({ "lines": self.lines })
    }

    fn data_is_raw(&self) -> bool {
        self.raw
    }
}

/// Runs the verb.
///
/// # Errors
/// Exit 64 for an unknown service or `--json --follow`, 69 when the stack has no containers.
pub async fn run(context: &mut Context, args: &LogsArgs) -> Result<Box<dyn Report>> {
    let json = context.ui.options().json;
    if json && args.follow {
        return Err(Failure::new(Exit::Usage, "--json prints one document and --follow never ends")
            .hint("leave one of the two out")
            .into());
    }
    let containers = wanted(context, args.service.as_deref()).await?;
    context.learn_from(&containers);
    let context = &*context;
    let width = containers.iter().map(|container| container.service().len()).max().unwrap_or(0);
    let range =
        LogRange { tail: Some(args.tail), since: args.since.unwrap_or(0), follow: args.follow, timestamps: true };
    let docker = context.docker()?;
    let streams = containers.iter().map(|container| {
        let service = container.service().to_owned();
        docker.logs(&container.id, range).map(move |line| line.map(|bytes| (service.clone(), bytes))).boxed()
    });
    let mut lines = Vec::new();
    if args.follow {
        let mut merged = stream::select_all(streams);
        while let Some((service, bytes)) = merged.try_next().await? {
            for line in entries(&service, &bytes) {
                if print(context, args, width, &line)? == Reader::Gone {
                    return Ok(Box::new(Logs::default()));
                }
            }
        }
    } else {
        for mut stream in streams {
            while let Some((service, bytes)) = stream.try_next().await? {
                lines.extend(entries(&service, &bytes));
            }
        }
        // Every line begins with its time: sorted by it, the services' logs read as one story.
        lines.sort_by(|a, b| a.time.cmp(&b.time));
    }
    if json {
        let clean = |line: Line| json!({ "service": line.service, "time": line.time, "text": shown(context, args, &line.text) });
        return Ok(Box::new(Logs { lines: lines.into_iter().map(clean).collect(), raw: args.raw }));
    }
    for line in &lines {
        if print(context, args, width, line)? == Reader::Gone {
            break;
        }
    }
    Ok(Box::new(Logs::default()))
}

/// One line of a service's log.
struct Line {
    service: String,
    time: String,
    text: String,
}

fn entries(service: &str, bytes: &[u8]) -> Vec<Line> {
    let text = String::from_utf8_lossy(bytes);
    let line = |line: &str| {
        let (time, text) = line.split_once(' ').unwrap_or(("", line));
        Line { service: service.to_owned(), time: time.to_owned(), text: text.trim_end_matches('\r').to_owned() }
    };
    text.lines().map(line).collect()
}

fn print(context: &Context, args: &LogsArgs, width: usize, line: &Line) -> Result<Reader> {
    let time = line.time.get(..19).unwrap_or(&line.time);
    let text = shown(context, args, &line.text);
    Ok(context.ui.raw(format!("{:width$} | {time} {text}\n", line.service).as_bytes())?)
}

fn shown(context: &Context, args: &LogsArgs, text: &str) -> String {
    if args.raw { text.to_owned() } else { context.redactor.text(text).into_owned() }
}

async fn wanted(context: &Context, service: Option<&str>) -> Result<Vec<Container>> {
    if let Some(name) = service.filter(|name| crate::stack::service::named(name).is_none()) {
        let known: Vec<_> = crate::stack::service::ALL.iter().map(|service| service.name).collect();
        return Err(Failure::new(Exit::Usage, format!("there is no service {name}"))
            .hint(format!("one of: {}", known.join(", ")))
            .into());
    }
    let mut containers = lifecycle::containers(context.docker()?, &context.stack).await?;
    containers.retain(|container| service.is_none_or(|name| container.service() == name));
    if containers.is_empty() {
        return Err(Failure::new(Exit::Unavailable, "the stack has no such container")
            .hint("tars status says what runs; tars start starts it")
            .into());
    }
    Ok(containers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_into_time_and_text() {
        let lines = entries("redis", b"2026-11-21T08:00:00.1Z hello there\n");
        assert_eq!((lines[0].time.as_str(), lines[0].text.as_str()), ("2026-11-21T08:00:00.1Z", "hello there"));
    }
}
