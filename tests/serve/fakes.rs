//! Stores as small as they can be: enough of each protocol to be asked whether it is well, or to fail.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A fake on a port of its own.
pub struct Fake {
    pub port: u16,
    pub connections: Arc<AtomicUsize>,
}

async fn fake<F: Future<Output = ()> + Send + 'static>(play: fn(TcpStream) -> F) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(play(socket));
        }
    });
    Fake { port, connections }
}

/// Accepts and never says a word.
pub async fn hanging() -> Fake {
    fake(|socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await
}

/// A port where nobody listens.
pub fn closed() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Logs anybody in and answers every query with nothing.
pub async fn postgres() -> Fake {
    fake(|socket| postgres_session(socket, false)).await
}

/// Closes the connection once it was asked whether it is well, as a restarted server does.
pub async fn postgres_that_forgets() -> Fake {
    fake(|socket| postgres_session(socket, true)).await
}

/// Refuses every log-in and quotes the password it was told in the configuration of these tests.
pub async fn postgres_that_refuses() -> Fake {
    fake(|mut socket| async move {
        read(&mut socket).await;
        let fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword geheim-pg authentication failed for user \"tars\"\0\0";
        let mut message = vec![b'E'];
        message.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
        message.extend(fields);
        write(&mut socket, &message).await;
    })
    .await
}

async fn postgres_session(mut socket: TcpStream, forgets: bool) {
    const READY: &[u8] = b"Z\0\0\0\x05I";
    read(&mut socket).await;
    write(&mut socket, &[b"R\0\0\0\x08\0\0\0\0".as_slice(), READY].concat()).await;
    loop {
        let asked = read(&mut socket).await;
        if asked.is_empty() {
            return;
        }
        write(&mut socket, &[b"C\0\0\0\x0dSELECT 1\0".as_slice(), READY].concat()).await;
        if forgets && asked.contains("select 1\0") {
            return;
        }
    }
}

/// Answers `PONG` to those who gave the password of these tests.
pub async fn redis() -> Fake {
    fake(|mut socket| async move {
        loop {
            let asked = read(&mut socket).await;
            let answer: &[u8] = match asked.as_str() {
                "" => return,
                text if text.contains("AUTH") && !text.contains("geheim-redis") => {
                    b"-WRONGPASS invalid username-password pair\r\n"
                }
                text if text.contains("AUTH") => b"+OK\r\n",
                _ => b"+PONG\r\n",
            };
            write(&mut socket, answer).await;
        }
    })
    .await
}

/// Answers the heartbeat and, for Ollama, version and tags.
pub async fn http() -> Fake {
    fake(|mut socket| async move {
        let asked = read(&mut socket).await;
        let body = match asked.split_whitespace().nth(1).unwrap_or_default() {
            "/api/v2/heartbeat" => r#"{"nanosecond heartbeat":1}"#,
            "/api/version" => r#"{"version":"0.32.15"}"#,
            "/api/tags" => r#"{"models":[{"name":"llama3.2:latest"}]}"#,
            _ => "{}",
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        write(&mut socket, format!("{head}{body}").as_bytes()).await;
    })
    .await
}

async fn read(socket: &mut TcpStream) -> String {
    let mut buffer = [0; 4096];
    let count = socket.read(&mut buffer).await.unwrap_or(0);
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

async fn write(socket: &mut TcpStream, bytes: &[u8]) {
    let _ = socket.write_all(bytes).await;
}
