//! A document from its upload to a cited answer, and gone again: each step as a user takes it.

use super::Check;
use super::bench::Bench;
use super::outcome::{Outcome, Said};
use crate::client::raw::{Ask, Told};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Nobody else's document has such words, and no model knows the answer by itself.
const FACT: &str = "48213";
/// A question that the document does not answer.
const ELSEWHERE: &str = "Who won the chess championship of Reykjavik?";
/// The index may just be starting, or waiting for its next try.
const INDEXED_WITHIN: Duration = Duration::from_secs(40);

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "rag.upload",
        title: "a document that is sent is read",
        hint: "see why: tars logs backend; how much room there is: df -h",
        ask: |bench| Box::pin(upload(bench)),
    },
    Check {
        id: "rag.index",
        title: "a document gets its vectors",
        hint: "see why: tars reindex says how far the index is, tars logs backend what is in its way",
        ask: |bench| Box::pin(index(bench)),
    },
    Check {
        id: "rag.search",
        title: "a search finds the document",
        hint: "see why: tars logs backend",
        ask: |bench| Box::pin(search(bench)),
    },
    Check {
        id: "rag.answer",
        title: "a question gets the known answer with the right source",
        hint: "if the model cannot quote a source, use a larger one: tars model use NAME; else: tars logs backend",
        ask: |bench| Box::pin(answer(bench)),
    },
    Check {
        id: "rag.nothing",
        title: "a question that the documents do not answer finds nothing",
        hint: "the embedding model cannot tell texts apart: choose another one, then tars reindex",
        ask: |bench| Box::pin(nothing(bench)),
    },
    Check {
        id: "rag.stream",
        title: "an answer comes as a stream: sources, words, end",
        hint: "if a proxy stands before the API, it must not hold streams back; else: tars logs backend",
        ask: |bench| Box::pin(stream(bench)),
    },
    Check {
        id: "rag.delete",
        title: "a deleted document is found no more",
        hint: "see why: tars logs backend",
        ask: |bench| Box::pin(delete(bench)),
    },
];

/// The last one, after all suites: whatever they made is gone.
pub(super) const CLEAN: Check = Check {
    id: "rag.clean",
    title: "nothing of the validation is left",
    hint: "the next validation sweeps what is left after an hour; see why: tars logs backend",
    ask: |bench| Box::pin(clean(bench)),
};

fn text(mark: &str) -> String {
    format!(
        "# Boiler house {mark}\n\nThe blue valve of the boiler house {mark} has the code {FACT}. The red valve is locked in \
         winter.\n"
    )
}

fn question(bench: &Bench<'_>) -> String {
    format!("Which code has the blue valve of the boiler house {}?", bench.mark)
}

async fn upload(bench: &mut Bench<'_>) -> Said {
    let (id, _) = send(bench).await?;
    bench.document = Some(id);
    Ok(Outcome::pass("a page with a known fact was sent and read"))
}

/// Sends the page; the same one again only says how it is.
async fn send(bench: &Bench<'_>) -> Result<(String, bool), Outcome> {
    let ask = Ask::upload("/rag/documents", &bench.file_name("facts.md"), &text(&bench.mark));
    let told = bench.ask_long(&ask.by(&bench.pass()?.token)).await?;
    let body = expect(&told, &[201], "the upload")?;
    let id = body["document_id"].as_str().ok_or_else(|| Outcome::fail("the upload has no document_id"))?;
    Ok((id.to_owned(), body["embedded"] == true))
}

/// What every later check needs.
fn document(bench: &Bench<'_>) -> Result<String, Outcome> {
    bench.document.clone().ok_or_else(|| Outcome::follows("rag.upload", "there is no document"))
}

