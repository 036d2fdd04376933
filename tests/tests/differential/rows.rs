//! What differs, and which rule decides.

use super::judges::{Answer, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Hyper,
    Nginx,
}

use Peer::{Hyper, Nginx};

/// A request taken apart as loosely as can be: a line ends with any LF, a field begins at any colon.
pub(crate) struct Request<'a> {
    /// The head, with its empty line, and what is before it.
    head: &'a [u8],
    line: &'a [u8],
    fields: Vec<(&'a [u8], &'a [u8])>,
    /// What follows the head.
    body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let begin = bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(bytes.len());
        let mut at = begin;
        let mut lines = Vec::new();
        while let Some(end) = bytes[at..].iter().position(|byte| *byte == b'\n') {
            let line = &bytes[at..at + end];
            at += end + 1;
            match line.strip_suffix(b"\r").unwrap_or(line) {
                b"" => break,
                line => lines.push(line),
            }
        }
        let mut lines = lines.into_iter();
        let line = lines.next().unwrap_or_default();
        let colon = |line: &'a [u8]| line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let fields = lines.map(|line| line.split_at(colon(line))).collect();
        Self { head: &bytes[..at], line, fields, body: &bytes[at..] }
    }

    /// What follows the first request, where its content is this long.
    pub(crate) fn rest(&self, octets: usize) -> &'a [u8] {
        let end = self.body.windows(4).position(|it| it == b"\r\n\r\n").map_or(0, |end| end + 4);
        self.body.get(if self.has("transfer-encoding") { end } else { octets }..).unwrap_or_default()
    }

    /// The values of a field, without the whitespace around them.
    fn all(&self, name: &str) -> Vec<&'a [u8]> {
        let is = |it: &&(&'a [u8], &'a [u8])| it.0.eq_ignore_ascii_case(name.as_bytes());
        self.fields
            .iter()
            .filter(is)
            .map(|(_, value)| value.get(1..).unwrap_or_default().trim_ascii())
            .collect()
    }

    fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    fn field(&self, fits: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        self.fields.iter().any(|(name, value)| fits(name, value))
    }

    fn has_bare_cr(text: &[u8]) -> bool {
        text.windows(2).any(|two| two[0] == b'\r' && two[1] != b'\n')
    }

    fn has_bare_lf(text: &[u8]) -> bool {
        text.first() == Some(&b'\n') || text.windows(2).any(|two| two[0] != b'\r' && two[1] == b'\n')
    }

    fn is_cut(&self) -> bool {
        !self.head.ends_with(b"\n") || (self.has("transfer-encoding") && !is_chunked(self.body))
    }

    /// What RFC 3986 lets programs read in two ways.
    fn has_doubtful_path(&self) -> bool {
        let target = String::from_utf8_lossy(self.target()).to_ascii_lowercase();
        let path = target.split('?').next().unwrap_or_default();
        let bad = path
            .split('%')
            .skip(1)
            .any(|after| !after.as_bytes().get(..2).is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit)));
        let dots = path.replace("%2e", ".").split(['/', '\\']).any(|name| name == "..");
        bad || dots || ["%00", "%2f", "%5c", "\\"].iter().any(|part| path.contains(part))
    }

    fn words(&self) -> Vec<&'a [u8]> {
        self.line.split(|byte| *byte == b' ').collect()
    }

    fn method(&self) -> &'a [u8] {
        self.words()[0]
    }

    fn target(&self) -> &'a [u8] {
        self.words().get(1).copied().unwrap_or_default()
    }

    fn version(&self) -> &'a [u8] {
        self.words().get(2).copied().unwrap_or_default()
    }
}

fn is_tchar(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(is_tchar)
}

fn is_control(byte: &u8) -> bool {
    byte.is_ascii_control() && *byte != b'\t'
}

fn holds(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|it| it.eq_ignore_ascii_case(part.as_bytes()))
}

