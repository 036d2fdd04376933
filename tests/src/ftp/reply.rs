//! Replies, and what the documents allow a command to be answered with.

use bytes::{Buf, BytesMut};

use crate::Broken;
use crate::case::{Verdict, check};
use crate::peer::quote;

/// A reply: RFC 959 §4.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Its lines as they came, without their ends.
    pub(super) lines: Vec<Vec<u8>>,
}

impl Reply {
    /// Takes the reply off the front of `buffer`, once it is whole.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, Broken> {
        let wrong = |line: &[u8]| Err(Broken::new("a reply as RFC 959 has it", quote(line)));
        let (mut lines, mut at) = (Vec::<Vec<u8>>::new(), 0);
        loop {
            let rest = buffer.get(at..).unwrap_or_default();
            let Some(end) = rest.iter().position(|octet| *octet == b'\n') else { return Ok(None) };
            let line = rest.get(..end).unwrap_or_default();
            let Some(line) = line.strip_suffix(b"\r") else { return wrong(line) };
            at += end + 1;
            let code = line.get(..3).filter(|code| code.iter().all(u8::is_ascii_digit));
            let mark = line.get(3).copied();
            lines.push(line.to_vec());
            let first = lines.first().and_then(|line| line.get(..3));
            let last = match (lines.len(), code, mark) {
                (1, Some(_), Some(b' ')) => true,
                (1, Some(_), Some(b'-')) => false,
                (1, ..) => return wrong(line),
                (_, Some(_), Some(b' ')) => code == first,
                _ => false,
            };
            if last {
                let code = first.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
                buffer.advance(at);
                return Ok(Some(Self { code: code.unwrap_or_default(), lines }));
            }
        }
    }

    /// The text of its last line.
    pub(super) fn text(&self) -> String {
        let last = self.lines.last().and_then(|line| line.get(4..));
        String::from_utf8_lossy(last.unwrap_or_default()).into_owned()
    }

    /// All of it, for a report.
    pub(super) fn brief(&self) -> String {
        quote(&self.lines.join(&b"\r\n"[..]))
    }

    /// The first digit.
    pub(super) fn class(&self) -> u16 {
        self.code / 100
    }

    /// The lines between the first and the last.
    pub(super) fn inner(&self) -> &[Vec<u8>] {
        let last = self.lines.len().saturating_sub(1);
        self.lines.get(1..last).unwrap_or_default()
    }

    /// One of these codes.
    pub(super) fn is(&self, codes: &[u16]) -> Verdict {
        let names: Vec<_> = codes.iter().map(u16::to_string).collect();
        check(codes.contains(&self.code), names.join(" or "), self.brief())
    }

    /// A negative completion, of either sort.
    pub(super) fn refuses(&self) -> Verdict {
        check(matches!(self.class(), 4 | 5), "a refusal, 4yz or 5yz", self.brief())
    }

    /// A positive completion.
    pub(super) fn agrees(&self) -> Verdict {
        check(self.class() == 2, "a positive completion, 2yz", self.brief())
    }

    /// A negative one that RFC 959 §5.4 has for this command.
    pub(super) fn refuses_by_table(&self, verb: &str) -> Verdict {
        let codes: Vec<_> = allowed(verb).iter().copied().filter(|code| *code >= 400).collect();
        self.is(&codes)
    }

    /// One that RFC 959 §5.4 has for this command.
    pub(super) fn is_in_table(&self, verb: &str) -> Verdict {
        self.is(allowed(verb))
    }

    /// Neither 500 nor 502: the command exists.
    pub(super) fn is_implemented(&self) -> Verdict {
        check(!matches!(self.code, 500 | 502), "neither 500 nor 502", self.brief())
    }

    /// What stands in quotes in a 257, its doubled quotes made single: RFC 959 §A.
    pub(super) fn quoted(&self) -> Result<String, Broken> {
        let text = self.text();
        let mut rest = text.split_once('"').map(|(_, rest)| rest.chars().peekable());
        let mut path = String::new();
        while let Some(chars) = &mut rest {
            match chars.next() {
                Some('"') if chars.next_if_eq(&'"').is_some() => path.push('"'),
                Some('"') => return Ok(path),
                Some(char) => path.push(char),
                None => break,
            }
        }
        Err(Broken::new("a path in quotes", self.brief()))
    }
}

