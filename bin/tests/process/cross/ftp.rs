//! FTP, in the clear or under TLS on both connections.

use ropewalk_core::tls::ClientTls;

use super::wire::Wire;

const IAC: u8 = 255;

/// A session of somebody who has logged in.
pub(super) struct Session {
    control: Wire,
    tls: Option<ClientTls>,
}

/// A reply: its code, and all its lines.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) text: Vec<u8>,
}

impl Session {
    #[track_caller]
    pub(super) fn open(port: u16, tls: Option<ClientTls>, login: &str) -> Self {
        let mut session = Self { control: Wire::connect(port), tls: None };
        session.hear().is(220);
        if let Some(tls) = tls {
            session.say(b"AUTH TLS").is(234);
            session.control = session.control.secured(&tls);
            session.tls = Some(tls);
            session.say(b"PBSZ 0").is(200);
            session.say(b"PROT P").is(200);
        }
        let (name, password) = login.split_once(':').unwrap();
        session.say(format!("USER {name}").as_bytes()).is(331);
        session.say(format!("PASS {password}").as_bytes()).is(230);
        session.say(b"TYPE I").is(200);
        session
    }

    /// Says a line; an IAC in it travels doubled.
    #[track_caller]
    pub(super) fn say(&mut self, line: &[u8]) -> Reply {
        let mut wired = Vec::new();
        for byte in line {
            wired.push(*byte);
            wired.extend((*byte == IAC).then_some(IAC));
        }
        self.control.send(&[&wired[..], b"\r\n"].concat()).unwrap();
        self.hear()
    }

    /// `VERB path`.
    #[track_caller]
    pub(super) fn of(&mut self, verb: &str, path: &[u8]) -> Reply {
        self.say(&[verb.as_bytes(), b" ", path].concat())
    }

    /// A reply, its IACs single.
    #[track_caller]
    pub(super) fn hear(&mut self) -> Reply {
        let mut text = Vec::new();
        loop {
            let mut line = self.control.line();
            let end = line.len() >= 4 && line[..3].iter().all(u8::is_ascii_digit) && line[3] == b' ';
            let mut at = 0;
            while let Some(found) = line[at..].iter().position(|byte| *byte == IAC) {
                at += found + 1;
                assert_eq!(line.remove(at), IAC, "not doubled");
            }
            text.extend(&line);
            if end {
                let code = str::from_utf8(&line[..3]).unwrap().parse().unwrap();
                return Reply { code, text };
            }
        }
    }

    /// Begins a transfer; the connection for its data.
    #[track_caller]
    pub(super) fn transfer(&mut self, verb: &str, path: &[u8]) -> Result<Wire, u16> {
        let told = String::from_utf8(self.say(b"EPSV").is(229).text).unwrap();
        let port = told.split('|').nth(3).unwrap().parse().unwrap();
        let data = Wire::connect(port);
        let reply = self.of(verb, path);
        if reply.code != 150 {
            return Err(reply.code);
        }
        Ok(match &self.tls {
            Some(tls) => data.secured(tls),
            None => data,
        })
    }

    /// All that a transfer gives.
    #[track_caller]
    pub(super) fn fetch(&mut self, verb: &str, path: &[u8]) -> Result<Vec<u8>, u16> {
        let mut data = self.transfer(verb, path)?;
        let content = data.rest();
        self.hear().is(226);
        Ok(content)
    }

    /// Sends a file; the code of the last reply.
    #[track_caller]
    pub(super) fn store(&mut self, path: &[u8], content: &[u8]) -> u16 {
        let mut data = match self.transfer("STOR", path) {
            Ok(data) => data,
            Err(code) => return code,
        };
        // Who is refused in the middle finds it closed.
        let _ = data.send(content);
        data.end();
        self.hear().code
    }
}

impl Reply {
    #[track_caller]
    pub(super) fn is(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{:?}", String::from_utf8_lossy(&self.text));
        self
    }

    /// What stands behind the code of a reply of one line.
    pub(super) fn value(&self) -> &str {
        str::from_utf8(&self.text[4..]).unwrap().trim_end()
    }
}

/// A fact in a line of MLST or MLSD.
pub(super) fn fact(line: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(line);
    let facts = text.trim_start().split_once("; ")?.0.to_owned();
    let mut facts = facts.split(';').filter_map(|fact| fact.split_once('='));
    facts.find(|(fact, _)| *fact == name).map(|(_, value)| value.to_owned())
}
