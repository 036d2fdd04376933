//! SITE (RFC 959 §4.1.3): what this server has of its own, and nothing that runs programs.

use ropewalk_core::data::files::SetMeta;

use super::super::event::Ask;
use super::super::session::Session;
use super::facts::octal;
use super::split;
use crate::state::Stage;
use crate::wire::{Reply, parse_time};

/// How the commands of SITE are written.
const SITE: [&str; 4] = [
    "CHMOD MODE NAME",
    "UTIME YYYYMMDDHHMMSS NAME",
    "UTIME NAME ACCESSED MODIFIED CREATED UTC",
    "HELP [COMMAND]",
];

impl Session {
    pub(super) fn site(&mut self, argument: &[u8]) {
        let (what, rest) = split(argument);
        match what.to_ascii_uppercase().as_slice() {
            b"CHMOD" | b"UTIME" if self.stage != Stage::Ready => self.reply(530, "log in first"),
            b"CHMOD" => self.chmod(rest),
            b"UTIME" => self.utime(rest),
            b"HELP" => self.site_help(rest),
            _ => self.reply(504, "SITE HELP says what there is"),
        }
    }

    /// What there is, or how one of it is written.
    pub(super) fn site_help(&mut self, of: &[u8]) {
        let of = String::from_utf8_lossy(of).to_ascii_uppercase();
        let is_asked_for = |line: &&&str| of.is_empty() || line.split(' ').next() == Some(&*of);
        let lines: Vec<_> = SITE.iter().filter(is_asked_for).collect();
        if lines.is_empty() {
            return self.reply(502, "no such command of SITE");
        }
        let reply = lines.into_iter().fold(Reply::new(214, "SITE knows:"), |reply, line| reply.line(*line));
        self.say(&reply.end("End"));
    }

    fn chmod(&mut self, argument: &[u8]) {
        let (mode, path) = split(argument);
        let (Some(mode), false) = (octal(mode), path.is_empty()) else {
            return self.reply(501, "SITE CHMOD MODE NAME, with a mode of at most 777");
        };
        let mut facts = SetMeta::default();
        facts.mode = Some(mode);
        self.about(path, |path| Ask::Set(path, facts, Reply::new(200, "mode changed")));
    }

    /// The one form of Pure-FTPd, and the one of ProFTPD.
    fn utime(&mut self, argument: &[u8]) {
        let (first, path) = split(argument);
        let mut facts = SetMeta::default();
        let name = match parse_time(&padded(first)) {
            Some(time) => {
                (facts.mtime, facts.atime) = (Some(time), Some(time));
                path
            }
            None => {
                let mut words = argument.rsplitn(5, |byte| *byte == b' ');
                let zone = words.next().unwrap_or_default();
                let mut time = || words.next().and_then(|word| parse_time(&padded(word)));
                let (_, modified, accessed) = (time(), time(), time());
                if !zone.eq_ignore_ascii_case(b"UTC") || modified.is_none() || accessed.is_none() {
                    return self.reply(501, "SITE UTIME YYYYMMDDHHMMSS NAME");
                }
                (facts.mtime, facts.atime) = (modified, accessed);
                words.next().unwrap_or_default()
            }
        };
        if name.is_empty() {
            return self.reply(501, "SITE UTIME YYYYMMDDHHMMSS NAME");
        }
        self.about(name, |path| Ask::Set(path, facts, Reply::new(200, "times changed")));
    }
}

/// A time may come without its seconds.
fn padded(time: &[u8]) -> Vec<u8> {
    if time.len() == 12 { [time, b"00"].concat() } else { time.to_vec() }
}
