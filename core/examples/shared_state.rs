//! Two services over one state: numbers that are sent to the first are added up, and the second tells the sum.
//!
//! Run it, and talk to it in a second terminal:
//!
//! ```console
//! $ cargo run -p ropewalk-core --example shared_state
//! $ printf '3\r\n4\r\n' | nc localhost 7001
//! $ nc localhost 7002
//! ```
//!
//! Expected output:
//!
//! ```text
//! 3
//! 7
//! the sum is 7
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use ropewalk_core::Result;
use ropewalk_core::app::{Application, Context, Member, Server, drive};
use ropewalk_core::net::Connection;
use ropewalk_core::sansio::{Lines, Machine, Output};
use ropewalk_core::telemetry::{self, LogOptions};
use tokio::io::AsyncWriteExt as _;

const IDLE: Duration = Duration::from_secs(60);

/// One conversation with who adds: a number a line in, the sum a line out.
struct Adding {
    lines: Lines,
    out: VecDeque<Output<i64>>,
    until: Instant,
}

impl Adding {
    fn new(now: Instant) -> Self {
        Self { lines: Lines::new(32).accept_lone_lf(), out: VecDeque::new(), until: now + IDLE }
    }

    fn say(&mut self, text: &str) {
        self.out.push_back(Output::Send([text, "\r\n"].concat().into()));
    }
}

impl Machine for Adding {
    /// A number to add.
    type Event = i64;
    /// The sum.
    type Answer = i64;

    fn receive(&mut self, now: Instant, input: &mut BytesMut) {
        let line = match self.lines.next(input) {
            Ok(None) => return,
            Ok(Some(line)) => String::from_utf8_lossy(&line).into_owned(),
            Err(error) => error.to_string(),
        };
        match line.trim().parse() {
            Ok(number) => self.out.push_back(Output::Event(number)),
            Err(_) => self.say("? send a number"),
        }
        self.until = now + IDLE;
    }

    fn answer(&mut self, _: Instant, sum: i64) {
        self.say(&sum.to_string());
    }

    fn finished(&mut self, _: Instant) {
        self.out.push_back(Output::Close);
    }

    fn elapsed(&mut self, _: Instant) {
        self.out.push_back(Output::Close);
    }

    fn stop(&mut self) {
        self.out.push_back(Output::Close);
    }

    fn poll(&mut self) -> Output<i64> {
        self.out.pop_front().unwrap_or(Output::Wait { until: self.until, read: true })
    }
}

async fn add(conn: Connection, cx: Context, sum: Arc<AtomicI64>) -> Result<()> {
    let mut answer = |number| {
        let sum = sum.fetch_add(number, Ordering::Relaxed).wrapping_add(number);
        async move { Ok(sum) }
    };
    drive(conn, &mut Adding::new(Instant::now()), &mut answer, &cx).await
}

async fn show(mut conn: Connection, sum: Arc<AtomicI64>) -> Result<()> {
    let line = format!("the sum is {}\r\n", sum.load(Ordering::Relaxed));
    conn.write_all(line.as_bytes()).await?;
    conn.shutdown().await?;
    Ok(())
}

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let mut at = std::env::args().skip(1);
    let adding = at.next().unwrap_or("tcp:7001:interface=localhost".into()).parse()?;
    let showing = at.next().unwrap_or("tcp:7002:interface=localhost".into()).parse()?;

    let sum = Arc::new(AtomicI64::new(0));
    let writer = Arc::clone(&sum);
    let adder = Server::new("add", move |conn, cx| add(conn, cx, Arc::clone(&writer)));
    let shower = Server::new("show", move |conn, _| show(conn, Arc::clone(&sum)));
    let members = vec![
        Member::new("add", adder.listen(adding).client_first()),
        Member::new("show", shower.listen(showing)),
    ];
    Application::new(members).run()
}