/// RFC 959 §5.4: what each command is answered with; for transfers, first and last.
const TABLE: &[(&str, &[u16])] = &[
    ("USER", &[230, 530, 500, 501, 421, 331, 332]),
    ("PASS", &[230, 202, 530, 500, 501, 503, 421, 332]),
    ("ACCT", &[230, 202, 530, 500, 501, 503, 421]),
    ("CWD", &[250, 500, 501, 502, 421, 530, 550]),
    ("CDUP", &[200, 500, 501, 502, 421, 530, 550]),
    ("SMNT", &[202, 250, 500, 501, 502, 421, 530, 550]),
    ("REIN", &[120, 220, 421, 500, 502]),
    ("QUIT", &[221, 500]),
    ("PORT", &[200, 500, 501, 421, 530]),
    ("PASV", &[227, 500, 501, 502, 421, 530]),
    ("MODE", &[200, 500, 501, 504, 421, 530]),
    ("TYPE", &[200, 500, 501, 504, 421, 530]),
    ("STRU", &[200, 500, 501, 504, 421, 530]),
    ("ALLO", &[200, 202, 500, 501, 504, 421, 530]),
    ("REST", &[500, 501, 502, 421, 530, 350]),
    ("STOR", &[125, 150, 226, 250, 425, 426, 451, 551, 552, 532, 450, 452, 553, 500, 501, 421, 530]),
    ("STOU", &[125, 150, 226, 250, 425, 426, 451, 551, 552, 532, 450, 452, 553, 500, 501, 421, 530]),
    ("RETR", &[125, 150, 226, 250, 425, 426, 451, 450, 550, 500, 501, 421, 530]),
    ("LIST", &[125, 150, 226, 250, 425, 426, 451, 450, 500, 501, 502, 421, 530]),
    ("NLST", &[125, 150, 226, 250, 425, 426, 451, 450, 500, 501, 502, 421, 530]),
    (
        "APPE",
        &[125, 150, 226, 250, 425, 426, 451, 551, 552, 532, 450, 550, 452, 553, 500, 501, 502, 421, 530],
    ),
    ("RNFR", &[450, 550, 500, 501, 502, 421, 530, 350]),
    ("RNTO", &[250, 532, 553, 500, 501, 502, 503, 421, 530]),
    ("DELE", &[250, 450, 550, 500, 501, 502, 421, 530]),
    ("RMD", &[250, 500, 501, 502, 421, 530, 550]),
    ("MKD", &[257, 500, 501, 502, 421, 530, 550]),
    ("PWD", &[257, 500, 501, 502, 421, 550]),
    ("ABOR", &[225, 226, 500, 501, 502, 421]),
    ("SYST", &[215, 500, 501, 502, 421]),
    ("STAT", &[211, 212, 213, 450, 500, 501, 502, 421, 530]),
    ("HELP", &[211, 214, 500, 501, 502, 421]),
    ("SITE", &[200, 202, 500, 501, 530]),
    ("NOOP", &[200, 500, 421]),
];

fn allowed(verb: &str) -> &'static [u16] {
    TABLE.iter().find(|(known, _)| *known == verb).map_or(&[], |(_, codes)| codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Result<Option<Reply>, Broken> {
        Reply::take(&mut BytesMut::from(text))
    }

    #[test]
    fn a_reply_ends_with_its_own_code_and_a_space() {
        let text = "211-a\r\n 211 no\r\n212 no\r\n211-no\r\n211 end\r\n";
        let reply = take(&format!("{text}200 next\r\n")).unwrap().unwrap();
        assert_eq!((reply.code, reply.lines.len(), reply.text().as_str()), (211, 5, "end"));
        assert_eq!(take(text.strip_suffix("\n").unwrap()), Ok(None));
    }

    #[test]
    fn what_is_no_reply_is_broken() {
        for wrong in ["200\r\n", "20 x\r\n", "200 x\n", "x\r\n", "\r\n"] {
            assert!(take(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn quotes_in_a_path_are_doubled() {
        let quoted = |text: &str| take(&format!("257 {text}\r\n")).unwrap().unwrap().quoted();
        assert_eq!(quoted("\"/a\"\"b\" made"), Ok("/a\"b".to_owned()));
        assert!(quoted("/a").is_err());
        assert!(quoted("\"/a").is_err());
    }
}
