//! Many browsers on one page: what each update costs when two thousand follow one workflow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::portal::Portal;
use crate::table::{Goal, Table};

/// How many follow.
const BROWSERS: usize = 2_000;
/// For how long, at one update a second.
const UPDATES: usize = 20;

/// Memory, processor time and pictures drawn while they all follow.
pub fn measure(table: &mut Table) {
    let portal = Portal::start();
    portal.fill("order-to-erp", 10_000);
    let messages = Arc::new(AtomicUsize::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (address, counted) = (portal.address(), messages.clone());
    let (connected, all_there) = std::sync::mpsc::channel();
    thread::spawn(move || {
        runtime.block_on(async {
            for _ in 0..BROWSERS {
                let stream = TcpStream::connect(address).await.expect("the portal takes another browser");
                tokio::spawn(follow(stream, counted.clone()));
            }
            connected.send(()).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    all_there.recv().expect("all have connected");
    wait_for(|| messages.load(Ordering::Relaxed) >= BROWSERS, "the first picture");
    let drawn = |portal: &Portal| portal.metric("watchbook_pictures_drawn_total");
    let (drawn_before, busy_before, began) = (drawn(&portal), portal.processor_time(), Instant::now());
    for n in 0..UPDATES {
        let before = messages.load(Ordering::Relaxed);
        let body =
            format!(r#"{{"workflow":"order-to-erp","run":"crowd-{n}","step":"receive-order","state":"running"}}"#);
        assert_eq!(portal.connect().post(&portal.token, "application/json", body.as_bytes()).0, 202);
        wait_for(|| messages.load(Ordering::Relaxed) >= before + BROWSERS, "an update");
        thread::sleep(Duration::from_secs(n as u64 + 1).saturating_sub(began.elapsed()));
    }
    let took = began.elapsed().as_secs_f64();
    let busy = (portal.processor_time() - busy_before).as_secs_f64() / took * 100.0;
    let updates = UPDATES as f64;
    table.row(
        "2,000 browsers on one page: pictures drawn an update",
        (drawn(&portal) - drawn_before) / updates,
        "x",
        Goal::AtMost(1.1),
    );
    table.row("2,000 browsers on one page: of one core", busy, "%", Goal::AtMost(20.0));
    table.row("2,000 browsers on one page: memory at most", portal.peak_memory(), "MB", Goal::AtMost(200.0));
    table.row("2,000 browsers on one page: updates a second", updates / took, "a second", Goal::AtLeast(0.9));
}

/// Follows the workflow's stream for ever and counts its messages.
async fn follow(mut stream: TcpStream, messages: Arc<AtomicUsize>) {
    let request = "GET /live?topics=workflow:order-to-erp HTTP/1.1\r\nhost: bench\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("the request is taken");
    let mut buffer = vec![0; 64 * 1024];
    let mut last = 0u8;
    loop {
        let read = stream.read(&mut buffer).await.expect("the stream goes on");
        if read == 0 {
            // The portal has stopped; before that, the messages that are missing would be noticed.
            return;
        }
        for byte in &buffer[..read] {
            // A message ends with an empty line; nothing else in a stream has two line feeds in a row.
            if *byte == b'\n' && last == b'\n' {
                messages.fetch_add(1, Ordering::Relaxed);
            }
            last = *byte;
        }
    }
}

fn wait_for(done: impl Fn() -> bool, what: &str) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} never came");
        thread::sleep(Duration::from_millis(2));
    }
}
