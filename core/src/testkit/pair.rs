use std::fmt::Debug;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Entry, Failure, Rig};
use crate::sansio::Machine;

/// Virtual time after which a conversation is said to have no end.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Turns without time passing, after which two machines are said to chatter for ever.
const TURNS: usize = 10_000;

/// A client and a server that talk to each other in virtual time: no socket, no sleep.
///
/// Bytes take the given latency to arrive, and arrive in the chunks in which they were sent.
pub struct Pair<C: Machine, RC, S: Machine, RS> {
    client: Rig<C, RC>,
    server: Rig<S, RS>,
    latency: Duration,
    began: Instant,
    to_client: Flight,
    to_server: Flight,
    transcript: String,
}

/// What is under way to one side.
#[derive(Default)]
struct Flight {
    bytes: Vec<(Instant, Bytes)>,
    end: Option<Instant>,
}

impl Flight {
    fn next(&self) -> Option<Instant> {
        self.bytes.first().map(|(at, _)| *at).or(self.end)
    }
}

impl<C, RC, S, RS> Pair<C, RC, S, RS>
where
    C: Machine<Event: Debug>,
    RC: FnMut(C::Event) -> C::Answer,
    S: Machine<Event: Debug>,
    RS: FnMut(S::Event) -> S::Answer,
{
    /// Both begin now. Each is a function that makes the machine, and one that answers its events.
    ///
    /// # Errors
    /// One of them spins.
    pub fn new(
        client: (impl FnOnce(Instant) -> C, RC),
        server: (impl FnOnce(Instant) -> S, RS),
    ) -> Result<Self, Failure> {
        let began = Instant::now();
        Ok(Self {
            client: Rig::begin(client.0, client.1, began, None)?,
            server: Rig::begin(server.0, server.1, began, None)?,
            latency: Duration::ZERO,
            began,
            to_client: Flight::default(),
            to_server: Flight::default(),
            transcript: String::new(),
        })
    }

    /// Bytes take this long to arrive.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Lets them talk until both have closed.
    ///
    /// # Errors
    /// One of them spins, they chatter for ever, or they are still open after a week of virtual time.
    pub fn run(&mut self) -> Result<(), Failure> {
        self.run_for(LONGEST)?;
        if self.client.is_closed() && self.server.is_closed() {
            return Ok(());
        }
        Err(Failure::new(format!("still open after a week:\n{}", self.transcript)))
    }

    /// Lets them talk for this long, or until both have closed.
    ///
    /// # Errors
    /// One of them spins, or they chatter for ever.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Failure> {
        let end = self.client.now() + time;
        let mut turns = 0;
        loop {
            self.collect();
            if self.client.wants_tls() && self.server.wants_tls() && !self.in_flight() {
                self.client.handshake()?;
                self.server.handshake()?;
                continue;
            }
            let Some(next) = self.next().filter(|next| *next <= end) else { break };
            turns = if next > self.client.now() { 0 } else { turns + 1 };
            if turns > TURNS {
                return Err(Failure::new("the two never come to rest"));
            }
            self.client.pass_until(next)?;
            self.server.pass_until(next)?;
            // What was said at a deadline is under way before what arrives is read.
            self.collect();
            arrive(&mut self.client, &mut self.to_client, next)?;
            arrive(&mut self.server, &mut self.to_server, next)?;
        }
        if !(self.client.is_closed() && self.server.is_closed()) {
            self.client.pass_until(end)?;
            self.server.pass_until(end)?;
        }
        Ok(())
    }

    fn in_flight(&self) -> bool {
        !(self.to_client.bytes.is_empty() && self.to_server.bytes.is_empty())
    }

    /// When something happens next.
    fn next(&self) -> Option<Instant> {
        let to_client = self.to_client.next().filter(|_| !self.client.is_closed());
        let to_server = self.to_server.next().filter(|_| !self.server.is_closed());
        [self.client.deadline(), self.server.deadline(), to_client, to_server].into_iter().flatten().min()
    }

    /// Sends off what both have said.
    fn collect(&mut self) {
        let at = self.client.now() + self.latency;
        for (who, said, flight) in
            [('C', self.client.said(), &mut self.to_server), ('S', self.server.said(), &mut self.to_client)]
        {
            for entry in said {
                match entry {
                    Entry::Sent(bytes) => {
                        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                            let line = line.strip_suffix(b"\r\n").unwrap_or(line);
                            self.transcript.push_str(&format!("{who}: {}\n", line.escape_ascii()));
                        }
                        flight.bytes.push((at, bytes));
                    }
                    Entry::Closed | Entry::Refused => flight.end = Some(at),
                    Entry::Event(_) | Entry::Body(_) | Entry::StartTls => {}
                }
            }
        }
    }

    /// What both have sent: lines of `C: …` and `S: …`.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// How much virtual time has passed.
    pub fn elapsed(&self) -> Duration {
        self.client.now() - self.began
    }

    /// The client's side.
    pub fn client(&mut self) -> &mut Rig<C, RC> {
        &mut self.client
    }

    /// The server's side.
    pub fn server(&mut self) -> &mut Rig<S, RS> {
        &mut self.server
    }
}

