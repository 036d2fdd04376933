//! TYPE, MODE, STRU, PORT, PASV, REST, RETR, STOR, ABOR and their kin (RFC 959 §4.1.2, RFC 2428, RFC 3659 §5).

use std::net::{IpAddr, SocketAddr, SocketAddrV4};

use super::super::event::{Event, Family, Store, Transfer, What};
use super::super::session::{Asked, Session};
use crate::wire::{BadAddress, Reply, parse_eprt, parse_port, write_epsv_reply, write_pasv_reply};

/// What is said about a port that waits.
pub(in super::super) fn passive_reply(at: SocketAddr, extended: bool) -> Reply {
    match at {
        _ if extended => Reply::new(229, write_epsv_reply(at.port())),
        SocketAddr::V4(at) => Reply::new(227, write_pasv_reply(at)),
        SocketAddr::V6(_) => Reply::new(425, "PASV cannot say IPv6 addresses: EPSV"),
    }
}

impl Session {
    pub(super) fn set_type(&mut self, argument: &[u8]) {
        self.ascii = match argument.to_ascii_uppercase().as_slice() {
            // RFC 1123 §4.1.2: a host for which T makes no difference takes it for N.
            b"A" | b"A N" | b"A T" => true,
            b"I" | b"L 8" | b"L8" => false,
            b"A C" | b"E" | b"E N" | b"E T" | b"E C" => return self.reply(504, "A, I or L 8"),
            [b'L', ..] => return self.reply(504, "a byte has 8 bits"),
            _ => return self.reply(501, "TYPE A, I or L 8"),
        };
        self.reply(200, if self.ascii { "type is ASCII" } else { "type is image" });
    }

    pub(super) fn mode(&mut self, mode: &[u8]) {
        match mode.to_ascii_uppercase().as_slice() {
            b"S" => self.reply(200, "mode is stream"),
            b"B" | b"C" | b"Z" => self.reply(504, "only S"),
            _ => self.reply(501, "MODE S"),
        }
    }

    pub(super) fn stru(&mut self, structure: &[u8]) {
        match structure.to_ascii_uppercase().as_slice() {
            b"F" => self.reply(200, "structure is file"),
            b"R" | b"P" => self.reply(504, "only F"),
            _ => self.reply(501, "STRU F"),
        }
    }

    pub(super) fn allo(&mut self, argument: &[u8]) {
        let octets = argument.split(|byte| *byte == b' ').next().unwrap_or_default();
        match number(octets) {
            Some(octets) => {
                self.sticky.allocate = Some(octets);
                self.reply(200, "noted");
            }
            None => self.reply(501, "ALLO OCTETS"),
        }
    }

    pub(super) fn rest(&mut self, argument: &[u8]) {
        match number(argument) {
            Some(offset) => {
                self.sticky.restart = offset;
                self.say(&Reply::new(350, format!("restarting at {offset}")));
            }
            None => self.reply(501, "REST OFFSET"),
        }
    }

    pub(super) fn pasv(&mut self, _: &[u8]) {
        if self.only_epsv() {
            return;
        }
        self.ask(Asked::Passive { extended: false }, Event::Passive(Family::V4));
    }

    pub(super) fn epsv(&mut self, argument: &[u8]) {
        let family = match argument.to_ascii_uppercase().as_slice() {
            b"" => Family::Same,
            b"1" => Family::V4,
            b"2" => Family::V6,
            b"ALL" => {
                self.epsv_all = true;
                return self.reply(200, "EPSV only, from now on");
            }
            other if number(other).is_some() => return self.reply(522, "protocol not supported, use (1,2)"),
            _ => return self.reply(501, "EPSV, EPSV 1, EPSV 2 or EPSV ALL"),
        };
        self.ask(Asked::Passive { extended: true }, Event::Passive(family));
    }

    pub(super) fn port(&mut self, argument: &[u8]) {
        let at = parse_port(argument).map(SocketAddrV4::into);
        self.active(at);
    }

    pub(super) fn eprt(&mut self, argument: &[u8]) {
        self.active(parse_eprt(argument));
    }

    fn active(&mut self, at: Result<SocketAddr, BadAddress>) {
        if self.only_epsv() {
            return;
        }
        if !self.options.active {
            return self.reply(502, "use EPSV or PASV");
        }
        match at {
            // RFC 2577 §3: a port below 1024 is a service, and no client of ours.
            Ok(at) if at.port() < 1024 => self.reply(501, "a privileged port is not connected to"),
            Ok(at) => self.ask(Asked::Reply, Event::Active(at)),
            Err(error @ BadAddress::Protocol) => self.reply(522, &error.to_string()),
            Err(error) => self.reply(501, &error.to_string()),
        }
    }

    fn only_epsv(&mut self) -> bool {
        if self.epsv_all {
            self.reply(501, "EPSV ALL was said");
        }
        self.epsv_all
    }

    pub(super) fn retr(&mut self, path: &[u8]) {
        let from = self.sticky.restart;
        if self.no_restart_in_ascii(from) {
            return;
        }
        self.begin(path, What::Retrieve(from));
    }

    pub(super) fn stor(&mut self, path: &[u8]) {
        let from = self.sticky.restart;
        if self.no_restart_in_ascii(from) {
            return;
        }
        let store = if from > 0 { Store::Resume(from) } else { Store::Replace };
        self.begin(path, What::Store(store, self.sticky.allocate));
    }

    pub(super) fn appe(&mut self, path: &[u8]) {
        self.begin(path, What::Store(Store::Append, None));
    }

    pub(super) fn stou(&mut self, path: &[u8]) {
        let path = if path.is_empty() { b"ftp" } else { path };
        self.begin(path, What::Store(Store::Unique, self.sticky.allocate));
    }

    /// An offset in converted text is one in no file of ours.
    fn no_restart_in_ascii(&mut self, from: u64) -> bool {
        let refused = from > 0 && self.is_converted();
        if refused {
            self.reply(554, "REST needs TYPE I");
        }
        refused
    }

    fn is_converted(&self) -> bool {
        self.ascii && self.options.ascii
    }

    fn begin(&mut self, path: &[u8], what: What) {
        let Some(path) = self.path(path) else { return };
        let transfer = Transfer { what, path, ascii: self.is_converted(), private: self.tls.private };
        self.ask(Asked::Begin, Event::Begin(transfer));
    }

    pub(super) fn abor(&mut self, _: &[u8]) {
        self.ask(Asked::Abort, Event::Abort);
    }
}

/// A number of digits alone.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

/// The address that is said to a client: that of the socket, or the public one.
pub(in super::super) fn said(at: SocketAddr, public: Option<std::net::Ipv4Addr>) -> SocketAddr {
    match (at.ip(), public) {
        (IpAddr::V4(_), Some(public)) => SocketAddr::new(public.into(), at.port()),
        _ => at,
    }
}
