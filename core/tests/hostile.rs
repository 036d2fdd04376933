//! What a line without an end does to a line protocol.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use ropewalk_core::Limits;
use ropewalk_core::app::{Context, drive};
use ropewalk_core::net::Connection;
use ropewalk_core::sansio::{LineError, Lines, Machine, Output};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const GIB: usize = 1 << 30;
const MIB: usize = 1 << 20;

/// Answers each line with its length; a line that is too long is answered, and is the last or is passed over.
struct Lengths {
    lines: Lines,
    out: VecDeque<Output<()>>,
    patient: bool,
}

impl Lengths {
    fn new(patient: bool) -> Self {
        Self { lines: Lines::new(512), out: VecDeque::new(), patient }
    }

    fn say(&mut self, text: String) {
        self.out.push_back(Output::Send(text.into()));
    }
}

impl Machine for Lengths {
    type Event = ();
    type Answer = ();

    fn receive(&mut self, _: Instant, input: &mut BytesMut) {
        loop {
            match self.lines.next(input) {
                Ok(None) => return,
                Ok(Some(line)) => self.say(format!("{}\r\n", line.len())),
                Err(LineError::TooLong) => {
                    self.say("line too long\r\n".into());
                    if !self.patient {
                        return self.out.push_back(Output::Close);
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn finished(&mut self, _: Instant) {
        self.out.push_back(Output::Close);
    }

    fn elapsed(&mut self, _: Instant) {
        self.out.push_back(Output::Close);
    }

    fn answer(&mut self, _: Instant, (): ()) {}

    fn poll(&mut self) -> Output<()> {
        let until = Instant::now() + Duration::from_secs(60);
        self.out.pop_front().unwrap_or(Output::Wait { until, read: true })
    }
}

/// Octets of memory that this process has.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Sends a line of 1 GiB and then a short one; how much of them was taken, what was heard, how much memory grew.
async fn endless_line(patient: bool) -> (usize, String, usize) {
    let before = memory();
    let cx = Context::root(Limits::default());
    let (conn, peer) = Connection::pair();
    let serve = async {
        let mut machine = Lengths::new(patient);
        drive(conn, &mut machine, &mut |()| async { Ok(()) }, &cx).await.unwrap();
    };
    let (mut reads, mut writes) = tokio::io::split(peer);
    let pour = async {
        let chunk = vec![b'a'; 64 * 1024];
        let mut taken = 0;
        while taken < GIB {
            match writes.write(&chunk).await {
                Ok(octets @ 1..) => taken += octets,
                _ => return taken,
            }
        }
        writes.write_all(b"\r\nabc\r\n").await.unwrap();
        writes.shutdown().await.unwrap();
        taken
    };
    let hear = async {
        let mut heard = String::new();
        reads.read_to_string(&mut heard).await.unwrap();
        heard
    };
    let ((), taken, heard) = tokio::join!(serve, pour, hear);
    (taken, heard, memory().saturating_sub(before))
}

#[tokio::test]
async fn a_line_of_a_gibibyte_is_refused_after_a_little_of_it() {
    let (taken, heard, grown) = endless_line(false).await;
    assert_eq!(heard, "line too long\r\n");
    assert!(taken < 2 * MIB, "{taken} octets were taken");
    assert!(grown < 16 * MIB, "memory grew by {grown} octets");
}

#[tokio::test]
async fn a_line_of_a_gibibyte_that_is_passed_over_takes_no_memory() {
    let (taken, heard, grown) = endless_line(true).await;
    assert_eq!(heard, "line too long\r\n3\r\n");
    assert_eq!(taken, GIB);
    assert!(grown < 16 * MIB, "memory grew by {grown} octets");
}
