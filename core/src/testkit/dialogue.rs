use std::fmt::Debug;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};

use super::{Entry, Failure, Rig};
use crate::sansio::Machine;

/// Holds a conversation with a machine as a script says, and panics with the line that differed.
///
/// Arguments: a function that makes the machine at a time, one that answers its events, and the script of [`converse`](crate::testkit::converse).
///
/// ```text
/// dialogue!(Session::new, |event| answer(event), "
///     S: 220 mx.example ready
///     C: NOOP
///     S: 250 ok
///     after 300 s
///     S: 421 timeout
///     closed
/// ");
/// ```
#[macro_export]
macro_rules! dialogue {
    ($make:expr, $respond:expr, $script:expr $(,)?) => {
        if let Err(failure) = $crate::testkit::converse($make, $respond, $script) {
            ::std::panic!("{failure}");
        }
    };
}

/// Holds a conversation with a machine as a script says. One step a line:
///
/// - `C: text` — the test sends this line, with CRLF behind it. `C- text` sends it without.
/// - `S: text` — the machine has sent this line, with CRLF behind it.
/// - `starttls` — the machine has asked for TLS; the handshake is made.
/// - `closed` — the machine has closed.
/// - `after 90 s` — time passes.
/// - `eof` — the test sends no more.
/// - `stop` — the server stops.
/// - `# text` — a comment.
///
/// In texts `\r`, `\n`, `\t`, `\\` and `\x7f` stand for the octets. All that the machine sent is told before the next step, and before
/// the end. For a machine that speaks as a client, the test sends what `C` says all the same: `C` is who talks to the machine.
///
/// # Errors
/// The line that differed, in its place; or a line that is none of these.
pub fn converse<M, R>(make: impl FnOnce(Instant) -> M, respond: R, script: &str) -> Result<(), Failure>
where
    M: Machine<Event: Debug>,
    R: FnMut(M::Event) -> M::Answer,
{
    let mut talk = Talk { rig: Rig::new(make, respond)?, unread: BytesMut::new(), closed: false };
    let steps = || script.lines().map(str::trim_start).enumerate();
    for (index, step) in steps() {
        talk.step(step).map_err(|expected| {
            let before: String = steps()
                .take(index)
                .filter(|(_, s)| !s.is_empty())
                .map(|(_, s)| format!("    {s}\n"))
                .collect();
            Failure::new(format!("line {} of the dialogue differs:\n{before}{expected}", index + 1))
        })?;
    }
    talk.silent().map_err(|extra| Failure::new(format!("after the end of the dialogue:\n{extra}")))
}

struct Talk<M: Machine, R> {
    rig: Rig<M, R>,
    /// Sent by the machine, and not told by the script yet.
    unread: BytesMut,
    closed: bool,
}

impl<M, R> Talk<M, R>
where
    M: Machine<Event: Debug>,
    R: FnMut(M::Event) -> M::Answer,
{
    fn step(&mut self, step: &str) -> Result<(), String> {
        self.listen();
        let (verb, text) = step.split_at_checked(2).unwrap_or((step, ""));
        let text =
            || unescape(text.strip_prefix(' ').unwrap_or(text)).ok_or(format!("  ? {step}: bad escape"));
        match (verb, step.trim_end()) {
            (_, "") | ("# ", _) => Ok(()),
            ("S:", _) => self.hear(step, &[&text()?[..], b"\r\n"].concat()),
            ("C:", _) => self.say(step, &[&text()?[..], b"\r\n"].concat()),
            ("C-", _) => self.say(step, &text()?),
            (_, "closed") => {
                self.silent()?;
                if self.closed { Ok(()) } else { Err("  - closed\n  + open".into()) }
            }
            (_, "starttls") => {
                self.silent()?;
                if !self.rig.wants_tls() {
                    return Err("  - starttls\n  + no request for TLS".into());
                }
                self.rig.handshake().map_err(|failure| failure.to_string())
            }
            (_, "eof") => self.act(Rig::finish),
            (_, "stop") => self.act(Rig::stop),
            (_, other) => match other.strip_prefix("after ").and_then(seconds) {
                Some(time) => self.act(|rig| rig.pass(time)),
                None => Err(format!("  ? {step}: no step of a dialogue")),
            },
        }
    }

    fn listen(&mut self) {
        for entry in self.rig.said() {
            match entry {
                Entry::Sent(bytes) => self.unread.extend_from_slice(&bytes),
                Entry::Closed | Entry::Refused => self.closed = true,
                Entry::Event(_) | Entry::Body(_) | Entry::StartTls => {}
            }
        }
    }

    fn act(&mut self, what: impl FnOnce(&mut Rig<M, R>) -> Result<(), Failure>) -> Result<(), String> {
        self.silent()?;
        what(&mut self.rig).map_err(|failure| failure.to_string())
    }

    fn say(&mut self, step: &str, bytes: &[u8]) -> Result<(), String> {
        if self.closed {
            return Err(format!("  - {step}\n  + closed"));
        }
        self.act(|rig| rig.receive(bytes))
    }

    fn hear(&mut self, step: &str, line: &[u8]) -> Result<(), String> {
        if self.unread.starts_with(line) {
            self.unread.advance(line.len());
            return Ok(());
        }
        Err(format!("  - {step}\n  + {}", self.heard()))
    }

    /// The machine has said nothing that the script does not tell.
    fn silent(&mut self) -> Result<(), String> {
        self.listen();
        if self.unread.is_empty() { Ok(()) } else { Err(format!("  + {}", self.heard())) }
    }

    /// The next line of the machine, as the script would tell it.
    fn heard(&self) -> String {
        match self.unread.split_inclusive(|byte| *byte == b'\n').next() {
            Some(line) => match line.strip_suffix(b"\r\n") {
                Some(line) => format!("S: {}", String::from_utf8_lossy(line)),
                None => format!("S: {} (no CRLF)", line.escape_ascii()),
            },
            None if self.closed => "closed".into(),
            None if self.rig.wants_tls() => "starttls".into(),
            None => "nothing".into(),
        }
    }
}