/// The members of all lines of a list.
fn members(lines: &[&[u8]]) -> Vec<Vec<u8>> {
    let all = lines.join(&b',').to_ascii_lowercase();
    all.split(|byte| *byte == b',').map(|it| it.trim_ascii().to_vec()).filter(|it| !it.is_empty()).collect()
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), or nothing.
fn is_host(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let colon = text.rfind(':').filter(|colon| !text[*colon..].contains(']'));
    let (host, port) = colon.map_or((&*text, ""), |colon| (&text[..colon], &text[colon + 1..]));
    let is_port =
        port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte))
    };
    let escapes = host
        .split('%')
        .skip(1)
        .all(|after| after.len() > 1 && after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit));
    let is_host = match host.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']').is_some_and(|it| it.parse::<std::net::Ipv6Addr>().is_ok()),
        None => is_name(host) && escapes,
    };
    text.is_empty() || (is_host && is_port && !host.is_empty())
}

/// One of the four forms of RFC 9112 §3.2, in the octets of RFC 3986 and those more that browsers send as they are.
fn is_target(method: &[u8], target: &[u8]) -> bool {
    let query = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let is_uri = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%|{}\"^[]\\".contains(byte);
    let are_uri = target[..query].iter().all(is_uri)
        && target[query..].iter().all(|byte| is_uri(byte) || *byte == b'`');
    let text = String::from_utf8_lossy(target).to_ascii_lowercase();
    match target {
        [b'/', ..] => method != b"CONNECT" && are_uri,
        b"*" => method == b"OPTIONS",
        _ if method == b"CONNECT" => {
            is_host(target)
                && text.ends_with(|last: char| last.is_ascii_digit())
                && !text.starts_with(':')
                && text.contains(':')
        }
        _ => {
            let rest = text.strip_prefix("http://").or(text.strip_prefix("https://")).unwrap_or_default();
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            !authority.is_empty() && is_host(authority.as_bytes()) && are_uri
        }
    }
}

/// A whole body in the chunked coding (RFC 9112 §7.1), with at most 16 digits in a size, and what follows it.
fn is_chunked(mut body: &[u8]) -> bool {
    let line = |body: &mut &[u8]| {
        let end = body.windows(2).position(|two| two == b"\r\n")?;
        let line = body[..end].to_vec();
        *body = &body[end + 2..];
        (!line.iter().any(is_control)).then_some(line)
    };
    loop {
        let Some(head) = line(&mut body) else { return false };
        let digits = head.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, extensions) = head.split_at(digits);
        let size = usize::from_str_radix(&String::from_utf8_lossy(size), 16);
        match size {
            _ if !are_extensions(extensions) => return false,
            Err(_) => return false,
            _ if digits > 16 => return false,
            Ok(0) => break,
            Ok(octets) if body.get(octets..).is_some_and(|after| after.starts_with(b"\r\n")) => {
                body = &body[octets + 2..]
            }
            Ok(_) => return false,
        }
    }
    loop {
        match line(&mut body) {
            None => return false,
            Some(field) if field.is_empty() => return true,
            Some(field)
                if field.iter().position(|byte| *byte == b':').is_none_or(|at| !is_token(&field[..at])) =>
            {
                return false;
            }
            Some(_) => {}
        }
    }
}

fn are_extensions(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    // What is quoted is a word; what is not ended is none.
    if text.matches('"').count() % 2 == 1 {
        return false;
    }
    let text: String =
        text.split('"').enumerate().map(|(n, part)| if n % 2 == 1 { "q" } else { part }).collect();
    let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
    let is_extension =
        |part: &str| part.splitn(2, '=').all(|word| is_token(word.trim_matches([' ', '\t']).as_bytes()));
    parts.next() == Some("") && !text.ends_with([' ', '\t']) && parts.all(is_extension)
}

