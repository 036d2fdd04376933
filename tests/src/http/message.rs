use bytes::Buf;

use crate::peer::{End, Filled, quote};
use crate::{Broken, Peer};

/// The longest head of a response that is read.
const HEAD_MOST: usize = 256 * 1024;

/// One response, read as RFC 9112 has it and not otherwise: what a tolerant client would let pass, fails.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) minor: u8,
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a field that may stand once; the first where it stands more often.
    pub(crate) fn field<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// The values of every line of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether a list field has this member, whatever its case.
    pub(crate) fn lists(&self, name: &str, member: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|m| m.trim().eq_ignore_ascii_case(member))
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The response in one line, for reports.
    pub(crate) fn brief(&self) -> String {
        let shown: Vec<_> = self.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        format!(
            "{} [{}] with {} octets {}",
            self.status,
            shown.join("; "),
            self.body.len(),
            quote(&self.body)
        )
    }
}

impl Peer {
    /// Sends a request with Host and these field lines on the present connection and reads its final response.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[&str],
    ) -> Result<Response, Broken> {
        let request = self.request(method, target, fields);
        self.send(request).await?;
        self.final_response(method).await
    }

    pub(crate) async fn get(&mut self, target: &str, fields: &[&str]) -> Result<Response, Broken> {
        self.ask("GET", target, fields).await
    }

    /// A request head with Host and these field lines.
    pub(crate) fn request(&self, method: &str, target: &str, fields: &[&str]) -> String {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host());
        for field in fields {
            head.push_str(field);
            head.push_str("\r\n");
        }
        head + "\r\n"
    }

    /// Sends bytes and reads the final response to the method they begin with.
    pub(crate) async fn exchange(&mut self, request: impl AsRef<[u8]>) -> Result<Response, Broken> {
        let method = if request.as_ref().starts_with(b"HEAD ") { "HEAD" } else { "GET" };
        self.send(request).await?;
        self.final_response(method).await
    }

    /// The next response that is not interim.
    pub(crate) async fn final_response(&mut self, method: &str) -> Result<Response, Broken> {
        // A server may send many 1xx; one that does not stop is broken.
        for _ in 0..16 {
            let response = self.response(method).await?;
            if response.status >= 200 {
                return Ok(response);
            }
        }
        Err(Broken::new("a final response", "16 interim ones"))
    }

    /// The next response, interim or final, or nothing where the connection ends before its first octet.
    pub(crate) async fn response_or_end(&mut self, method: &str) -> Result<Option<Response>, Broken> {
        while self.buffer.is_empty() {
            match self.fill().await? {
                Filled::Some => {}
                Filled::Ended(_) => return Ok(None),
                Filled::Silent => {
                    return Err(Broken::new("a response, or the end of the connection", "silence"));
                }
            }
        }
        self.response(method).await.map(Some)
    }

    /// The next response, interim or final.
    pub(crate) async fn response(&mut self, method: &str) -> Result<Response, Broken> {
        let head = self.head().await?;
        let mut response = parse_head(&head)?;
        let bodyless = method == "HEAD" || response.status < 200 || matches!(response.status, 204 | 304);
        if bodyless {
            return Ok(response);
        }
        let length = one_length(&response)?;
        let codings: Vec<_> = response.all("transfer-encoding").collect();
        response.body = match (codings.is_empty(), length) {
            (false, Some(_)) => return Err(odd("Content-Length or Transfer-Encoding", "both")),
            (false, None) if codings.join(",").trim().eq_ignore_ascii_case("chunked") => {
                self.chunked().await?
            }
            (false, None) => return Err(odd("no transfer coding but chunked", &codings.join(","))),
            (true, Some(length)) => self.exactly(length, "the whole content").await?,
            (true, None) => self.until_end().await?,
        };
        Ok(response)
    }

    /// Octets up to and with the empty line.
    async fn head(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                return Ok(head.get(..end + 2).unwrap_or_default().to_vec());
            }
            if self.buffer.len() > HEAD_MOST {
                return Err(Broken::new("the end of a response's head", quote(&self.buffer)));
            }
            self.more("a response").await?;
        }
    }

    async fn more(&mut self, expected: &str) -> Result<(), Broken> {
        let had =
            || if self.buffer.is_empty() { String::new() } else { format!(" after {}", quote(&self.buffer)) };
        let had = had();
        match self.fill().await? {
            Filled::Some => Ok(()),
            Filled::Silent => Err(Broken::new(expected, format!("silence{had}"))),
            Filled::Ended(End::Closed) => Err(Broken::new(expected, format!("the connection closed{had}"))),
            Filled::Ended(End::Reset) => Err(Broken::new(expected, format!("the connection reset{had}"))),
        }
    }

    async fn exactly(&mut self, length: usize, what: &str) -> Result<Vec<u8>, Broken> {
        while self.buffer.len() < length {
            self.more(&format!("{what}, {length} octets")).await?;
        }
        Ok(self.buffer.split_to(length).to_vec())
    }

    async fn until_end(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            match self.fill().await? {
                Filled::Some => {}
                Filled::Ended(End::Closed) => return Ok(self.buffer.split().to_vec()),
                Filled::Ended(End::Reset) => return Err(odd("content up to an orderly end", "a reset")),
                Filled::Silent => return Err(odd("content up to the end of the connection", "silence")),
            }
        }
    }

    /// RFC 9112 §7.1.
    async fn chunked(&mut self) -> Result<Vec<u8>, Broken> {
        let mut content = Vec::new();
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default();
            let hex = !size.is_empty() && size.bytes().all(|b| b.is_ascii_hexdigit());
            let size = usize::from_str_radix(size, 16).ok().filter(|_| hex);
            match size {
                None => return Err(odd("a chunk size in hexadecimal digits", &line)),
                Some(0) => break,
                Some(size) => content.extend(self.exactly(size, "a chunk").await?),
            }
            if self.exactly(2, "CRLF after a chunk").await? != b"\r\n" {
                return Err(odd("CRLF after a chunk", "something else"));
            }
        }
        while !self.line().await?.is_empty() {}
        Ok(content)
    }

    async fn line(&mut self) -> Result<String, Broken> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.more("a line of a chunked body").await?;
        }
    }
}

