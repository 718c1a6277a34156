//! The models of the stack's own Ollama, as its own program lists them; and whether what is loaded is on the GPU.

use crate::docker::{Container, Docker};
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// What Ollama has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// Names with their tags.
    pub there: Vec<String>,
    /// The models in memory now, and what they run on (`100% GPU`, `100% CPU`, `48%/52% CPU/GPU`); empty also where
    /// that was not asked.
    pub loaded: Vec<(String, String)>,
    /// What `nvidia-smi -L` says inside the container; `None` where that was not asked.
    pub cards: Option<Cards>,
}

/// What the container sees of the GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cards {
    /// So many.
    Seen(usize),
    /// None, and why.
    None(String),
}

/// Asks; with `gpu` also for what is loaded and what it runs on.
pub(super) async fn look(docker: &Docker, container: &Container, gpu: bool) -> Result<Models> {
    let there = list(docker, container, "list").await?;
    let there = there.iter().filter_map(|row| row.first().cloned()).collect();
    if !gpu {
        return Ok(Models { there, ..Models::default() });
    }
    let loaded = loaded(&list(docker, container, "ps").await?);
    let smi = docker.exec(&container.id, &["nvidia-smi", "-L"]).await?;
    let cards = match smi.stdout.lines().filter(|line| line.starts_with("GPU ")).count() {
        0 => Cards::None(format!("{} {}", smi.stdout.trim(), smi.stderr.trim()).trim().to_owned()),
        seen => Cards::Seen(seen),
    };
    Ok(Models { there, loaded, cards: Some(cards) })
}

async fn list(docker: &Docker, container: &Container, verb: &str) -> Result<Vec<Vec<String>>> {
    let output = docker.exec(&container.id, &["sh", "-c", &format!("timeout 4 ollama {verb}")]).await?;
    if !output.ok() {
        bail!("ollama {verb} ended with status {}: {}", output.code, output.stderr.trim());
    }
    Ok(table(&output.stdout))
}

/// Columns stand at least two blanks apart; the first line names them.
fn table(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        line.split("  ")
            .flat_map(|part| part.split('\t'))
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect()
    };
    text.lines().skip(1).map(cells).filter(|row: &Vec<String>| !row.is_empty()).collect()
}

fn loaded(rows: &[Vec<String>]) -> Vec<(String, String)> {
    let on = |row: &Vec<String>| row.iter().find(|cell| cell.contains('%')).cloned();
    rows.iter().filter_map(|row| Some((row.first()?.clone(), on(row)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_ollama_are_read() {
        let list = "NAME                       ID              SIZE      MODIFIED\nllama3.2:3b                a80c4f17acd5    2.0 GB    2 weeks ago\n\
                    nomic-embed-text:latest    0a109f422b47    274 MB    2 weeks ago\n";
        let names: Vec<_> = table(list).into_iter().map(|row| row[0].clone()).collect();
        assert_eq!(names, ["llama3.2:3b", "nomic-embed-text:latest"]);
        let ps = "NAME           ID              SIZE      PROCESSOR          CONTEXT    UNTIL\n\
                  llama3.2:3b    a80c4f17acd5    2.8 GB    48%/52% CPU/GPU    4096       4 minutes from now\n";
        assert_eq!(loaded(&table(ps)), [("llama3.2:3b".to_owned(), "48%/52% CPU/GPU".to_owned())]);
        assert!(loaded(&table("NAME    ID    SIZE    PROCESSOR    UNTIL\n")).is_empty());
    }
}
