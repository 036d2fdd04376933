use crate::Result;
use crate::app::{Context, Next, Policy};
use crate::net::{Connection, Record};

/// Octets of one connection that are written down; then one line says that it goes on.
const MOST: usize = 64 * 1024;
/// Octets of one line; a longer one goes on in the next.
const LINE: usize = 1024;
/// What stands for a secret.
const MASK: &str = "***";

/// Writes what both sides say into the log, target `transcript`, line by line: `C:` is the peer, `S:` is us.
/// Secrets are masked: arguments of PASS, AUTH, AUTHENTICATE and LOGIN, what the peer sends while such a command
/// is answered, and the values of Authorization and Cookie headers.
#[derive(Clone, Copy, Debug)]
pub struct Transcript;

impl Policy for Transcript {
    async fn apply(&self, mut conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        let id = cx.id();
        let write = move |line: &str| match id {
            Some(id) => tracing::info!(target: "transcript", %id, "{line}"),
            None => tracing::info!(target: "transcript", "{line}"),
        };
        conn.record(Box::new(Writer {
            peer: Side::new('C'),
            us: Side::new('S'),
            left: MOST,
            secret: false,
            write,
        }));
        next.run(conn, cx).await
    }
}

struct Writer<W> {
    peer: Side,
    us: Side,
    left: usize,
    /// The peer is in the middle of a login: what it says next is secret.
    secret: bool,
    write: W,
}

/// The line that one side has begun.
struct Side {
    mark: char,
    line: Vec<u8>,
    /// What comes goes on with a line that was too long, and held a secret.
    goes_on_secret: bool,
}

impl Side {
    fn new(mark: char) -> Self {
        Self { mark, line: Vec::new(), goes_on_secret: false }
    }

    /// Adds an octet; gives the line if this ends it, or if it is as long as it may be, and what of it may be shown.
    fn push(&mut self, octet: u8, secret: bool) -> Option<(Vec<u8>, String)> {
        let ends = octet == b'\n';
        if !ends {
            self.line.push(octet);
        }
        if !ends && self.line.len() < LINE {
            return None;
        }
        let line = std::mem::take(&mut self.line);
        let shown = if secret || self.goes_on_secret { MASK.into() } else { mask(&line) };
        self.goes_on_secret = !ends && shown.ends_with(MASK);
        Some((line, format!("{}: {shown}", self.mark)))
    }
}

impl<W: Fn(&str) + Send + 'static> Record for Writer<W> {
    fn read(&mut self, bytes: &[u8]) {
        for octet in self.bounded(bytes) {
            if let Some((line, shown)) = self.peer.push(*octet, self.secret) {
                self.secret = self.secret || begins_login(&line);
                (self.write)(&shown);
            }
        }
    }

    fn written(&mut self, bytes: &[u8]) {
        for octet in self.bounded(bytes) {
            if let Some((line, shown)) = self.us.push(*octet, false) {
                // A continuation (`334 `, `+ `) asks for more of the secret; any other reply ends the login.
                self.secret = self.secret && (line.starts_with(b"334") || line.starts_with(b"+"));
                (self.write)(&shown);
            }
        }
    }
}

impl<W: Fn(&str)> Writer<W> {
    fn bounded<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let taken = bytes.get(..self.left.min(bytes.len())).unwrap_or_default();
        if self.left > 0 && taken.len() < bytes.len() {
            (self.write)("(the transcript ends here)");
        }
        self.left -= taken.len();
        taken
    }
}

/// The words of a line that begin a login, wherever a tag may stand before them.
fn begins_login(line: &[u8]) -> bool {
    let mut words = line.split(|b| *b == b' ').map(<[u8]>::to_ascii_uppercase).take(2);
    words.any(|word| matches!(word.trim_ascii_end(), b"AUTH" | b"AUTHENTICATE" | b"LOGIN"))
}