/// `90 s`, `90s`.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().strip_suffix('s')?.trim_end().parse().ok().map(Duration::from_secs)
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (kind, after) = escape.split_at_checked(1)?;
        rest = after;
        bytes.push(match kind {
            "r" => b'\r',
            "n" => b'\n',
            "t" => b'\t',
            "\\" => b'\\',
            "x" => {
                let (digits, after) = after.split_at_checked(2)?;
                rest = after;
                u8::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        });
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::toy::{Bug, Toy};

    fn upper(text: String) -> String {
        text.to_uppercase()
    }

    fn failure(script: &str) -> String {
        converse(Toy::new, upper, script).unwrap_err().to_string()
    }

    #[test]
    fn a_dialogue_is_held() {
        crate::dialogue!(
            Toy::new,
            upper,
            r"
            S: hello
            # Two lines at once, the second unfinished.
            C- ask one\r\nask \x74w
            S: ONE
            C: o
            S: TWO
            C: starttls
            S: go ahead
            starttls
            after 59 s
            C: back\\slash
            S: ? back\\slash
            after 60s
            S: timeout
            closed
        "
        );
        crate::dialogue!(Toy::new, upper, "S: hello\nstop\nS: stopping\nclosed");
        crate::dialogue!(Toy::new, upper, "S: hello\neof\nclosed");
    }

    #[test]
    #[should_panic(expected = "line 2 of the dialogue differs:\n    S: hello\n  - S: goodbye\n  + nothing")]
    fn a_dialogue_that_differs_panics() {
        crate::dialogue!(Toy::new, upper, "S: hello\nS: goodbye");
    }

    #[test]
    fn the_line_that_differs_is_told_in_its_place() {
        let told = failure("S: hello\nC: ask one\nS: one\n");
        assert_eq!(
            told,
            "line 3 of the dialogue differs:\n    S: hello\n    C: ask one\n  - S: one\n  + S: ONE"
        );
    }

    #[test]
    fn what_the_script_does_not_tell_is_told() {
        assert!(failure("C: x").ends_with("  + S: hello"));
        assert!(failure("S: hello\nC: ask one").ends_with("after the end of the dialogue:\n  + S: ONE"));
        assert!(failure("S: hello\nC: quit\nS: bye\nC: x").ends_with("  - C: x\n  + closed"));
    }

    #[test]
    fn a_state_that_differs_is_told() {
        assert!(failure("S: hello\nclosed").ends_with("- closed\n  + open"));
        assert!(failure("S: hello\nstarttls").ends_with("no request for TLS"));
        assert!(failure("S: hello\nC: quit\nS: bye\nS: more").ends_with("  + closed"));
        assert!(failure("S: hell").ends_with("  + S: hello"));
    }

    #[test]
    fn a_step_that_is_none_is_told() {
        assert!(failure("S: hello\nafter lunch").contains("no step"));
        assert!(failure("S: hello\nC: \\q").contains("bad escape"));
    }

    #[test]
    fn a_machine_that_spins_is_told() {
        let spins = |bug, script| converse(Toy::with(bug), upper, script).unwrap_err().to_string();
        assert!(spins(Bug::Spins, "S: hello\nC: spin").contains("never waits"));
        assert!(spins(Bug::WaitsForThePast, "S: hello\nafter 60 s").contains("a time that has passed"));
    }
}
