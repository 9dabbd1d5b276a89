//! A client that costs little: one kept connection, requests by hand, so that the portal is what is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::percentile;

/// One kept connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server does not listen");
        stream.set_nodelay(true).expect("a socket can be set up");
        Self { stream: BufReader::with_capacity(64 * 1024, stream) }
    }

    /// Posts a body; the status and how long the answer took.
    pub fn post(&mut self, token: &str, content_type: &str, body: &[u8]) -> (u16, Duration) {
        let began = Instant::now();
        let mut request = head(token, content_type, body.len());
        // One packet for small requests; large ones are not copied.
        if body.len() < 16 * 1024 {
            request.extend_from_slice(body);
            self.write(&request);
        } else {
            self.write(&request);
            self.write(body);
        }
        let (status, _) = self.answer();
        (status, began.elapsed())
    }

    /// Gets a path; the status and the body.
    pub fn get(&mut self, path: &str) -> (u16, Vec<u8>) {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes());
        self.answer()
    }

    /// Gets a path packed in this coding; the status and how many bytes the body has on the wire.
    pub fn get_packed(&mut self, path: &str, coding: &str) -> (u16, usize) {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: bench\r\naccept-encoding: {coding}\r\n\r\n").as_bytes());
        let (status, body) = self.answer();
        (status, body.len())
    }

    /// Asks for a stream of events and leaves it open.
    pub fn listen(mut self, path: &str) -> Messages {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes());
        let (status, _) = self.head();
        assert_eq!(status, 200, "{path} cannot be followed");
        Messages { stream: self.stream }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server takes the request");
    }

    /// The status, and the length of the body where it was said.
    fn head(&mut self) -> (u16, Option<usize>) {
        let (mut status, mut length) = (0, None);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("the server answers");
            let line = line.trim_end();
            if line.is_empty() {
                return (status, length);
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().expect("a status is a number");
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
    }

    fn answer(&mut self) -> (u16, Vec<u8>) {
        let (status, length) = self.head();
        let mut body = Vec::new();
        match length {
            Some(length) => {
                body.resize(length, 0);
                self.stream.read_exact(&mut body).expect("the body is whole");
            }
            None => {
                while let Some(chunk) = read_chunk(&mut self.stream) {
                    body.extend(chunk);
                }
            }
        }
        (status, body)
    }
}

fn head(token: &str, content_type: &str, length: usize) -> Vec<u8> {
    format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes()
}

/// Posts each of these events by itself, over some connections at a time: how many a second, and the 99th percentile
/// of one answer in ms. All connections are served by one thread: with one each, their waking would take the machine
/// from what is measured.
///
/// # Panics
/// When one is not accepted.
pub fn one_by_one(address: SocketAddr, token: &str, connections: usize, bodies: &[Vec<u8>]) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let began = Instant::now();
    let mut took: Vec<Duration> = runtime.block_on(async {
        let shares = bodies.chunks(bodies.len().div_ceil(connections));
        let clients = shares.map(|mine| post_in_turn(address, token, mine));
        futures_util::future::join_all(clients).await.into_iter().flatten().collect()
    });
    (bodies.len() as f64 / began.elapsed().as_secs_f64(), percentile(&mut took, 0.99))
}

async fn post_in_turn(address: SocketAddr, token: &str, bodies: &[Vec<u8>]) -> Vec<Duration> {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("the server does not listen");
    stream.set_nodelay(true).expect("a socket can be set up");
    let (mut took, mut answer) = (Vec::with_capacity(bodies.len()), Vec::new());
    for body in bodies {
        let began = Instant::now();
        let request = [head(token, "application/json", body.len()), body.clone()].concat();
        stream.write_all(&request).await.expect("the server takes the request");
        answer.clear();
        while !is_whole(&answer) {
            let read = stream.read_buf(&mut answer).await.expect("the server answers");
            assert!(read > 0, "the server hung up");
        }
        took.push(began.elapsed());
        assert!(answer.starts_with(b"HTTP/1.1 202"), "an event was refused");
    }
    took
}

/// Whether an answer is all there: its head, and as much of a body as that says.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    answer.len() >= end + 4 + length.unwrap_or(0usize)
}

/// The next chunk of a chunked body; none at its end.
fn read_chunk(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut size = String::new();
    stream.read_line(&mut size).expect("a chunk begins with its size");
    let size = usize::from_str_radix(size.trim(), 16).expect("a size is a number");
    let mut chunk = vec![0; size + 2];
    stream.read_exact(&mut chunk).expect("a chunk is whole");
    chunk.truncate(size);
    (size > 0).then_some(chunk)
}

/// A stream of server-sent events.
pub struct Messages {
    stream: BufReader<TcpStream>,
}

impl Messages {
    /// The next message; waits for it.
    pub fn next_message(&mut self) -> String {
        let mut message = String::new();
        while !message.ends_with("\n\n") {
            let chunk = read_chunk(&mut self.stream).expect("the stream goes on");
            message.push_str(&String::from_utf8_lossy(&chunk));
        }
        message
    }
}