fn odd(expected: &str, actual: &str) -> Broken {
    Broken::new(expected, actual)
}

/// RFC 9112 §4 and §5: the status line, then field lines, each ended by CRLF.
fn parse_head(head: &[u8]) -> Result<Response, Broken> {
    // Latin-1, so that any octet has a character.
    let text: String = head.iter().map(|&b| char::from(b)).collect();
    let text = text.strip_suffix("\r\n").unwrap_or(&text);
    let mut lines = text.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let wrong = || odd("HTTP/1.x SP three digits SP reason", &quote(status_line.as_bytes()));
    let rest = status_line.strip_prefix("HTTP/1.").ok_or_else(wrong)?;
    let (minor, rest) = rest.split_once(' ').ok_or_else(wrong)?;
    let (code, reason) = rest.split_once(' ').ok_or_else(wrong)?;
    let digits = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(minor, 1)
        || !digits(code, 3)
        || !code.starts_with(['1', '2', '3', '4', '5'])
        || !is_text(reason)
    {
        return Err(wrong());
    }
    let fields = lines.map(parse_field).collect::<Result<_, _>>()?;
    let number = |text: &str| text.parse().map_err(|_| wrong());
    Ok(Response { minor: number(minor)? as u8, status: number(code)?, fields, body: Vec::new() })
}

fn parse_field(line: &str) -> Result<(String, String), Broken> {
    let wrong = || odd("a field line: token, colon, text", &quote(line.as_bytes()));
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let value = value.trim_matches([' ', '\t']);
    if name.is_empty() || !name.bytes().all(is_token) || !is_text(value) {
        return Err(wrong());
    }
    Ok((name.into(), value.into()))
}

/// RFC 9110 §8.6: digits and nothing else, one value.
fn one_length(response: &Response) -> Result<Option<usize>, Broken> {
    let all: Vec<_> = response.all("content-length").collect();
    match all.as_slice() {
        [] => Ok(None),
        [one] if !one.is_empty() && one.bytes().all(|b| b.is_ascii_digit()) => {
            one.parse().map(Some).map_err(|_| odd("a Content-Length of a few MiB", one))
        }
        other => Err(odd("one Content-Length, in digits", &other.join(" and "))),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_text(text: &str) -> bool {
    text.chars().all(|c| c == '\t' || (c >= ' ' && c != '\u{7f}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_well_formed_head_is_read() {
        let response = parse_head(b"HTTP/1.1 200 \r\nA:  b\t\r\nConnection: x, Close\r\n").unwrap();
        assert_eq!((response.status, response.minor, response.field("a")), (200, 1, Some("b")));
        assert!(response.lists("connection", "close"));
    }

    #[test]
    fn what_a_tolerant_client_would_take_is_refused() {
        for head in [
            "HTTP/1.1 200\r\n",
            "HTTP/1.1  200 OK\r\n",
            "HTTP/1.10 200 OK\r\n",
            "http/1.1 200 OK\r\n",
            "HTTP/1.1 999 OK\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n",
            "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n",
            "HTTP/1.1 200 OK\r\nnothing\r\n",
        ] {
            assert!(parse_head(head.as_bytes()).is_err(), "{head:?}");
        }
    }
}
