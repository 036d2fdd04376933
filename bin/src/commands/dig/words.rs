//! From words to a question.

use std::net::IpAddr;

use ropewalk_dns::client::Ask;
use ropewalk_dns::wire::{Class, Flags, Name, Type};

/// The path that DNS has on most web servers (RFC 8484 §4.1.1).
const PATH: &str = "/dns-query";

/// What the words of a command line say.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) ask: Ask,
    /// After `@`.
    pub(super) server: Option<String>,
    pub(super) by: By,
    /// Of HTTPS.
    pub(super) path: String,
    pub(super) short: bool,
    pub(super) ignore: bool,
    pub(super) tries: Option<u32>,
    /// The authorities to trust.
    pub(super) authorities: Option<String>,
    /// What the server's certificate must be for.
    pub(super) hostname: Option<String>,
}

/// What is asked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Udp,
    Tcp,
    Tls,
    Https,
    Quic,
}

impl Words {
    pub(super) fn read(words: &[String], reverse: Option<IpAddr>) -> Result<Self, String> {
        let mut name = reverse.map(arpa).transpose()?;
        let (mut qtype, mut qclass) = (None, None);
        let mut read = Self {
            ask: Ask::new(Name::root(), Type::A),
            server: None,
            by: By::Udp,
            path: PATH.into(),
            short: false,
            ignore: false,
            tries: None,
            authorities: None,
            hostname: None,
        };
        for word in words {
            if let Some(server) = word.strip_prefix('@') {
                read.server = Some(server.into());
            } else if let Some(option) = word.strip_prefix('+') {
                read.option(option)?;
            } else if name.is_none() {
                let parsed = word.parse::<Name>();
                name = Some(parsed.map_err(|error| format!("{word:?} is no name: {error}"))?);
            } else if let (None, Ok(known)) = (qtype, word.parse::<Type>()) {
                qtype = Some(known);
            } else if let (None, Ok(known)) = (qclass, word.parse::<Class>()) {
                qclass = Some(known);
            } else {
                return Err(format!("{word:?} is no type or class, or there is one already"));
            }
        }
        let usual = match (&name, reverse) {
            (None, _) => Type::NS,
            (_, Some(_)) => Type::PTR,
            _ => Type::A,
        };
        let question = &mut read.ask.question;
        question.name = name.unwrap_or_else(Name::root);
        question.qtype = qtype.unwrap_or(usual);
        question.qclass = qclass.unwrap_or(Class::IN);
        if question.qtype == Type::IXFR {
            return Err("IXFR needs a serial to begin with, and a zone to apply it to: ask for AXFR".into());
        }
        Ok(read)
    }

    fn option(&mut self, option: &str) -> Result<(), String> {
        let (key, value) = option.split_once('=').map_or((option, None), |(key, value)| (key, Some(value)));
        let number =
            || value.and_then(|value| value.parse::<u32>().ok()).ok_or_else(|| format!("+{key}=NUMBER"));
        match (key, value) {
            ("tcp", None) => self.by = By::Tcp,
            ("notcp", None) => self.by = By::Udp,
            ("tls", None) => self.by = By::Tls,
            ("https", path) => {
                self.by = By::Https;
                self.path = path.unwrap_or(PATH).into();
                if !self.path.starts_with('/') {
                    return Err("+https=/PATH: a path begins with a slash".into());
                }
            }
            ("quic", None) if cfg!(feature = "quic") => self.by = By::Quic,
            ("quic", None) => return Err("+quic: this program was built without QUIC".into()),
            // Others mean by it that the certificate is looked at, which it is here.
            ("tls-ca", None) => {}
            ("tls-ca", Some(file)) => self.authorities = Some(file.into()),
            ("tls-hostname", Some(name)) => self.hostname = Some(name.into()),
            ("short", None) => self.short = true,
            ("ignore", None) => self.ignore = true,
            ("recurse", None) => self.ask.flags = self.ask.flags.with(Flags::RD),
            ("norecurse" | "norec", None) => self.ask.flags = Flags(self.ask.flags.0 & !Flags::RD.0),
            ("cdflag" | "cd", None) => self.ask.flags = self.ask.flags.with(Flags::CD),
            ("adflag" | "ad", None) => self.ask.flags = self.ask.flags.with(Flags::AD),
            ("dnssec" | "do", None) => match &mut self.ask.edns {
                Some(wants) => wants.dnssec = true,
                None => return Err("+dnssec needs EDNS".into()),
            },
            ("noedns", None) => self.ask.edns = None,
            ("bufsize", Some(_)) => {
                let size = u16::try_from(number()?).map_err(|_| "+bufsize is at most 65535")?;
                match &mut self.ask.edns {
                    Some(wants) => wants.size = size,
                    None => return Err("+bufsize needs EDNS".into()),
                }
            }
            ("tries", Some(_)) => self.tries = Some(number()?.clamp(1, 100)),
            _ => return Err(format!("+{option} is unknown")),
        }
        Ok(())
    }
}

/// The name that an address has (RFC 1035 §3.5, RFC 3596).
fn arpa(address: IpAddr) -> Result<Name, String> {
    let text = match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 0xf, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa."
        }
    };
    text.parse().map_err(|error| format!("{address}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Words, String> {
        Words::read(&line.split_whitespace().map(String::from).collect::<Vec<_>>(), None)
    }

    #[test]
    fn words_come_in_any_order() {
        for line in [
            "example.org MX @192.0.2.1 +tcp",
            "+tcp @192.0.2.1 example.org mx",
            "example.org +tcp TYPE15 @192.0.2.1",
        ] {
            let words = read(line).unwrap();
            assert_eq!(words.ask.question.to_string(), "example.org. IN MX", "{line}");
            assert_eq!((words.server.as_deref(), words.by), (Some("192.0.2.1"), By::Tcp), "{line}");
        }
        assert_eq!(read("version.bind CH TXT").unwrap().ask.question.to_string(), "version.bind. CH TXT");
        assert_eq!(read("").unwrap().ask.question.to_string(), ". IN NS");
        assert_eq!(read("a +https=/q").unwrap().path, "/q");
    }

    #[test]
    fn options_say_how() {
        let words = read("a +norecurse +dnssec +bufsize=4096 +short +tries=1").unwrap();
        assert_eq!((words.ask.flags, words.short, words.tries), (Flags::default(), true, Some(1)));
        assert_eq!(words.ask.edns.map(|wants| (wants.size, wants.dnssec)), Some((4096, true)));
        assert!(read("a +noedns").unwrap().ask.edns.is_none());
        let words = read("a +tls +tls-ca=ca.pem +tls-hostname=dns.example").unwrap();
        assert_eq!((words.authorities.as_deref(), words.by), (Some("ca.pem"), By::Tls));
        assert_eq!(words.hostname.as_deref(), Some("dns.example"));
        assert_eq!(read("a +tls-ca").unwrap().authorities, None);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (line, says) in [
            ("a..b", "is no name"),
            ("a MX A", "there is one already"),
            ("a BOGUS", "is no type"),
            ("a +bogus", "+bogus is unknown"),
            ("a +bufsize=x", "+bufsize=NUMBER"),
            ("a +https=q", "slash"),
            ("a IXFR", "serial"),
        ] {
            assert!(read(line).unwrap_err().contains(says), "{line}");
        }
    }

    #[test]
    fn addresses_have_names() {
        let name = |address: &str| arpa(address.parse().unwrap()).unwrap().to_string();
        assert_eq!(name("192.0.2.10"), "10.2.0.192.in-addr.arpa.");
        assert_eq!(
            name("2001:db8::a5"),
            "5.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."
        );
    }
}