async fn index(bench: &mut Bench<'_>) -> Said {
    document(bench)?;
    if !bench.has_llm() {
        return Ok(Outcome::skip("no language model was chosen (TARS_LLM=none): documents have no vectors"));
    }
    let begun = Instant::now();
    let (mut first, mut last) = (None, Value::Null);
    while begun.elapsed() < INDEXED_WITHIN {
        // An upload wakes the index, and waits for its own vectors.
        if send(bench).await?.1 {
            return Ok(Outcome::pass("its vectors are there"));
        }
        let told = bench.ask(&Ask::get("/rag/index").by(&bench.pass()?.token)).await?;
        last = expect(&told, &[200], "GET /rag/index")?;
        first.get_or_insert_with(|| last["progress"]["done"].as_i64());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let problems: Vec<_> = last["problems"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !problems.is_empty() {
        return Err(Outcome::follows("deployment.embedding", problems.join("; ")));
    }
    let (done, total) = (last["progress"]["done"].as_i64(), last["progress"]["total"].as_i64());
    if done > first.flatten() {
        let words =
            format!("{} of {} pieces have their vectors, this page waits for its turn", said(done), said(total));
        return Ok(Outcome::warn(words).hint("wait until GET /rag/index says that all are done"));
    }
    let waited = INDEXED_WITHIN.as_secs();
    Err(Outcome::fail(format!("no vectors after {waited} s: {} of {} pieces have theirs", said(done), said(total))))
}

fn said(number: Option<i64>) -> String {
    number.map_or_else(|| "?".to_owned(), |number| number.to_string())
}

async fn search(bench: &mut Bench<'_>) -> Said {
    let document = document(bench)?;
    let body = json!({ "query": question(bench), "top_k": 10 });
    let told = bench.ask_long(&Ask::json("/rag/search", &body).by(&bench.pass()?.token)).await?;
    let found = expect(&told, &[200], "the search")?;
    let results = found["results"].as_array().cloned().unwrap_or_default();
    let place = results.iter().position(|hit| hit["document_id"] == document.as_str());
    let Some(place) = place else {
        return Err(Outcome::fail(format!("the document is not among the {} passages that were found", results.len())));
    };
    if bench.has_llm() && found["mode"] != "hybrid" {
        let why = found["notice"].as_str().unwrap_or("no reason was given").to_owned();
        return Err(Outcome::follows("rag.index", format!("the search went by words only: {why}")));
    }
    let mode = found["mode"].as_str().unwrap_or_default();
    Ok(Outcome::pass(format!("found in place {}, {mode}, {} ms", place + 1, told.took.as_millis())))
}

async fn answer(bench: &mut Bench<'_>) -> Said {
    let document = document(bench)?;
    let told = bench.ask_long(&Ask::json("/rag/query", &asked(bench, &document)).by(&bench.pass()?.token)).await?;
    let answer = expect(&told, &[200], "the question")?;
    judge(bench, &answer)?;
    let sources = answer["sources"].as_array().cloned().unwrap_or_default();
    if sources.first().is_none_or(|source| source["document_id"] != document.as_str()) {
        return Err(Outcome::fail("the answer does not name the document as its first source"));
    }
    Ok(Outcome::pass(format!("the known answer with its source, {} ms", told.took.as_millis())))
}

/// The known question, of this document alone: what else is indexed does not decide the verdict.
fn asked(bench: &Bench<'_>, document: &str) -> Value {
    json!({ "query": question(bench), "document_ids": [document], "keep": false })
}

fn judge(bench: &Bench<'_>, answer: &Value) -> Result<(), Outcome> {
    if bench.has_llm() && answer["mode"] != "full" {
        let why = answer["notice"].as_str().unwrap_or("no reason was given").to_owned();
        return Err(Outcome::follows("deployment.chat", format!("no model wrote the answer: {why}")));
    }
    if answer["supported"] != true {
        return Err(Outcome::fail("the answer says that the documents do not hold it, and they do"));
    }
    if !answer["answer"].as_str().unwrap_or_default().contains(FACT) {
        return Err(Outcome::fail("the answer does not hold the fact that the document states"));
    }
    Ok(())
}

async fn nothing(bench: &mut Bench<'_>) -> Said {
    let document = document(bench)?;
    let body = json!({ "query": ELSEWHERE, "document_ids": [document], "keep": false });
    let told = bench.ask_long(&Ask::json("/rag/query", &body).by(&bench.pass()?.token)).await?;
    let answer = expect(&told, &[200], "the question")?;
    if answer["supported"] != false || answer["sources"].as_array().is_none_or(|sources| !sources.is_empty()) {
        return Err(Outcome::fail("a question about something else was answered as if the document held it"));
    }
    Ok(Outcome::pass("it says that the documents do not hold it, and names no source"))
}

async fn stream(bench: &mut Bench<'_>) -> Said {
    let document = document(bench)?;
    let ask = Ask::json("/rag/query/stream", &asked(bench, &document)).by(&bench.pass()?.token);
    let told = bench.ask_long(&ask).await?;
    if told.status != 200 {
        expect(&told, &[200], "the stream")?;
    }
    let text = told.text();
    let events: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event:")).map(str::trim).collect();
    let mut order = events.clone();
    order.dedup();
    if order.last() == Some(&"rag_error") && bench.failed("rag.answer") {
        return Err(Outcome::follows("rag.answer", "the model fails in the middle"));
    }
    if order != ["rag_sources", "rag_token", "rag_complete"] {
        return Err(Outcome::fail(format!("the stream came as: {}", order.join(", "))));
    }
    let last = text.lines().filter_map(|line| line.strip_prefix("data:")).next_back().unwrap_or_default();
    let complete: Value = serde_json::from_str(last.trim()).map_err(anyhow::Error::from)?;
    judge(bench, &complete).map_err(|outcome| {
        let same = bench.failed("rag.answer");
        if same { Outcome::follows("rag.answer", "the answer is the same") } else { outcome }
    })?;
    Ok(Outcome::pass(format!("{} events, {} ms", events.len(), told.took.as_millis())))
}

async fn delete(bench: &mut Bench<'_>) -> Said {
    let document = document(bench)?;
    let token = bench.pass()?.token.clone();
    let told = bench.ask(&Ask::new("DELETE", format!("/rag/documents/{document}")).by(&token)).await?;
    if told.status != 204 {
        return Err(Outcome::fail(format!("deleting answers HTTP {}", told.status)));
    }
    let body = json!({ "query": question(bench), "top_k": 10 });
    let told = bench.ask_long(&Ask::json("/rag/search", &body).by(&token)).await?;
    let found = expect(&told, &[200], "the search")?;
    let hits = found["results"].as_array().into_iter().flatten();
    if hits.into_iter().any(|hit| hit["document_id"] == document.as_str()) {
        return Err(Outcome::fail("the deleted document is still found"));
    }
    Ok(Outcome::pass("found no more"))
}

/// Removes everything and looks whether it is gone.
pub(super) async fn clean(bench: &mut Bench<'_>) -> Said {
    match bench.end().await {
        None => Ok(Outcome::skip("nothing was made")),
        Some(Err(error)) => {
            let words = format!("what the validation made cannot be removed: {error:#}");
            let stores = ["deployment.containers", "deployment.postgres", "deployment.chroma"];
            let cause = stores.into_iter().find(|id| bench.failed(id));
            Err(cause.map_or_else(|| Outcome::fail(words.clone()), |cause| Outcome::follows(cause, words.clone())))
        }
        Some(Ok(left)) => match left.words() {
            None => Ok(Outcome::pass("user, document, vectors and files are gone")),
            Some(words) => Err(Outcome::fail(format!("left behind: {words}"))),
        },
    }
}

/// The answer as JSON, if it has one of these codes.
fn expect(told: &Told, codes: &[u16], what: &str) -> Result<Value, Outcome> {
    let body: Value = told.json().unwrap_or_default();
    if codes.contains(&told.status) {
        return Ok(body);
    }
    let detail = body["detail"].as_str().unwrap_or("without a reason");
    Err(Outcome::fail(format!("{what} answers HTTP {}: {detail}", told.status)))
}
