//! A small HTTP client that keeps to the documents, but for the one fault it is given.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Fetch, Fetched};

/// Declares the faults: the doc comment is what the mutant does wrong.
macro_rules! faults {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        /// What a mutant of the reference client does wrong; each mutant has one fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum ClientFault { $($(#[doc = $what])+ $name,)* }

        impl ClientFault {
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

faults! {
    /// Sends no Host.
    NoHost,
    /// Sends absolute targets.
    AbsoluteTargets,
    /// Sends an empty target for an empty path.
    EmptyTarget,
    /// Sends fragments.
    SendsFragment,
    /// Sends userinfo.
    SendsUserinfo,
    /// Speaks HTTP/1.0.
    Speaks10,
    /// Sends an empty line behind content.
    EmptyLines,
    /// Sends content without a length.
    NoLength,
    /// Sends all content chunked.
    AlwaysChunked,
    /// Sends both lengths.
    BothLengths,
    /// Expects 100 with every request.
    AlwaysExpects,
    /// Sends TE and does not name it.
    TeUnnamed,
    /// Names chunked in TE.
    ChunkedInTe,
    /// Sends content without waiting, and takes 100 for the answer.
    ContinueIsFinal,
    /// Waits for 100 for ever.
    WaitsForEver,
    /// Takes 417 for the answer.
    NotAgain,
    /// Compares the reason phrase.
    ReadsReason,
    /// Takes what follows a fold for a field.
    FoldsAreFields,
    /// Reads one octet less than the length.
    LengthShort,
    /// Does not decode chunks.
    NotChunked,
    /// Refuses chunk extensions.
    NoExtensions,
    /// Takes trailers for content.
    TrailersAreContent,
    /// Takes a chunk size that is no number for 0.
    LenientSizes,
    /// Keeps the low bits of a chunk size.
    SizeWraps,
    /// Does not look at what follows a chunk.
    ChunkEndUnchecked,
    /// Lets Content-Length win over Transfer-Encoding.
    LengthWins,
    /// Takes a Content-Length that is no number for none.
    LenientLength,
    /// Takes the first of several lengths.
    FirstLength,
    /// Takes what came for the whole.
    ShortIsWhole,
    /// Takes half a head for a whole one.
    HalfHeads,
    /// Takes a response without a length for empty.
    NoLengthIsEmpty,
    /// Waits for content after HEAD.
    HeadHasContent,
    /// Reads the content of a 204.
    ContentIn204,
    /// Waits for the content of a 304.
    ContentIn304,
    /// Takes an interim response for the answer.
    InterimIsFinal,
    /// Knows only 100 among interim responses.
    Only100,
    /// Refuses status codes that it does not know.
    KnownCodesOnly,
    /// Takes any bytes for an answer.
    AnyBytes,
    /// Reads heads of any length.
    Unlimited,
    /// Uses no connection twice.
    NeverReuses,
    /// Uses a connection before its answer was read.
    ReusesEarly,
    /// Takes what was left over for the next answer.
    TakesLeftOver,
    /// Throws away what was left over, and uses the connection again.
    ForgetsLeftOver,
    /// Does not heed close.
    IgnoresClose,
    /// Keeps connections of HTTP/1.0.
    Keeps10,
    /// Takes an answer without content for the end of a connection that is silent.
    HangsAfter204,
    /// Does not repeat a request on a connection that was closed.
    NeverRepeats,
    /// Repeats a POST that had no answer.
    RepeatsPost,
    /// Throws away what comes before all is sent.
    LosesEarly,
    /// Follows no redirect.
    FollowsNone,
    /// Takes a relative Location for a path.
    NoRelative,
    /// Repeats a POST as a POST after 303.
    PostAfter303,
    /// Makes a GET of a POST after 307 and 308.
    GetAfter307,
    /// Makes a GET of a HEAD that is redirected.
    GetAfterHead,
    /// Follows any number of redirects.
    FollowsForEver,
    /// Sends credentials to other origins.
    CredentialsElsewhere,
}

use ClientFault as F;

const GIVE_UP: Duration = Duration::from_millis(400);
const HEAD_MOST: usize = 256 * 1024;

struct Wire {
    authority: String,
    stream: TcpStream,
    buffer: Vec<u8>,
}

struct Client {
    fault: Option<F>,
    idle: Option<Wire>,
}

/// Does the requests in order.
pub(super) async fn drive(fetches: Vec<Fetch>, fault: Option<F>) -> Vec<Fetched> {
    let mut client = Client { fault, idle: None };
    let mut all = Vec::new();
    for fetch in fetches {
        let mut fetched = Fetched::default();
        fetched.failed = client.fetch(fetch, &mut fetched).await.is_err();
        all.push(fetched);
    }
    all
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

struct Head {
    old: bool,
    status: u16,
    fields: Vec<(String, String)>,
}

impl Head {
    fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    fn closes(&self) -> bool {
        let options = self.all("connection").join(",").to_ascii_lowercase();
        options.split(',').any(|option| option.trim() == "close")
    }
}

impl Client {
    fn is(&self, fault: F) -> bool {
        self.fault == Some(fault)
    }

    /// RFC 9110 §15.4.
    async fn fetch(&mut self, mut fetch: Fetch, fetched: &mut Fetched) -> io::Result<()> {
        for _ in 0..if self.is(F::FollowsForEver) { 10_000 } else { 20 } {
            let head = self.exchange(&fetch, fetched).await?;
            let location = head.all("location").first().map(|to| (*to).to_owned());
            let Some(to) = location.filter(|_| fetch.follow && !self.is(F::FollowsNone)) else {
                return Ok(());
            };
            let (authority, path) = parts(&fetch.url);
            let next = match to.strip_prefix("http://") {
                Some(_) => to,
                None if to.starts_with('/') => format!("http://{authority}{to}"),
                None if self.is(F::NoRelative) => format!("http://{authority}/{to}"),
                None => format!("http://{authority}/{}", resolved(&path, &to)),
            };
            if parts(&next).0 != authority && !self.is(F::CredentialsElsewhere) {
                fetch
                    .fields
                    .retain(|field| !field.starts_with("Authorization") && !field.starts_with("Cookie"));
            }
            fetch.url = next;
            let as_get = match head.status {
                303 => !self.is(F::PostAfter303) && fetch.method != "HEAD",
                307 | 308 => self.is(F::GetAfter307),
                _ => fetch.method == "POST",
            };
            if as_get || (self.is(F::GetAfterHead) && fetch.method == "HEAD") {
                fetch.method = "GET";
                fetch.content = None;
            }
        }
        Err(wrong("redirected too often"))
    }

    async fn exchange(&mut self, fetch: &Fetch, fetched: &mut Fetched) -> io::Result<Head> {
        let kept = self.idle.is_some();
        let first = self.attempt(fetch, fetched).await;
        let silent = fetched.status == 0;
        let safe = fetch.method != "POST" || self.is(F::RepeatsPost);
        let again = (kept && !self.is(F::NeverRepeats)) || self.is(F::RepeatsPost);
        let head = match first {
            Err(_) if again && silent && safe => self.attempt(fetch, fetched).await?,
            other => other?,
        };
        if head.status == 417 && !self.is(F::NotAgain) {
            let mut plain = fetch.clone();
            plain.fields.retain(|field| !field.starts_with("Expect"));
            *fetched = Fetched::default();
            return self.attempt(&plain, fetched).await;
        }
        Ok(head)
    }

    fn request(&self, fetch: &Fetch, authority: &str, path: &str) -> (String, Vec<u8>) {
        let target = if self.is(F::AbsoluteTargets) { fetch.url.as_str() } else { path };
        let version = if self.is(F::Speaks10) { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut head = format!("{} {target} {version}\r\n", fetch.method);
        if !self.is(F::NoHost) {
            head.push_str(&format!("Host: {authority}\r\n"));
        }
        for field in &fetch.fields {
            head.push_str(&format!("{field}\r\n"));
        }
        if self.is(F::AlwaysExpects) {
            head.push_str("Expect: 100-continue\r\n");
        }
        if self.is(F::TeUnnamed) {
            head.push_str("TE: trailers\r\n");
        }
        if self.is(F::ChunkedInTe) {
            head.push_str("TE: chunked\r\nConnection: TE\r\n");
        }
        let mut content = fetch.content.clone().unwrap_or_default();
        let length = format!("Content-Length: {}\r\n", content.len());
        if fetch.content.is_some() && !self.is(F::NoLength) {
            let chunked = self.is(F::AlwaysChunked) || self.is(F::BothLengths);
            if !chunked || self.is(F::BothLengths) {
                head.push_str(&length);
            }
            if chunked {
                head.push_str("Transfer-Encoding: chunked\r\n");
                content =
                    [format!("{:x}\r\n", content.len()).as_bytes(), &content, b"\r\n0\r\n\r\n"].concat();
            }
        }
        if self.is(F::EmptyLines) {
            content.extend(b"\r\n\r\n");
        }
        (head + "\r\n", content)
    }

    async fn attempt(&mut self, fetch: &Fetch, fetched: &mut Fetched) -> io::Result<Head> {
        let (mut authority, mut path) = parts(&fetch.url);
        if !self.is(F::SendsFragment) {
            path = path.split('#').next().unwrap_or_default().to_owned();
        }
        let named = authority.clone();
        authority = authority.rsplit('@').next().unwrap_or_default().to_owned();
        if path.is_empty() && !self.is(F::EmptyTarget) {
            path.push('/');
        }
        let idle = self.idle.take().filter(|wire| wire.authority == authority && !self.is(F::NeverReuses));
        let mut wire = match idle {
            Some(wire) => wire,
            None => {
                let stream = TcpStream::connect(&authority).await?;
                Wire { authority: authority.clone(), stream, buffer: Vec::new() }
            }
        };
        let host = if self.is(F::SendsUserinfo) { &named } else { &authority };
        let (head, content) = self.request(fetch, host, &path);
        wire.stream.write_all(head.as_bytes()).await?;
        let mut early = None;
        if head.contains("Expect: ") && !content.is_empty() {
            let patience =
                if self.is(F::WaitsForEver) { Duration::from_secs(60) } else { Duration::from_millis(100) };
            early = timeout(patience, self.head(&mut wire)).await.ok().transpose()?;
        }
        let refused = early.as_ref().is_some_and(|head| head.status >= 200);
        if !refused {
            self.upload(&mut wire, &content).await?;
        }
        if self.is(F::ReusesEarly) && fetch.url.ends_with("/one") {
            let head = self.head(&mut wire).await?;
            fetched.status = head.status;
            self.idle = Some(wire);
            return Ok(head);
        }
        let mut head = match early.filter(|head| head.status >= 200 || self.is(F::ContinueIsFinal)) {
            Some(head) => head,
            None => self.head(&mut wire).await?,
        };
        while head.status < 200 && !self.is(F::InterimIsFinal) && !self.is(F::ContinueIsFinal) {
            if self.is(F::Only100) && head.status != 100 {
                return Err(wrong("an unknown interim response"));
            }
            head = self.head(&mut wire).await?;
        }
        if self.is(F::KnownCodesOnly) && head.status == 299 {
            return Err(wrong("an unknown code"));
        }
        fetched.status = head.status;
        fetched.content.clear();
        let whole = self.content(&mut wire, fetch, &head, &mut fetched.content).await?;
        self.keep(wire, &head, whole);
        Ok(head)
    }

    /// Sends content, and stops where an answer comes meanwhile.
    async fn upload(&self, wire: &mut Wire, mut content: &[u8]) -> io::Result<()> {
        while !content.is_empty() {
            tokio::select! {
                biased;
                read = wire.stream.readable() => {
                    read?;
                    let mut octets = [0; 1024];
                    match wire.stream.try_read(&mut octets) {
                        Ok(0) => return Ok(()),
                        Ok(_) if self.is(F::LosesEarly) => {}
                        Ok(read) => {
                            wire.buffer.extend_from_slice(octets.get(..read).unwrap_or_default());
                            return Ok(());
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                sent = wire.stream.writable() => sent?,
            }
            match wire.stream.try_write(content) {
                Ok(sent) => content = content.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn keep(&mut self, mut wire: Wire, head: &Head, whole: bool) {
        let closes = (head.closes() && !self.is(F::IgnoresClose)) || (head.old && !self.is(F::Keeps10));
        let mut late = [0; 1024];
        if let Ok(read) = wire.stream.try_read(&mut late) {
            if read == 0 && !self.is(F::NeverRepeats) {
                return;
            }
            wire.buffer.extend_from_slice(late.get(..read).unwrap_or_default());
        }
        if self.is(F::ForgetsLeftOver) {
            wire.buffer.clear();
        }
        let clean = wire.buffer.is_empty() || self.is(F::TakesLeftOver);
        if whole && clean && !closes {
            self.idle = Some(wire);
        }
    }

    async fn more(&self, wire: &mut Wire) -> io::Result<usize> {
        timeout(GIVE_UP, wire.stream.read_buf(&mut wire.buffer)).await.map_err(|_| wrong("silence"))?
    }

    async fn head(&self, wire: &mut Wire) -> io::Result<Head> {
        loop {
            if let Some(end) = wire.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: String = wire.buffer.drain(..end + 4).map(char::from).collect();
                return self.parsed(head.trim_end_matches("\r\n"));
            }
            if wire.buffer.len() > HEAD_MOST && !self.is(F::Unlimited) {
                return Err(wrong("too long a head"));
            }
            if self.more(wire).await? == 0 {
                let any = self.is(F::AnyBytes) && !wire.buffer.is_empty();
                let half = self.is(F::HalfHeads) && wire.buffer.starts_with(b"HTTP/1.1 200");
                let head =
                    Head { old: true, status: 200, fields: vec![("Content-Length".into(), "0".into())] };
                return if any || half { Ok(head) } else { Err(wrong("no whole head")) };
            }
        }
    }

    fn parsed(&self, text: &str) -> io::Result<Head> {
        let text = if self.is(F::FoldsAreFields) {
            text.replace("\r\n ", "\r\n")
        } else {
            text.replace("\r\n ", " ")
        };
        let mut lines = text.split("\r\n");
        let mut line = lines.next().unwrap_or_default().splitn(3, ' ');
        let version = line.next().unwrap_or_default();
        let status = line.next().and_then(|code| code.parse().ok()).filter(|code| (100..600).contains(code));
        let reason = line.next().unwrap_or_default();
        let status = if self.is(F::AnyBytes) { status.or(Some(200)) } else { status };
        let (Some(status), true) = (status, version.starts_with("HTTP/1.") || self.is(F::AnyBytes)) else {
            return Err(wrong("no HTTP"));
        };
        if self.is(F::ReadsReason) && (reason.is_empty() || reason.starts_with("404")) {
            return Err(wrong("another reason"));
        }
        let field = |line: &str| line.split_once(':').map(|(name, value)| (name.into(), value.trim().into()));
        Ok(Head { old: version == "HTTP/1.0", status, fields: lines.filter_map(field).collect() })
    }

    /// Reads the content, and says whether its end was seen and the connection is good for more.
    async fn content(
        &self,
        wire: &mut Wire,
        fetch: &Fetch,
        head: &Head,
        content: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let bodyless = (fetch.method == "HEAD" && !self.is(F::HeadHasContent))
            || head.status < 200
            || (head.status == 204 && !self.is(F::ContentIn204))
            || (head.status == 304 && !self.is(F::ContentIn304));
        if bodyless {
            let hangs = head.status == 204 && self.is(F::HangsAfter204);
            return if hangs { Err(wrong("nothing after 204")) } else { Ok(true) };
        }
        let lengths: Vec<_> =
            head.all("content-length").iter().flat_map(|value| value.split(',')).map(str::trim).collect();
        let coding = !head.all("transfer-encoding").is_empty();
        let length_wins = self.is(F::LengthWins) && !lengths.is_empty();
        if coding && !self.is(F::NotChunked) && !length_wins {
            return self.chunked(wire, content).await.map(|()| lengths.is_empty());
        }
        let Some(first) = lengths.first() else {
            if self.is(F::NoLengthIsEmpty) {
                return Ok(false);
            }
            loop {
                content.append(&mut wire.buffer);
                if self.more(wire).await? == 0 {
                    return Ok(false);
                }
            }
        };
        if lengths.iter().any(|length| length != first) && !self.is(F::FirstLength) {
            return Err(wrong("lengths that differ"));
        }
        let length = match first.parse::<usize>() {
            Ok(length) => length,
            Err(_) if self.is(F::LenientLength) => 0,
            Err(_) => return Err(wrong("no length")),
        };
        self.take(wire, length, content).await?;
        if self.is(F::LengthShort) {
            content.pop();
        }
        Ok(true)
    }

    async fn take(&self, wire: &mut Wire, length: usize, content: &mut Vec<u8>) -> io::Result<()> {
        while wire.buffer.len() < length {
            if self.more(wire).await? == 0 {
                content.append(&mut wire.buffer);
                return if self.is(F::ShortIsWhole) { Ok(()) } else { Err(wrong("incomplete")) };
            }
        }
        content.extend(wire.buffer.drain(..length));
        Ok(())
    }

    async fn line(&self, wire: &mut Wire) -> io::Result<String> {
        loop {
            if let Some(end) = wire.buffer.windows(2).position(|two| two == b"\r\n") {
                let line: String = wire.buffer.drain(..end + 2).map(char::from).collect();
                return Ok(line.trim_end_matches("\r\n").to_owned());
            }
            if self.more(wire).await? == 0 {
                return if self.is(F::ShortIsWhole) { Ok("0".into()) } else { Err(wrong("incomplete")) };
            }
        }
    }

    async fn chunked(&self, wire: &mut Wire, content: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = self.line(wire).await?;
            if self.is(F::NoExtensions) && line.contains(';') {
                return Err(wrong("an extension"));
            }
            let size = line.split(';').next().unwrap_or_default();
            let size = match usize::from_str_radix(size, 16) {
                Ok(size) => size,
                Err(_) if self.is(F::SizeWraps) => size
                    .len()
                    .checked_sub(8)
                    .and_then(|at| size.get(at..))
                    .and_then(|low| usize::from_str_radix(low, 16).ok())
                    .unwrap_or(0),
                Err(_) if self.is(F::LenientSizes) => 0,
                Err(_) => return Err(wrong("no size")),
            };
            if size == 0 {
                break;
            }
            self.take(wire, size, content).await?;
            let after = self.line(wire).await?;
            if !after.is_empty() && !self.is(F::ChunkEndUnchecked) && !self.is(F::ShortIsWhole) {
                return Err(wrong("too long a chunk"));
            }
        }
        loop {
            let line = if self.is(F::ShortIsWhole) && wire.buffer.is_empty() {
                String::new()
            } else {
                self.line(wire).await?
            };
            if line.is_empty() {
                return Ok(());
            }
            if self.is(F::TrailersAreContent) {
                content.extend(line.bytes());
            }
        }
    }
}

/// Authority and target of a URL.
fn parts(url: &str) -> (String, String) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let at = rest.find(['/', '#', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    (authority.into(), path.into())
}

/// RFC 3986 §5.2.3 and §5.2.4, for what the cases have: a path without its first slash.
fn resolved(path: &str, reference: &str) -> String {
    let base = path.split('?').next().unwrap_or_default();
    let mut segments: Vec<_> = base.trim_start_matches('/').split('/').collect();
    segments.pop();
    for segment in reference.split('/') {
        if segment == ".." {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
    segments.join("/")
}
