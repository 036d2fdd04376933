use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{advance, sleep};

use super::*;
use crate::Fault;
use crate::net::Connection;
use crate::testkit::Log;

const SECOND: Duration = Duration::from_secs(1);

fn limit(error: io::Error) -> &'static str {
    let error = Error::from(error);
    assert_eq!(error.fault(), Fault::Limit);
    error.limit_name().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_meets_the_first_byte_deadline() {
    let (mut conn, _far) = Connection::pair();
    let start = Instant::now();
    conn.pace().first_byte(10 * SECOND);
    conn.pace().idle(60 * SECOND);
    assert_eq!(limit(conn.read_u8().await.unwrap_err()), "first_byte");
    assert_eq!(start.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_lifts_its_deadline() {
    let (mut conn, mut far) = Connection::pair();
    let start = Instant::now();
    conn.pace().first_byte(10 * SECOND);
    conn.pace().idle(60 * SECOND);
    far.write_all(b"x").await.unwrap();
    conn.read_u8().await.unwrap();
    assert_eq!(limit(conn.read_u8().await.unwrap_err()), "idle");
    assert_eq!(start.elapsed(), 60 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn bytes_in_either_direction_are_no_idleness() {
    let (mut conn, mut far) = Connection::pair();
    let start = Instant::now();
    conn.pace().idle(5 * SECOND);
    let talk = async {
        sleep(4 * SECOND).await;
        far.write_all(b"x").await.unwrap();
    };
    let (_, read) = tokio::join!(talk, conn.read_u8());
    read.unwrap();
    sleep(4 * SECOND).await;
    conn.write_all(b"y").await.unwrap();
    assert_eq!(limit(conn.read_u8().await.unwrap_err()), "idle");
    assert_eq!(start.elapsed(), 13 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn octets_sent_past_the_connection_are_no_idleness() {
    let (mut conn, _far) = Connection::pair();
    let start = Instant::now();
    conn.pace().idle(5 * SECOND);
    sleep(20 * SECOND).await;
    conn.sent_past(1);
    assert_eq!(limit(conn.read_u8().await.unwrap_err()), "idle");
    assert_eq!(start.elapsed(), 25 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_meets_the_write_deadline() {
    let (mut conn, _far) = Connection::pair();
    conn.pace().write(30 * SECOND);
    let much = vec![0; 1 << 20];
    let start = Instant::now();
    assert_eq!(limit(conn.write_all(&much).await.unwrap_err()), "write");
    assert_eq!(start.elapsed(), 30 * SECOND);
}

/// How long writing lasts to a peer that takes so many octets every 20 s, a hundred times.
async fn written_to_one_who_takes(octets: usize) -> Duration {
    let (mut conn, mut far) = Connection::pair();
    conn.pace().write(30 * SECOND);
    let much = vec![0; 4 << 20];
    let slow = async {
        let mut some = vec![0; octets];
        for _ in 0..100 {
            sleep(20 * SECOND).await;
            // It fails once the connection is gone.
            if far.read_exact(&mut some).await.is_err() {
                return;
            }
        }
    };
    let start = Instant::now();
    let write = async move {
        assert_eq!(limit(conn.write_all(&much).await.unwrap_err()), "write");
        start.elapsed()
    };
    tokio::join!(slow, write).1
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_few_bytes_now_and_then_meets_the_write_deadline_too() {
    // An octet earns 2 ms, and 1000 octets two seconds.
    assert_eq!(written_to_one_who_takes(1).await, 30 * SECOND + Duration::from_millis(2));
    assert_eq!(written_to_one_who_takes(1000).await, 32 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_slow_peer_that_goes_on_taking_is_waited_for() {
    assert_eq!(written_to_one_who_takes(10_000).await, 100 * 20 * SECOND + 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_end_comes_though_bytes_flow() {
    let (mut conn, mut far) = Connection::pair();
    conn.pace().end(60 * SECOND);
    far.write_all(&[0; 100]).await.unwrap();
    conn.read_u8().await.unwrap();
    advance(61 * SECOND).await;
    assert_eq!(limit(conn.read_u8().await.unwrap_err()), "connection");
    assert_eq!(limit(conn.write_all(b"x").await.unwrap_err()), "connection");
}

#[tokio::test(start_paused = true)]
async fn the_end_comes_while_a_rate_is_waited_for() {
    let (mut conn, mut far) = Connection::pair();
    conn.pace().rate(1);
    conn.pace().end(10 * SECOND);
    far.write_all(&[0; 100]).await.unwrap();
    let start = Instant::now();
    let mut all = Vec::new();
    assert_eq!(limit(conn.read_to_end(&mut all).await.unwrap_err()), "connection");
    assert_eq!(start.elapsed(), 10 * SECOND);
    assert!((10..=12).contains(&all.len()), "{}", all.len());
}

#[tokio::test(start_paused = true)]
async fn a_lifted_limit_never_comes() {
    let (mut conn, mut far) = Connection::pair();
    let pace = conn.pace();
    pace.first_byte(Duration::MAX);
    pace.idle(Duration::MAX);
    pace.end(Duration::MAX);
    pace.write(Duration::MAX);
    let late = async {
        sleep(1_000_000 * SECOND).await;
        far.write_all(b"x").await.unwrap();
    };
    let (_, read) = tokio::join!(late, conn.read_u8());
    read.unwrap();
}

#[tokio::test(start_paused = true)]
async fn both_directions_keep_the_rate() {
    let (mut conn, mut far) = Connection::pair();
    conn.pace().rate(1000);
    far.write_all(&[7; 5000]).await.unwrap();
    let start = Instant::now();
    let mut bytes = [0; 5000];
    conn.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, [7; 5000]);
    let took = start.elapsed();
    assert!((3 * SECOND..=4 * SECOND + SECOND / 10).contains(&took), "{took:?}");
    assert!(took > SECOND * 38 / 10, "no more than the burst comes early: {took:?}");
    let start = Instant::now();
    conn.write_all(&bytes).await.unwrap();
    let took = start.elapsed();
    assert!(took > SECOND * 38 / 10 && took < SECOND * 41 / 10, "{took:?}");
}

/// Whether it was read, and what.
type Entry = (bool, Vec<u8>);

#[derive(Clone, Default)]
struct Transcript(Arc<Mutex<Vec<Entry>>>);

impl Record for Transcript {
    fn read(&mut self, bytes: &[u8]) {
        self.0.lock().unwrap().push((true, bytes.into()));
    }

    fn written(&mut self, bytes: &[u8]) {
        self.0.lock().unwrap().push((false, bytes.into()));
    }
}

#[tokio::test]
async fn the_record_has_every_octet_in_order() {
    let (mut conn, mut far) = Connection::pair();
    let transcript = Transcript::default();
    conn.record(Box::new(transcript.clone()));
    far.write_all(b"ask").await.unwrap();
    conn.read_exact(&mut [0; 3]).await.unwrap();
    conn.write_all(b"answer").await.unwrap();
    let seen = transcript.0.lock().unwrap().clone();
    assert_eq!(seen, [(true, b"ask".to_vec()), (false, b"answer".to_vec())]);
}

#[tokio::test]
async fn the_record_has_what_was_taken_of_several_slices() {
    let (mut conn, _far) = Connection::pair();
    let transcript = Transcript::default();
    conn.record(Box::new(transcript.clone()));
    let slices = ["ab", "", "cde", "f"].map(|s| io::IoSlice::new(s.as_bytes()));
    assert_eq!(conn.write_vectored(&slices).await.unwrap(), 6);
    let whole: Vec<u8> = transcript.0.lock().unwrap().iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(whole, b"abcdef");
    // The system may take a part of them.
    let transcript = Transcript::default();
    conn.record(Box::new(transcript.clone()));
    conn.pace().has_written(&slices, 4);
    let part: Vec<u8> = transcript.0.lock().unwrap().iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(part, b"abcd");
}

/// Takes a write whole, and never gets done with a flush or a close.
struct Stuck {
    slices: usize,
}

impl AsyncRead for Stuck {
    fn poll_read(self: Pin<&mut Self>, _: &mut Poller<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Stuck {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Poller<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.slices = 1;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Poller<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.slices = bufs.len();
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_or_close_that_the_peer_does_not_take_meets_the_write_deadline() {
    let mut pace = Pace::default();
    pace.write(30 * SECOND);
    let mut stuck = Stuck { slices: 0 };
    let start = Instant::now();
    let flushed = std::future::poll_fn(|cx| pace.poll_flush(cx, &mut stuck)).await;
    assert_eq!((limit(flushed.unwrap_err()), start.elapsed()), ("write", 30 * SECOND));
    let closed = std::future::poll_fn(|cx| pace.poll_shutdown(cx, &mut stuck)).await;
    assert_eq!((limit(closed.unwrap_err()), start.elapsed()), ("write", 60 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn slices_leave_in_one_write_but_under_a_rate() {
    let mut pace = Pace::default();
    let mut stuck = Stuck { slices: 0 };
    let slices = [b"ab", b"cd"].map(|s| io::IoSlice::new(s));
    let wrote = std::future::poll_fn(|cx| pace.poll_write(cx, &mut stuck, &slices)).await.unwrap();
    assert_eq!((wrote, stuck.slices), (4, 2));
    assert!(pace.lets_past());
    pace.rate(8000);
    let wrote = std::future::poll_fn(|cx| pace.poll_write(cx, &mut stuck, &slices)).await.unwrap();
    assert_eq!((wrote, stuck.slices), (2, 1));
    assert!(!pace.lets_past());
    let mut recorded = Pace::default();
    recorded.record(Box::new(Transcript::default()));
    assert!(!recorded.lets_past());
}

#[test]
fn a_client_hello_is_known_in_any_pieces() {
    fn says(pieces: &[&[u8]]) -> bool {
        let log = Log::new();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut pace = Pace::default();
            pace.sniff_tls();
            pieces.iter().for_each(|piece| pace.has_read(piece));
        });
        log.text().matches("speaks TLS").count() == 1
    }
    assert!(says(&[b"\x16\x03\x01\x02\x00\x01"]));
    assert!(says(&[b"\x16", b"\x03", b"\x01\x02", b"\x16\x03\x01"]));
    assert!(!says(&[b"GET / HTTP/1.1\r\n", b"\x16\x03\x01"]));
    assert!(!says(&[b"\x16\x03"]));
}

#[tokio::test(start_paused = true)]
async fn what_sends_past_the_connection_learns_when_its_time_is_over() {
    let (mut conn, _far) = Connection::pair();
    assert_eq!(conn.ends_at(), None);
    conn.pace().end(30 * SECOND);
    assert_eq!(conn.ends_at(), Some(Instant::now() + 30 * SECOND));
}
