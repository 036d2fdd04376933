//! What is done around an answer: who gets one, how many, and what it says besides.

use std::time::{SystemTime, UNIX_EPOCH};

use ropewalk_core::Address;

use super::cookie::{COOKIE, Cookies, Seen};
use super::rrl::{Act, Class as Counted, Limiter};
use super::{Acl, Peer, Transport};
use crate::wire::{Name, NameRef, Query, Rcode};

/// Options of EDNS by their numbers.
const NSID: u16 = 3;
const COOKIE_OPTION: u16 = 10;
pub(super) const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;
const ERROR: u16 = 15;
/// Octets of an option's code and length.
const HEAD: usize = 4;
/// An answer is padded to a multiple of this (RFC 8467 §4.1).
const BLOCK: usize = 468;

/// What a server does around its answers.
#[derive(Debug, Default)]
pub struct Policies {
    /// Whose queries are answered, where a zone has nothing else of its own; everybody's, where there is none.
    pub queries: Option<Acl>,
    /// The same of single zones, in the canonical order of their names.
    pub zones: Vec<(Name, Acl)>,
    /// What makes and checks cookies, if there are any.
    pub cookies: Option<Cookies>,
    /// Whether a client that knows cookies must have one of ours before it is answered over UDP (RFC 7873 §5.2.3).
    pub cookie_required: bool,
    /// What tells this server from others of its address (RFC 5001).
    pub nsid: Option<Box<[u8]>>,
    /// What is answered to `version.bind` (RFC 4892).
    pub version: Option<String>,
    /// What is answered to `id.server` and `hostname.bind` (RFC 4892).
    pub id: Option<String>,
    /// How many answers there are over UDP.
    pub limiter: Option<Limiter>,
}

/// What a request says of its client, and asks besides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    cookie: Option<Seen>,
    nsid: bool,
    keepalive: bool,
    padded: bool,
}

/// Why a request is not answered as it wishes (RFC 8914 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Prohibited = 18,
    NotAuthoritative = 20,
    NotSupported = 21,
    NobodyReachable = 22,
    InvalidData = 24,
}

impl Policies {
    /// Reads what a request says in its options.
    ///
    /// # Errors
    /// FORMERR for options that are broken, BADCOOKIE for a client that must come again with the cookie that it gets.
    pub(super) fn read(&self, query: &Query<'_>, from: &Peer) -> (Asked, Result<(), Rcode>) {
        let mut asked = Asked::default();
        let Some(edns) = query.edns.filter(|edns| edns.version == 0) else { return (asked, Ok(())) };
        for (code, data) in edns.options() {
            match code {
                NSID => asked.nsid = true,
                COOKIE_OPTION => {
                    let Some(cookies) = &self.cookies else { continue };
                    // Of several the first counts (RFC 7873 §5.2).
                    if asked.cookie.is_none() {
                        asked.cookie = cookies.read(data, from.addr.ip(), now());
                        if asked.cookie.is_none() {
                            return (asked, Err(Rcode::FORMERR));
                        }
                    }
                }
                KEEPALIVE if matches!(from.transport, Transport::Tcp | Transport::Tls) => {
                    // A query says no time (RFC 7828 §3.2.1).
                    asked.keepalive = data.is_empty();
                }
                PADDING => asked.padded = true,
                _ => {}
            }
        }
        let udp = from.transport == Transport::Udp;
        match asked.cookie {
            Some(seen) if self.cookie_required && udp && !seen.valid => (asked, Err(Rcode::BADCOOKIE)),
            _ => (asked, Ok(())),
        }
    }

    /// Whether this peer, who has signed with this key or has not, may ask about this zone.
    pub(super) fn admits(&self, zone: Option<NameRef<'_>>, from: &Peer, key: Option<NameRef<'_>>) -> bool {
        let of_zone = zone.and_then(|zone| {
            let at = self.zones.binary_search_by(|(name, _)| name.view().cmp(&zone)).ok()?;
            self.zones.get(at).map(|(_, acl)| acl)
        });
        of_zone.or(self.queries.as_ref()).is_none_or(|acl| acl.admits(&Address::from(from.addr), key))
    }