/// The name of what explains a difference.
pub(crate) fn explain(peer: Peer, differ: &Differ<'_>) -> Option<&'static str> {
    let is_stricter =
        differ.ours.refusal() == Some(400) && differ.theirs.0.first().is_some_and(Answer::is_read);
    let fault =
        FAULTS.iter().find(|fault| is_stricter && fault.peers.contains(&peer) && (fault.is)(differ.at));
    let row = || ROWS.iter().find(|row| row.peers.contains(&peer) && (row.fits)(differ));
    fault.map(|fault| fault.name).or_else(|| row().map(|row| row.name))
}

/// The names of all that explains a difference from this peer, and why it does.
pub(crate) fn known(peer: Peer) -> impl Iterator<Item = (&'static str, &'static str)> {
    let faults = FAULTS.iter().filter(move |it| it.peers.contains(&peer)).map(|it| (it.name, it.why));
    faults.chain(ROWS.iter().filter(move |it| it.peers.contains(&peer)).map(|it| (it.name, it.why)))
}

/// Something that a request must not have.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// Who does not refuse it, as we do.
    pub(crate) peers: &'static [Peer],
    /// Which rule decides.
    pub(crate) why: &'static str,
    pub(crate) is: fn(&Request<'_>) -> bool,
}

/// Another difference that is known.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) peers: &'static [Peer],
    /// Which rule decides, and why we are right.
    pub(crate) why: &'static str,
    pub(crate) fits: fn(&Differ<'_>) -> bool,
}

/// Where two verdicts begin to differ.
pub(crate) struct Differ<'a> {
    pub(crate) first: &'a Request<'a>,
    /// The first that is not read alike.
    pub(crate) at: &'a Request<'a>,
    pub(crate) ours: Verdict,
    pub(crate) theirs: Verdict,
}

impl Differ<'_> {
    /// We read what they refuse so.
    fn is_laxer(&self, statuses: &[u16]) -> bool {
        self.ours.refusal().is_none()
            && self.theirs.refusal().is_some_and(|status| statuses.contains(&status))
    }

    fn statuses(&self, ours: u16, theirs: u16) -> bool {
        self.ours.refusal() == Some(ours) && self.theirs.refusal() == Some(theirs)
    }
}

const NONE: &[Peer] = &[];
const HYPER: &[Peer] = &[Hyper];
const NGINX: &[Peer] = &[Nginx];
const BOTH: &[Peer] = &[Hyper, Nginx];