/// Hands over what has arrived by now.
fn arrive<M, R>(rig: &mut Rig<M, R>, flight: &mut Flight, now: Instant) -> Result<(), Failure>
where
    M: Machine<Event: Debug>,
    R: FnMut(M::Event) -> M::Answer,
{
    let due = flight.bytes.partition_point(|(at, _)| *at <= now);
    for (_, bytes) in flight.bytes.drain(..due) {
        rig.receive(&bytes)?;
    }
    if flight.bytes.is_empty() && flight.end.is_some_and(|at| at <= now) {
        flight.end = None;
        rig.finish()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::sansio::{Lines, Output};
    use crate::testkit::toy::{Bug, IDLE, Toy};

    /// Says each line when the one before was answered.
    struct Client {
        say: Vec<&'static str>,
        out: Vec<Output<String>>,
        lines: Lines,
        closing: bool,
        until: Instant,
    }

    impl Client {
        fn saying(say: &'static [&str]) -> impl FnOnce(Instant) -> Self {
            move |now| Self {
                say: say.iter().rev().copied().collect(),
                out: Vec::new(),
                lines: Lines::new(80),
                closing: false,
                until: now + 10 * IDLE,
            }
        }
    }

    impl Machine for Client {
        type Event = String;
        type Answer = ();

        fn receive(&mut self, _: Instant, input: &mut BytesMut) {
            let Ok(Some(line)) = self.lines.next(input) else { return };
            self.out.push(Output::Event(String::from_utf8_lossy(&line).into_owned()));
            if line == "go ahead" {
                self.out.push(Output::StartTls);
            }
            if let Some(say) = self.say.pop() {
                self.out.push(Output::Send(format!("{say}\r\n").into()));
            }
        }

        fn finished(&mut self, _: Instant) {
            self.closing = true;
        }

        fn elapsed(&mut self, _: Instant) {
            self.closing = true;
        }

        fn answer(&mut self, _: Instant, (): ()) {}

        fn poll(&mut self) -> Output<String> {
            match self.out.is_empty() {
                false => self.out.remove(0),
                true if self.closing => Output::Close,
                true => Output::Wait { until: self.until, read: true },
            }
        }
    }

    fn same(text: String) -> String {
        text
    }

    #[test]
    fn two_machines_talk_to_the_end() {
        let client = (Client::saying(&["ask a", "starttls", "ask b", "quit"]), |_| ());
        let mut pair = Pair::new(client, (Toy::new, same)).unwrap().latency(Duration::from_secs(1));
        pair.run().unwrap();
        let told = "S: hello\nC: ask a\nS: a\nC: starttls\nS: go ahead\nC: ask b\nS: b\nC: quit\nS: bye\n";
        assert_eq!(pair.transcript(), told);
        assert_eq!(pair.elapsed(), Duration::from_secs(9), "nine flights of a second");
    }

    #[test]
    fn silence_lasts_until_a_deadline_and_takes_no_time() {
        let mut pair = Pair::new((Client::saying(&[]), |_| ()), (Toy::new, same)).unwrap();
        pair.run_for(IDLE / 2).unwrap();
        assert_eq!((pair.transcript(), pair.elapsed()), ("S: hello\n", IDLE / 2));
        assert!(!pair.client().is_closed());
        pair.run().unwrap();
        assert_eq!((pair.transcript(), pair.elapsed()), ("S: hello\nS: timeout\n", IDLE));
    }

    #[test]
    fn plaintext_behind_starttls_is_refused() {
        let client = (Client::saying(&["starttls\r\nask evil"]), |_| ());
        let mut pair = Pair::new(client, (Toy::new, same)).unwrap();
        pair.run().unwrap();
        assert_eq!(pair.transcript(), "S: hello\nC: starttls\nC: ask evil\nS: go ahead\n");
    }

    #[test]
    fn two_that_chatter_for_ever_are_caught() {
        let (one, other) = ((Toy::new, same), (Toy::new, same));
        let failure = Pair::new(one, other).unwrap().run().unwrap_err();
        assert!(failure.to_string().contains("never"), "{failure}");
    }

    #[test]
    fn one_that_spins_is_caught() {
        let client = (Client::saying(&["spin"]), |_| ());
        let failure = Pair::new(client, (Toy::with(Bug::Spins), same)).unwrap().run().unwrap_err();
        assert!(failure.to_string().contains("never waits"), "{failure}");
    }
}
