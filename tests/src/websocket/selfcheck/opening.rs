//! How the reference server answers an opening handshake: RFC 6455 §4.2.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::fault::Fault;
use crate::websocket::opening::accept;
use crate::websocket::{ORIGIN, SUBPROTOCOLS};

/// The client's handshake, read and not judged.
pub(super) struct Request {
    method: String,
    target: String,
    version: String,
    fields: Vec<(String, String)>,
    fault: Option<Fault>,
}

/// A status code that refuses.
type Refused = u16;

impl Request {
    pub(super) fn parse(head: &str, fault: Option<Fault>) -> Result<Self, Refused> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ').map(ToOwned::to_owned);
        let mut word = || words.next().ok_or(400_u16);
        let (method, target, version) = (word()?, word()?, word()?);
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
        };
        let fields = lines.filter(|line| !line.is_empty()).map(|line| field(line).ok_or(400_u16));
        Ok(Self { method, target, version, fields: fields.collect::<Result<_, _>>()?, fault })
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let by_case = self.is(Fault::NamesByCase);
        let found = move |field: &str| if by_case { field == name } else { field.eq_ignore_ascii_case(name) };
        self.fields.iter().filter(move |(field, _)| found(field)).map(|(_, value)| value.as_str())
    }

    /// The one value of a field that may not stand twice.
    fn one<'a>(&'a self, name: &'a str, first: Fault) -> Result<Option<&'a str>, Refused> {
        let mut all = self.all(name);
        let value = all.next();
        if all.next().is_some() && !self.is(first) { Err(400) } else { Ok(value) }
    }

    pub(super) fn content_length(&self) -> usize {
        self.all("Content-Length").next().and_then(|length| length.parse().ok()).unwrap_or(0)
    }

    /// Whether the client asked for any extension.
    pub(super) fn asks(&self) -> bool {
        self.all("Sec-WebSocket-Extensions").next().is_some()
    }

    pub(super) fn upgrades_by_list(&self) -> bool {
        self.all("Upgrade").any(|value| value.contains(','))
    }

    /// The lines of a 101, or the status code of an error.
    pub(super) fn answer(&self) -> Result<Vec<String>, Refused> {
        self.request_line()?;
        self.connection()?;
        let key = self.key()?;
        self.version()?;
        self.origin()?;
        let mut lines = Vec::new();
        if !self.is(Fault::UpgradeUnsaid) {
            lines.push("Upgrade: websocket".into());
        }
        if !self.is(Fault::ConnectionUnsaid) {
            lines.push("Connection: Upgrade".into());
        }
        lines.push(format!("Sec-WebSocket-Accept: {}", accept(&key)));
        if self.is(Fault::AcceptTwice) {
            lines.push(format!("Sec-WebSocket-Accept: {}", accept(&key)));
        }
        if let Some(agreed) = self.protocol()? {
            lines.push(format!("Sec-WebSocket-Protocol: {agreed}"));
        }
        if let Some(agreed) = self.extensions()? {
            lines.push(format!("Sec-WebSocket-Extensions: {agreed}"));
        }
        if self.is(Fault::LengthIn101) {
            lines.push("Content-Length: 0".into());
        }
        Ok(lines)
    }

    fn request_line(&self) -> Result<(), Refused> {
        if self.method != "GET" && !self.is(Fault::AnyMethod) {
            return Err(405);
        }
        if self.version != "HTTP/1.1" && !self.is(Fault::AnyHttpVersion) {
            return Err(505);
        }
        if self.all("Host").count() != 1 && !self.is(Fault::AnyHost) {
            return Err(400);
        }
        let path = match self.target.strip_prefix("http://") {
            Some(_) if self.is(Fault::OriginFormOnly) => return Err(400),
            Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None => &self.target,
        };
        if path == "/" || self.is(Fault::AnyPath) { Ok(()) } else { Err(404) }
    }

    fn connection(&self) -> Result<(), Refused> {
        let upgrades: Vec<_> =
            self.all("Upgrade").flat_map(|value| value.split(',')).map(str::trim).collect();
        let found = upgrades.iter().any(|name| match self.fault {
            Some(Fault::AnyUpgrade) => true,
            Some(Fault::UpgradeByCase) => *name == "websocket",
            _ => name.eq_ignore_ascii_case("websocket"),
        });
        if !(found || self.is(Fault::UpgradeUnneeded) && upgrades.is_empty()) {
            return Err(400);
        }
        let lines: Vec<_> =
            self.all("Connection").take(if self.is(Fault::FirstConnectionLine) { 1 } else { 9 }).collect();
        let split = |line: &&str| -> Vec<String> {
            if self.is(Fault::ConnectionAlone) {
                vec![line.to_string()]
            } else {
                line.split(',').map(|token| token.trim().to_owned()).collect()
            }
        };
        let found = lines.iter().flat_map(split).any(|token| match self.fault {
            Some(Fault::AnyConnection) => token.to_ascii_lowercase().contains("upgrade"),
            Some(Fault::ConnectionByCase) => token == "Upgrade",
            _ => token.eq_ignore_ascii_case("upgrade"),
        });
        if !(found || self.is(Fault::ConnectionUnneeded) && lines.is_empty()) {
            return Err(400);
        }
        let first = self.fields.first().map(|(name, _)| name.as_str());
        if self.is(Fault::FieldsInOrder) && first.is_none_or(|name| !name.eq_ignore_ascii_case("host")) {
            return Err(400);
        }
        if self.is(Fault::RefusesUnknownFields)
            && self.fields.iter().any(|(name, _)| name == "Sec-WebSocket-Rope")
        {
            return Err(400);
        }
        Ok(())
    }

    fn key(&self) -> Result<String, Refused> {
        let key = match self.one("Sec-WebSocket-Key", Fault::FirstKey)? {
            Some(key) => key,
            None if self.is(Fault::KeyUnneeded) => "",
            None => return Err(400),
        };
        let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        let decoded = GeneralPurpose::new(&base64::alphabet::STANDARD, config).decode(key);
        let length = decoded.as_ref().map(Vec::len).ok();
        let met = match length {
            None => self.is(Fault::KeyUndecoded),
            Some(16) => true,
            Some(octets) => (octets > 0 && self.is(Fault::KeyOfAnyLength)) || self.is(Fault::KeyUnneeded),
        };
        if !met {
            return Err(400);
        }
        Ok(match self.fault {
            Some(Fault::ConstantAccept) => crate::websocket::opening::KEY.into(),
            Some(Fault::DecodesKey) => STANDARD.encode(decoded.unwrap_or_default()),
            _ => key.into(),
        })
    }

    fn version(&self) -> Result<(), Refused> {
        let version = match self.one("Sec-WebSocket-Version", Fault::FirstVersion)? {
            Some(version) => version,
            None if self.is(Fault::VersionUnneeded) => return Ok(()),
            None => return Err(426),
        };
        let lenient = || {
            let digits: String =
                version.chars().skip_while(|c| *c == '+').take_while(char::is_ascii_digit).collect();
            digits.parse() == Ok(13)
        };
        let any = self.is(Fault::AnyVersion) || (self.is(Fault::LenientVersion) && lenient());
        if version == "13" || any { Ok(()) } else { Err(426) }
    }

    fn origin(&self) -> Result<(), Refused> {
        let Some(origin) = self.all("Origin").next() else { return Ok(()) };
        let met = match self.fault {
            Some(Fault::AnyOrigin) => true,
            Some(Fault::OriginByPrefix) => origin.starts_with(ORIGIN),
            Some(Fault::NoOrigin) => false,
            _ => origin == ORIGIN,
        };
        if met {
            Ok(())
        } else if self.is(Fault::ForeignOriginIs400) {
            Err(400)
        } else {
            Err(403)
        }
    }

    fn protocol(&self) -> Result<Option<String>, Refused> {
        let lines = self
            .all("Sec-WebSocket-Protocol")
            .take(if self.is(Fault::FirstProtocolLine) { 1 } else { 9 })
            .flat_map(|line| line.split(','));
        let offered: Vec<_> = lines.map(str::trim).collect();
        if !offered.iter().all(|name| is_token(name)) && !self.is(Fault::AnyProtocolSyntax) {
            return Err(400);
        }
        if self.is(Fault::InventsProtocol) && offered.is_empty() {
            return Ok(Some(SUBPROTOCOLS[0].into()));
        }
        let looked_at = if self.is(Fault::FirstProtocolOnly) { 1 } else { offered.len() };
        let known = |name: &&&str| SUBPROTOCOLS.contains(*name) || self.is(Fault::EchoesProtocol);
        let mut agreed = offered.iter().take(looked_at).filter(known).map(|name| (*name).to_owned());
        Ok(if self.is(Fault::AllProtocols) {
            Some(agreed.collect::<Vec<_>>().join(", ")).filter(|all| !all.is_empty())
        } else {
            agreed.next()
        })
    }

    /// None is known.
    fn extensions(&self) -> Result<Option<String>, Refused> {
        let lines: Vec<_> = self.all("Sec-WebSocket-Extensions").collect();
        let members = || lines.iter().flat_map(|line| line.split(','));
        if !members().all(is_extension) && !self.is(Fault::AnyExtensionSyntax) {
            return Err(400);
        }
        let refuses = match self.fault {
            Some(Fault::OneExtensionLine) => lines.len() > 1,
            Some(Fault::RefusesExtensions) => !lines.is_empty(),
            _ => false,
        };
        if refuses {
            return Err(400);
        }
        Ok(match self.fault {
            Some(Fault::InventsExtension) if lines.is_empty() => Some("permessage-deflate".into()),
            Some(Fault::EchoesExtensions) if !lines.is_empty() => Some(lines.join(", ")),
            _ => None,
        })
    }
}

/// RFC 6455 §9.1: a token, then parameters.
fn is_extension(member: &str) -> bool {
    let mut parts = member.split(';').map(str::trim);
    parts.next().is_some_and(is_token)
        && parts.all(|parameter| match parameter.split_once('=') {
            None => is_token(parameter),
            Some((name, value)) => {
                let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                is_token(name) && is_token(quoted.unwrap_or(value))
            }
        })
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
