//! A Finger server (RFC 1288): the client sends one line, the server tells who that is, and closes.
//!
//! It shows a whole line protocol in one file: a machine, who answers it, the server around them, and their
//! tests. The users are a table in this file; questions for other hosts are refused.
//!
//! # Run it
//!
//! ```sh
//! cargo run -p ropewalk-core --example finger              # or: -- tcp:79:interface=localhost
//! printf '\r\n' | nc localhost 1079                        # who is there
//! printf '/W ada\r\n' | nc localhost 1079                  # all about one of them
//! printf 'ada@example.org\r\n' | nc localhost 1079
//! cargo test -p ropewalk-core --example finger
//! ```
//!
//! # Expected output
//!
//! The three clients print:
//!
//! ```text
//! Login    Name                 Office
//! ada      Ada Lovelace         12 St James's Square
//! grace    Grace Hopper         Room 3B, x4120
//! ```
//!
//! ```text
//! Login name: ada                         In real life: Ada Lovelace
//! Office: 12 St James's Square
//! Plan:
//! To weave algebraical patterns.
//! ```
//!
//! ```text
//! Finger forwarding service denied
//! ```
//!
//! The server logs each query (RFC 1288 §3.2.7), until Ctrl-C stops it.

use std::{collections::VecDeque, fmt::Write, time::Instant};

use bytes::BytesMut;
use ropewalk_core::{
    Limits, Result,
    app::{Application, Context, Member, Protocol, Server, drive},
    net::Connection,
    sansio::{Lines, Machine, Output, Respond},
    telemetry::{self, LogOptions},
};

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let at = std::env::args().nth(1).unwrap_or("tcp:1079:interface=localhost".into());
    let server = Server::new("finger", Users(USERS)).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("finger", server)]).run()
}

/// Who is known here.
const USERS: &[User] = &[
    User {
        login: "ada",
        name: "Ada Lovelace",
        office: "12 St James's Square",
        plan: "To weave algebraical patterns.",
    },
    User { login: "grace", name: "Grace Hopper", office: "Room 3B, x4120", plan: "" },
];

/// A question about the users of this host: `{Q1}` of RFC 1288 §2.3.
#[derive(Debug)]
struct Query {
    /// The one it is about; without, it is about all.
    user: Option<String>,
    /// Whether `/W` asks for more.
    verbose: bool,
}

impl Query {
    /// Reads a line without its end; `None` where it asks for another host: `{Q2}`.
    fn parse(line: &[u8]) -> Option<Self> {
        if line.contains(&b'@') {
            return None;
        }
        let line = line.trim_ascii();
        let (verbose, user) = match line.strip_prefix(b"/W") {
            Some(rest) if rest.is_empty() || rest.starts_with(b" ") => (true, rest.trim_ascii_start()),
            _ => (false, line),
        };
        let user = (!user.is_empty()).then(|| String::from_utf8_lossy(user).into_owned());
        Some(Self { user, verbose })
    }
}

/// The server's side of one conversation: one query, one answer.
#[derive(Debug)]
struct Session {
    lines: Lines,
    out: VecDeque<Output<Query>>,
    until: Instant,
}

impl Session {
    /// A conversation that begins now. The query has to be whole in the idle time of `limits`.
    fn new(now: Instant, limits: &Limits) -> Self {
        // Clients and people send lone LFs, and RFC 1288 §2.3 wants us to be liberal.
        let lines = Lines::new(limits.line.saturating_add(2)).accept_lone_lf();
        Self { lines, out: VecDeque::new(), until: now + limits.idle }
    }

    /// Says this text, and closes.
    fn leave(&mut self, text: &str) {
        let mut wire = String::new();
        for line in text.lines() {
            wire.extend(line.chars().filter(printable));
            wire.push_str("\r\n");
        }
        self.out.push_back(Output::Send(wire.into()));
        self.out.push_back(Output::Close);
    }
}

/// Whether a terminal prints this and obeys nothing. RFC 1288 §3.3 has clients filter; not all of them do.
fn printable(c: &char) -> bool {
    matches!(c, '\t' | ' '..='~')
}

impl Machine for Session {
    type Event = Query;
    /// Lines for a person, which end in LF.
    type Answer = String;