/// The line as text, without its secrets.
fn mask(line: &[u8]) -> String {
    let text = line.trim_ascii_end().escape_ascii().to_string();
    let upper = text.to_ascii_uppercase();
    for header in ["AUTHORIZATION:", "PROXY-AUTHORIZATION:", "COOKIE:", "SET-COOKIE:"] {
        if upper.starts_with(header) {
            return format!("{} {MASK}", text.get(..header.len()).unwrap_or_default());
        }
    }
    let words: Vec<_> = text.split(' ').collect();
    let secret = |w: &&str| {
        ["PASS", "AUTH", "AUTHENTICATE", "LOGIN", "APOP"].contains(&w.to_ascii_uppercase().as_str())
    };
    match words.iter().take(2).position(secret) {
        Some(at) if words.len() > at + 1 => {
            format!("{} {MASK}", words.get(..=at).unwrap_or_default().join(" "))
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn transcript(talk: &[(char, &str)]) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let write = move |line: &str| sink.lock().unwrap().push(line.to_owned());
        let mut writer =
            Writer { peer: Side::new('C'), us: Side::new('S'), left: MOST, secret: false, write };
        for (side, text) in talk {
            match side {
                'C' => writer.read(text.as_bytes()),
                _ => writer.written(text.as_bytes()),
            }
        }
        lines.lock().unwrap().clone()
    }

    #[test]
    fn passwords_never_stand_in_it() {
        let lines = transcript(&[
            ('C', "USER ann\r\nPASS hun"),
            ('C', "ter2\r\n"),
            ('S', "230 in\r\n"),
            ('C', "a1 LOGIN ann hunter2\r\na2 AUTHENTICATE PLAIN\r\n"),
            ('S', "+ \r\n"),
            ('C', "AGFubgBodW50ZXIy\r\n"),
            ('S', "a2 OK\r\n"),
            ('C', "NOOP\r\nAuthorization: Basic YW5uOmh1bnRlcjI=\r\n"),
        ]);
        let all = lines.join("\n");
        for secret in ["hunter2", "AGFub", "YW5u"] {
            assert!(!all.contains(secret), "{secret} in\n{all}");
        }
        for kept in ["C: USER ann", "C: PASS ***", "C: a1 LOGIN ***", "C: NOOP", "S: a2 OK"] {
            assert!(lines.iter().any(|line| line == kept), "no {kept} in\n{all}");
        }
    }

    #[test]
    fn a_secret_longer_than_a_line_is_masked_to_its_end() {
        let token = format!("Authorization: Bearer {}hunter2\r\nA: b\r\n", "x".repeat(3 * LINE));
        let cookie = format!("Set-Cookie: s={}hunter2\r\nA: b\r\n", "x".repeat(LINE));
        let lines = transcript(&[('C', &token), ('S', &cookie)]);
        assert!(lines.iter().all(|line| !line.contains("xx") && !line.contains("hunter2")), "{lines:?}");
        assert!(lines.contains(&"C: A: b".into()) && lines.contains(&"S: A: b".into()), "{lines:?}");
    }

    #[test]
    fn a_login_by_literals_is_masked() {
        let lines = transcript(&[
            ('C', "a1 LOGIN {3}\r\n"),
            ('S', "+ go on\r\n"),
            ('C', "ann {7}\r\n"),
            ('S', "+ go on\r\n"),
            ('C', "hunter2\r\n"),
            ('S', "a1 OK\r\n"),
            ('C', "a2 NOOP\r\n"),
        ]);
        assert!(lines.iter().all(|line| !line.contains("hunter2")), "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some("C: a2 NOOP"));
    }

    #[test]
    fn it_ends_somewhere() {
        let long = "x".repeat(MOST + 10);
        let lines = transcript(&[('C', &long), ('C', "more\r\n")]);
        assert!(lines.iter().map(String::len).sum::<usize>() < MOST + MOST / LINE * 4 + 100);
        assert_eq!(lines.iter().filter(|l| l.contains("ends here")).count(), 1);
    }
}