    /// Whether a zone may have a rule of its own, or there is one for all.
    pub(super) fn restrict(&self) -> bool {
        self.queries.is_some() || !self.zones.is_empty()
    }

    /// What is answered to a question about this server, by its name (RFC 4892).
    pub(super) fn chaos(&self, name: NameRef<'_>) -> Option<&str> {
        let is = |wire: &[u8]| name.wire().eq_ignore_ascii_case(wire);
        if is(b"\x07version\x04bind\0") || is(b"\x07version\x06server\0") {
            return self.version.as_deref();
        }
        let asks_for_id = is(b"\x02id\x06server\0") || is(b"\x08hostname\x04bind\0");
        self.id.as_deref().filter(|_| asks_for_id)
    }

    /// Makes cookies with another secret, where nobody else knows it.
    pub(super) fn rotate(&self) {
        if let Some(Err(error)) = self.cookies.as_ref().map(Cookies::rotate) {
            error.log("cookies are made as before");
        }
    }

    /// Octets that the options of an answer take before it is known what it says; padding takes what is left.
    pub(super) fn reserve(&self, asked: &Asked) -> usize {
        let nsid = self.nsid.as_ref().filter(|_| asked.nsid).map_or(0, |nsid| HEAD + nsid.len());
        let cookie = asked.cookie.map_or(0, |_| HEAD + COOKIE);
        nsid + cookie + if asked.keepalive { HEAD + 2 } else { 0 }
    }

    /// Writes the options of an answer that has `size` octets with its OPT before them, of `most` at most.
    pub(super) fn write(
        &self,
        asked: &Asked,
        why: Option<Why>,
        from: &Peer,
        (size, most): (usize, usize),
        out: &mut Vec<u8>,
    ) {
        let before = out.len();
        if let Some(nsid) = self.nsid.as_ref().filter(|_| asked.nsid) {
            option(NSID, nsid, out);
        }
        if let Some((cookies, seen)) = self.cookies.as_ref().zip(asked.cookie) {
            option(COOKIE_OPTION, &cookies.answer(&seen, from.addr.ip(), now()), out);
        }
        if let (true, Some(idle)) = (asked.keepalive, from.idle) {
            // In tenths of a second.
            let tenths = u16::try_from(idle.as_millis() / 100).unwrap_or(u16::MAX);
            option(KEEPALIVE, &tenths.to_be_bytes(), out);
        }
        let sealed = matches!(from.transport, Transport::Tls | Transport::Https | Transport::Quic);
        let room = most.saturating_sub(size + out.len() - before);
        if let Some(why) = why.filter(|_| room >= HEAD + 2) {
            option(ERROR, &(why as u16).to_be_bytes(), out);
        }
        let size = size + out.len() - before + HEAD;
        if asked.padded && sealed && size <= most {
            let padding = (size.next_multiple_of(BLOCK)).min(most) - size;
            out.extend_from_slice(&PADDING.to_be_bytes());
            out.extend_from_slice(&(padding as u16).to_be_bytes());
            out.resize(out.len() + padding, 0);
        }
    }

    /// Counts an answer over UDP, whose address nobody vouches for unless a cookie does.
    pub(super) fn count(&self, asked: &Asked, from: &Peer, rcode: Rcode, answers: u16) -> Act {
        let Some(limiter) = &self.limiter else { return Act::Send };
        if from.transport != Transport::Udp || asked.cookie.is_some_and(|seen| seen.valid) {
            return Act::Send;
        }
        let class = match rcode {
            Rcode::NOERROR if answers > 0 => Counted::Answer,
            Rcode::NOERROR | Rcode::NXDOMAIN => Counted::Negative,
            _ => Counted::Error,
        };
        limiter.count(from.addr.ip(), class)
    }
}

fn option(code: u16, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
}

/// Seconds since 1970, as cookies count them: they wrap.
fn now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