    fn receive(&mut self, _: Instant, input: &mut BytesMut) {
        match self.lines.next(input).map(|line| line.map(|line| Query::parse(&line))) {
            Ok(None) => {}
            Ok(Some(Some(query))) => self.out.push_back(Output::Event(query)),
            // RFC 1288 §3.2.1 recommends to refuse, and gives the words.
            Ok(Some(None)) => self.leave("Finger forwarding service denied"),
            Err(error) => self.leave(&format!("finger: {error}")),
        }
    }

    fn finished(&mut self, _: Instant) {
        self.out.push_back(Output::Close);
    }

    fn elapsed(&mut self, _: Instant) {
        self.leave("finger: no query came in time");
    }

    fn answer(&mut self, _: Instant, text: String) {
        self.leave(&text);
    }

    fn stop(&mut self) {
        self.leave("finger: the server stops");
    }

    fn poll(&mut self) -> Output<Query> {
        self.out.pop_front().unwrap_or(Output::Wait { until: self.until, read: true })
    }
}

/// What is told of one user.
#[derive(Debug)]
struct User {
    login: &'static str,
    name: &'static str,
    office: &'static str,
    plan: &'static str,
}

impl User {
    /// At least what the list says (RFC 1288 §2.5.2), and with `verbose` the plan.
    fn describe(&self, verbose: bool) -> String {
        let Self { login, name, office, plan } = self;
        let mut text = format!("Login name: {login:<27} In real life: {name}\nOffice: {office}\n");
        match (verbose, plan.is_empty()) {
            (false, _) => {}
            (true, true) => text.push_str("No Plan.\n"),
            (true, false) => text.extend(["Plan:\n", plan, "\n"]),
        }
        text
    }
}

