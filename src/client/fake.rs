//! A scripted TCP server for the clients' tests: each connection plays the next script, the last one for good.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One step of a connection's script; after the last the connection is closed.
#[derive(Clone)]
pub enum Step {
    Say(String),
    Wait(Duration),
    Hang,
}

/// A running fake; it ends when it is dropped.
pub struct Fake {
    pub place: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Fake {
    pub async fn new(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let task = tokio::spawn(accept(listener, scripts, Arc::clone(&requests)));
        Self { place, requests, task }
    }

    /// Everything asked so far, heads and bodies.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A complete answer.
pub fn http(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// The head of an answer of unknown length; [`chunk`]s follow, [`END`] ends it properly.
pub const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
pub const END: &str = "0\r\n\r\n";

/// One line of NDJSON as one chunk.
pub fn chunk(line: &str) -> String {
    format!("{:x}\r\n{line}\n\r\n", line.len() + 1)
}

async fn accept(listener: TcpListener, scripts: Vec<Vec<Step>>, requests: Arc<Mutex<Vec<String>>>) {
    let mut number = 0;
    while let Ok((socket, _)) = listener.accept().await {
        let script = scripts.get(number).or(scripts.last()).cloned().unwrap_or_default();
        number += 1;
        tokio::spawn(play(socket, script, Arc::clone(&requests)));
    }
}

async fn play(mut socket: TcpStream, script: Vec<Step>, requests: Arc<Mutex<Vec<String>>>) {
    let request = read_request(&mut socket).await;
    requests.lock().unwrap().push(request);
    for step in script {
        match step {
            Step::Say(text) => socket.write_all(text.as_bytes()).await.unwrap_or_default(),
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Hang => std::future::pending().await,
        }
    }
}

// Head and body are read to the end: closing with unread data would reset the connection.
async fn read_request(socket: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match socket.read(&mut buffer).await {
            Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
            _ => return text,
        }
    }
}