/// What we refuse by 400. No request that we read has any of it.
pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "a line feed alone",
        peers: BOTH,
        why: "RFC 9112 §2.2: it may be taken for a line end; who does not take it so sees other lines",
        is: |it| Request::has_bare_lf(it.head),
    },
    Fault {
        name: "a carriage return alone",
        peers: NGINX,
        why: "RFC 9112 §2.2: invalid, or to be replaced",
        is: |it| Request::has_bare_cr(it.head),
    },
    Fault {
        name: "many empty lines before",
        peers: BOTH,
        why: "RFC 9112 §2.2: one is to be passed over; more than four are no accident",
        is: |it| it.head.starts_with(b"\r\n\r\n\r\n\r\n\r\n"),
    },
    Fault {
        name: "other than three words",
        peers: NGINX,
        why: "RFC 9112 §3: three, with one space between them",
        is: |it| it.words().len() != 3 || it.words().contains(&&b""[..]),
    },
    Fault { name: "no method", peers: NONE, why: "RFC 9110 §9.1: a token", is: |it| !is_token(it.method()) },
    Fault {
        name: "a version that is none",
        peers: NGINX,
        why: "RFC 9112 §2.3: one digit, a dot, one digit",
        is: |it| !matches!(it.version(), [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']),
    },
    Fault {
        name: "a folded field",
        peers: NONE,
        why: "RFC 9112 §5.2: 400, or spaces in its place",
        is: |it| it.field(|name, _| name.starts_with(b" ") || name.starts_with(b"\t")),
    },
    Fault {
        name: "white space before a colon",
        peers: NONE,
        why: "RFC 9112 §5.1: 400",
        is: |it| it.field(|name, value| !value.is_empty() && name.trim_ascii_end() != name),
    },
    Fault {
        name: "a name that is none",
        peers: NGINX,
        why: "RFC 9110 §5.1: a token; who passes over such a line hides from itself what others see",
        is: |it| it.field(|name, value| value.is_empty() || !is_token(name)),
    },
    Fault {
        name: "a control in a value",
        peers: NGINX,
        why: "RFC 9110 §5.5: CR, LF and NUL are to be refused or replaced; the others are invalid, and of no use",
        is: |it| it.field(|_, value| value.iter().any(is_control)),
    },
    Fault {
        name: "no host",
        peers: HYPER,
        why: "RFC 9112 §3.2: 400",
        is: |it| it.version() != b"HTTP/1.0" && !it.has("host"),
    },
    Fault { name: "two hosts", peers: HYPER, why: "RFC 9112 §3.2: 400", is: |it| it.all("host").len() > 1 },
    Fault {
        name: "a host that is none",
        peers: BOTH,
        why: "RFC 9112 §3.2: 400",
        is: |it| it.all("host").iter().any(|host| !is_host(host)),
    },
    Fault {
        name: "a length and a coding",
        peers: HYPER,
        why: "RFC 9112 §6.3: ought to be handled as an error; it is how requests are smuggled",
        is: |it| it.has("content-length") && it.has("transfer-encoding"),
    },
    Fault {
        name: "two lengths",
        peers: HYPER,
        why: "RFC 9112 §6.3: to be refused, unless both are the same; who said it twice has merged two messages",
        is: |it| {
            it.all("content-length").len() > 1 || it.all("content-length").iter().any(|it| it.contains(&b','))
        },
    },
    Fault {
        name: "a length that is none",
        peers: NONE,
        why: "RFC 9112 §6.3: 400",
        is: |it| {
            it.all("content-length").iter().any(|it| it.is_empty() || !it.iter().all(u8::is_ascii_digit))
        },
    },
    Fault {
        name: "a coding in 1.0",
        peers: NONE,
        why: "RFC 9112 §6.1: to be treated as faulty framing",
        is: |it| it.version() == b"HTTP/1.0" && it.has("transfer-encoding"),
    },
    Fault {
        name: "codings that do not end in chunked",
        peers: NONE,
        why: "RFC 9112 §6.3: 400",
        is: |it| {
            it.has("transfer-encoding")
                && members(&it.all("transfer-encoding")).last().is_none_or(|it| it != b"chunked")
        },
    },
    Fault {
        name: "chunked twice",
        peers: HYPER,
        why: "RFC 9112 §6.1: never applied twice",
        is: |it| members(&it.all("transfer-encoding")).iter().filter(|it| *it == b"chunked").count() > 1,
    },
    Fault {
        name: "chunked content that is none",
        peers: BOTH,
        why: "RFC 9112 §7.1: sizes, extensions, line ends and trailers have one form",
        is: |it| it.has("transfer-encoding") && !is_chunked(it.body),
    },
    Fault {
        name: "a target that is none",
        peers: BOTH,
        why: "RFC 9112 §3.2: 400; who guesses what was meant guesses otherwise than the next",
        is: |it| !is_target(it.method(), it.target()),
    },
    Fault {
        name: "a path of doubtful escapes or dots",
        peers: BOTH,
        why: "RFC 3986 §2.1, §6.2.2: two programs make two paths of it",
        is: |it| it.has_doubtful_path(),
    },
    Fault {
        name: "a name longer than any file's",
        peers: BOTH,
        why: "no file system has a name of more than 255 octets",
        is: |it| it.target().len() > 255,
    },
];

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "nothing said to half a request",
        peers: NGINX,
        why: "RFC 9112 §8: an answer is allowed, and tells the client more than none",
        fits: |it| it.ours.refusal() == Some(400) && it.theirs.0.is_empty() && it.at.is_cut(),
    },
    Row {
        name: "HTTP/0.9",
        peers: NGINX,
        why: "RFC 9112 §3: a request line has a version; 0.9, to which nginx answers without a head, has neither hosts nor lengths",
        fits: |it| it.ours.refusal().is_some() && it.theirs.0.is_empty() && it.at.version().is_empty(),
    },
    Row {
        name: "another status for a coding",
        peers: NGINX,
        why: "RFC 9112 §6.3: 400 where chunked is not the last, or a length is said too; 501 is for codings that are not known",
        fits: |it| it.statuses(400, 501) && it.at.has("transfer-encoding"),
    },
    Row {
        name: "several faults",
        peers: NGINX,
        why: "a status tells one of them",
        fits: |it| {
            (it.statuses(400, 505) && !it.at.version().starts_with(b"HTTP/1."))
                || (it.statuses(400, 405) && it.at.method() == b"CONNECT")
        },
    },
    Row {
        name: "the path refused, the connection closed",
        peers: NGINX,
        why: "RFC 9112 §9.6 lets a server close; where only the path is bad the next request can be found",
        fits: |it| it.statuses(400, 400) && it.at.has_doubtful_path(),
    },
    Row {
        name: "path and coding",
        peers: HYPER,
        why: "what is refused for its path is refused before its coding is looked at by the other",
        fits: |it| it.statuses(400, 400) && it.at.has_doubtful_path() && it.at.has("transfer-encoding"),
    },
    Row {
        name: "a method of more than 32 octets",
        peers: BOTH,
        why: "RFC 9112 §3: 501 for a method longer than any that is implemented",
        fits: |it| it.ours.refusal() == Some(501) && it.at.method().len() > 32,
    },
    Row {
        name: "codings before chunked",
        peers: BOTH,
        why: "RFC 9112 §6.1: 501 for a coding that is not understood, also if it has a line of its own",
        fits: |it| it.ours.refusal() == Some(501) && members(&it.at.all("transfer-encoding")).len() > 1,
    },
    Row {
        name: "a tunnel",
        peers: BOTH,
        why: "RFC 9110 §9.3.6: 501, as for any method that is not implemented",
        fits: |it| it.ours.refusal() == Some(501) && it.at.method() == b"CONNECT",
    },
    Row {
        name: "another major version",
        peers: BOTH,
        why: "RFC 9110 §15.6.6: 505 for a major version that is not spoken",
        fits: |it| it.statuses(505, 400),
    },
    Row {
        name: "empty members of a list",
        peers: BOTH,
        why: "RFC 9110 §5.6.1.2: to be passed over",
        fits: |it| {
            it.is_laxer(&[400, 501])
                && it.at.all("transfer-encoding").iter().any(|it| it.starts_with(b",") || it.ends_with(b","))
        },
    },
    Row {
        name: "minor versions above 1",
        peers: HYPER,
        why: "RFC 9110 §6.2: to be read as the highest that is known",
        fits: |it| {
            it.is_laxer(&[400])
                && matches!(it.at.version(), [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'])
        },
    },
    Row {
        name: "the server as a whole",
        peers: BOTH,
        why: "RFC 9110 §9.3.7: `OPTIONS *` is answered by the server itself, which passes over the content; nginx has no such target",
        fits: |it| it.ours.refusal().is_none() && it.at.target() == b"*" && it.at.method() == b"OPTIONS",
    },
    Row {
        name: "a method beyond A to Z",
        peers: NGINX,
        why: "RFC 9110 §9.1: any token",
        fits: |it| {
            it.is_laxer(&[400])
                && is_token(it.at.method())
                && !it.at.method().iter().all(u8::is_ascii_uppercase)
        },
    },
    Row {
        name: "TRACE",
        peers: NGINX,
        why: "RFC 9110 §9.3.8: a method like others, which a handler may have",
        fits: |it| it.is_laxer(&[405]) && it.at.method() == b"TRACE",
    },
    Row {
        name: "a host of dots, or empty",
        peers: NGINX,
        why: "RFC 3986 §3.2.2: a name may have them, and may be empty",
        fits: |it| {
            it.is_laxer(&[400])
                && it
                    .at
                    .all("host")
                    .iter()
                    .any(|host| host.is_empty() || host.starts_with(b".") || holds(host, ".."))
        },
    },
    Row {
        name: "a tab around a value",
        peers: NGINX,
        why: "RFC 9110 §5.6.3: optional white space is spaces and tabs",
        fits: |it| {
            it.is_laxer(&[400]) && it.at.field(|_, value| value.starts_with(b":\t") || value.ends_with(b"\t"))
        },
    },
    Row {
        name: "a list in two lines",
        peers: NGINX,
        why: "RFC 9110 §5.3: the same as in one",
        fits: |it| it.is_laxer(&[400]) && it.at.all("if-match").len() > 1,
    },
    Row {
        name: "a part of a connection option",
        peers: NGINX,
        why: "RFC 9110 §7.6.1: options are whole tokens",
        fits: |it| {
            it.at.line.starts_with(b"GET /after")
                && it
                    .first
                    .all("connection")
                    .iter()
                    .any(|value| holds(value, "close") || holds(value, "keep-alive"))
        },
    },
];