/// The users of this host.
#[derive(Clone, Copy, Debug)]
struct Users(&'static [User]);

impl Users {
    fn answer(self, query: &Query) -> String {
        match &query.user {
            Some(name) => self
                .0
                .iter()
                .find(|user| user.login == name)
                .map_or_else(|| format!("finger: {name}: no such user"), |user| user.describe(query.verbose)),
            None if query.verbose => {
                self.0.iter().map(|user| user.describe(true)).collect::<Vec<_>>().join("\n")
            }
            None => self.list(),
        }
    }

    fn list(self) -> String {
        let mut text = format!("{:<8} {:<20} {}\n", "Login", "Name", "Office");
        for User { login, name, office, .. } in self.0 {
            let _ = writeln!(text, "{login:<8} {name:<20} {office}");
        }
        text
    }
}

/// Answers the query of one conversation.
struct Desk(Users);

impl Respond<Session> for Desk {
    async fn handle(&mut self, query: Query) -> Result<String> {
        tracing::info!(user = ?query.user, verbose = query.verbose, "query");
        Ok(self.0.answer(&query))
    }
}

impl Protocol for Users {
    async fn serve(&self, conn: Connection, cx: Context) -> Result<()> {
        let mut session = Session::new(Instant::now(), cx.limits());
        drive(conn, &mut session, &mut Desk(*self), &cx).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ropewalk_core::{
        dialogue,
        testkit::{every_chunking, never_panics},
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn session(now: Instant) -> Session {
        Session::new(now, &limits())
    }

    fn limits() -> Limits {
        let mut limits = Limits::default();
        limits.line = 32;
        limits.idle = Duration::from_secs(60);
        limits
    }

    fn answer(query: Query) -> String {
        Users(USERS).answer(&query)
    }

    #[test]
    fn an_empty_query_lists_the_users() {
        dialogue!(
            session,
            answer,
            "
            C:
            S: Login    Name                 Office
            S: ada      Ada Lovelace         12 St James's Square
            S: grace    Grace Hopper         Room 3B, x4120
            closed
            "
        );
    }

    #[test]
    fn a_user_is_described_with_what_the_list_says_of_it() {
        dialogue!(
            session,
            answer,
            "
            C: grace
            S: Login name: grace                       In real life: Grace Hopper
            S: Office: Room 3B, x4120
            closed
            "
        );
    }

    #[test]
    fn more_is_told_of_a_user_when_asked() {
        dialogue!(
            session,
            answer,
            "
            C: /W   ada
            S: Login name: ada                         In real life: Ada Lovelace
            S: Office: 12 St James's Square
            S: Plan:
            S: To weave algebraical patterns.
            closed
            "
        );
    }

    #[test]
    fn more_is_told_of_all_when_asked() {
        dialogue!(
            session,
            answer,
            "
            C: /W
            S: Login name: ada                         In real life: Ada Lovelace
            S: Office: 12 St James's Square
            S: Plan:
            S: To weave algebraical patterns.
            S:
            S: Login name: grace                       In real life: Grace Hopper
            S: Office: Room 3B, x4120
            S: No Plan.
            closed
            "
        );
    }

    #[test]
    fn who_is_not_known_is_said_to_be_unknown() {
        for (query, name) in [("mallory", "mallory"), ("/Wada", "/Wada"), ("/W bob", "bob")] {
            let script = format!("C: {query}\nS: finger: {name}: no such user\nclosed");
            dialogue!(session, answer, &script);
        }
    }

    #[test]
    fn a_query_for_another_host_is_refused() {
        for query in ["@example.org", "ada@example.org", "/W ada@a@b", "/W @a", "@"] {
            let script = format!("C: {query}\nS: Finger forwarding service denied\nclosed");
            dialogue!(session, |query| panic!("asked {query:?}"), &script);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_left_out_of_the_echo_and_of_the_answer() {
        dialogue!(
            session,
            answer,
            "C: a\\x1b[2Jb\\x07\\xc3\\xa9\\tc\nS: finger: a[2Jb\\tc: no such user\nclosed"
        );
        let rude = |_| "\x1b]0;x\x07\u{9b}\u{e9}tu\tde\x7f\r\rs\r\nok".into();
        dialogue!(session, rude, "C: ada\nS: ]0;xtu\\tdes\nS: ok\nclosed");
    }

    #[test]
    fn a_line_longer_than_the_limit_is_refused() {
        let (fits, long) = ("x".repeat(32), "x".repeat(33));
        dialogue!(session, answer, &format!("C: {fits}\nS: finger: {fits}: no such user\nclosed"));
        dialogue!(session, answer, &format!("C: {long}\nS: finger: line too long\nclosed"));
    }

    #[test]
    fn a_lone_lf_ends_a_query_and_a_lone_cr_is_refused() {
        dialogue!(session, answer, "C- bob\\n\nS: finger: bob: no such user\nclosed");
        dialogue!(session, answer, "C: a\\rb\nS: finger: CR without LF\nclosed");
    }

    #[test]
    fn who_does_not_finish_the_query_is_sent_away() {
        dialogue!(
            session,
            answer,
            "C- ad\nafter 59 s\nC- a\nafter 1 s\nS: finger: no query came in time\nclosed"
        );
        dialogue!(session, answer, "C- ad\neof\nclosed");
        dialogue!(session, answer, "C- ad\nstop\nS: finger: the server stops\nclosed");
    }

    #[test]
    fn the_answer_does_not_depend_on_how_the_network_cuts_the_input() {
        for input in [&b"\r\n"[..], b"/W ada\r\ngrace\r\n", b"a@b\nada\n", b"a\rb\r\n", &[b'x'; 40]] {
            every_chunking(session, answer, input).unwrap();
        }
    }

    #[test]
    fn no_input_makes_it_panic() {
        never_panics(session, answer, &["/W", " ", "ada", "grace", "@", "\r\n"]).unwrap();
    }

    #[tokio::test]
    async fn a_connection_is_served_to_its_end() {
        let (conn, mut peer) = Connection::pair();
        let cx = Context::root(Limits::default());
        let served = cx.spawn({
            let cx = cx.clone();
            async move { Users(USERS).serve(conn, cx).await }
        });
        peer.write_all(b"grace\r\n").await.unwrap();
        let mut heard = String::new();
        peer.read_to_string(&mut heard).await.unwrap();
        assert!(heard.ends_with("In real life: Grace Hopper\r\nOffice: Room 3B, x4120\r\n"), "{heard}");
        drop(peer);
        served.await.unwrap().unwrap();
    }
}
