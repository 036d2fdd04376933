use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Body as _;
use percent_encoding::percent_decode;

use super::params::Typed;
use super::split::{Event, Splitter};
use super::{Bad, FormLimits, content_type, utf8};
use crate::server::{Body, Failure, Request};

/// A form as `multipart/form-data` (RFC 7578), part after part as it comes in.
///
/// No more of it is in memory than one chunk and the head of one part.
pub struct Multipart {
    body: Body,
    splitter: Splitter,
    input: BytesMut,
    limits: FormLimits,
    octets: u64,
    parts: usize,
}

impl Multipart {
    /// The form that is the content of a request.
    ///
    /// # Errors
    /// 415 where it says to be something else, 413 where it says to be longer than it may be, 400 without a boundary.
    pub fn new(request: Request, limits: FormLimits) -> Result<Self, Failure> {
        let typed = content_type(&request.headers, "multipart/form-data")?;
        let splitter = Splitter::new(typed.param("boundary").ok_or(Bad::Boundary)?, limits.head)?;
        if request.body.size_hint().lower() > limits.total {
            return Err(Bad::Total.into());
        }
        let input = BytesMut::new();
        Ok(Self { body: request.body, splitter, input, limits, octets: 0, parts: 0 })
    }

    /// The next part; `None` after the last. What was left unread of the one before is passed over.
    ///
    /// # Errors
    /// 413 where the form is over a limit, 400 where it is none; and what [`Body::chunk`] says.
    pub async fn next(&mut self) -> Result<Option<Part<'_>>, Failure> {
        while !self.splitter.is_closed() {
            match self.event().await? {
                Event::Head(head) => {
                    self.parts += 1;
                    if self.parts > self.limits.fields {
                        return Err(Bad::Fields.into());
                    }
                    return Ok(Some(Part::new(&head, self)?));
                }
                Event::Data(_) | Event::End => {}
                // So that the connection can go on after it.
                Event::Close => {
                    while self.fill().await? {
                        self.input.clear();
                    }
                }
            }
        }
        Ok(None)
    }

    async fn event(&mut self) -> Result<Event, Failure> {
        loop {
            if let Some(event) = self.splitter.next(&mut self.input)? {
                return Ok(event);
            }
            if !self.fill().await? {
                return Err(Bad::Unfinished.into());
            }
        }
    }

    /// Reads on; whether there was more.
    async fn fill(&mut self) -> Result<bool, Failure> {
        let Some(chunk) = self.body.chunk().await? else { return Ok(false) };
        self.octets += chunk.len() as u64;
        if self.octets > self.limits.total {
            return Err(Bad::Total.into());
        }
        self.input.extend_from_slice(&chunk);
        Ok(true)
    }
}

/// One part of a form: a field, or a file.
pub struct Part<'a> {
    form: &'a mut Multipart,
    name: String,
    filename: Option<String>,
    headers: HeaderMap,
    /// Octets that may still come.
    left: u64,
    ended: bool,
}

impl<'a> Part<'a> {
    fn new(head: &Bytes, form: &'a mut Multipart) -> Result<Self, Bad> {
        let Head { name, filename, headers } = Head::parse(head)?;
        if name.len() > form.limits.name {
            return Err(Bad::Name);
        }
        let left = form.limits.part;
        Ok(Self { form, name, filename, headers, left, ended: false })
    }

    /// The name of the field.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name that a file had where it comes from, without the folders before it, if this is a file. It is the peer's
    /// word: not unique, not a path, and empty where no file was chosen.
    pub fn filename(&self) -> Option<&str> {
        self.filename.as_deref()
    }

    /// What the content is said to be; by default text (RFC 7578 §4.4).
    pub fn content_type(&self) -> Option<&HeaderValue> {
        self.headers.get(header::CONTENT_TYPE)
    }

    /// All fields of its head.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The next piece of the content; `None` is its end.
    ///
    /// # Errors
    /// As [`Multipart::next`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.ended {
            return Ok(None);
        }
        match self.form.event().await? {
            Event::Data(data) => {
                self.left = self.left.checked_sub(data.len() as u64).ok_or(Bad::Size)?;
                Ok(Some(data))
            }
            _ => {
                self.ended = true;
                Ok(None)
            }
        }
    }

    /// All of the content that has not been taken, in memory.
    ///
    /// # Errors
    /// As [`Multipart::next`].
    pub async fn bytes(mut self) -> Result<Bytes, Failure> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// All of the content as text.
    ///
    /// # Errors
    /// 415 where it is said to be in another charset than UTF-8, 400 where it is not in UTF-8; and as
    /// [`Multipart::next`].
    pub async fn text(self) -> Result<String, Failure> {
        if let Some(kind) = self.content_type() {
            utf8(&Typed::parse(kind.as_bytes()).ok_or(Bad::Charset)?)?;
        }
        let bytes = self.bytes().await?;
        Ok(String::from_utf8(bytes.into()).map_err(|_| Bad::Utf8)?)
    }
}

/// The head of a part, read.
#[derive(Debug, PartialEq)]
struct Head {
    name: String,
    filename: Option<String>,
    headers: HeaderMap,
}

impl Head {
    fn parse(head: &Bytes) -> Result<Self, Bad> {
        let mut headers = HeaderMap::new();
        let mut rest = &head[..];
        while let Some(end) = memchr::memchr(b'\r', rest).filter(|end| *end > 0) {
            let (line, after) = rest.split_at(end);
            let (name, value) = field(head, line).ok_or(Bad::Part)?;
            headers.append(name, value);
            rest = after.strip_prefix(b"\r\n").ok_or(Bad::Part)?;
        }
        let mut dispositions = headers.get_all(header::CONTENT_DISPOSITION).iter();
        let (Some(disposition), None) = (dispositions.next(), dispositions.next()) else {
            return Err(Bad::Disposition);
        };
        let typed = Typed::parse(disposition.as_bytes()).ok_or(Bad::Disposition)?;
        if !typed.word.eq_ignore_ascii_case("form-data") {
            return Err(Bad::Disposition);
        }
        // RFC 7578 §4.7: nobody sends these; what would come is not what was meant.
        let plain = |coding: &HeaderValue| {
            [&b"7bit"[..], b"8bit", b"binary"]
                .iter()
                .any(|known| coding.as_bytes().eq_ignore_ascii_case(known))
        };
        if !headers.get_all("content-transfer-encoding").iter().all(plain) {
            return Err(Bad::Part);
        }
        let name = text(typed.param("name").ok_or(Bad::Disposition)?)?;
        let filename = match (typed.param("filename"), typed.param("filename*")) {
            (Some(name), _) => Some(text(name)?),
            // RFC 7578 §4.2 forbids it; some send it all the same.
            (None, Some(name)) => Some(extended(name)?),
            (None, None) => None,
        };
        Ok(Self { name, filename: filename.map(|name| stripped(&name)), headers })
    }
}

fn field(head: &Bytes, line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
    let value = value.strip_prefix(b":")?.trim_ascii();
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_maybe_shared(head.slice_ref(value)).ok()?))
}

fn text(bytes: &[u8]) -> Result<String, Bad> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Bad::Utf8)
}

/// RFC 8187 §3.2.1: a charset, a language and a text, between apostrophes.
fn extended(value: &[u8]) -> Result<String, Bad> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (Some(charset), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Bad::Disposition);
    };
    if !charset.eq_ignore_ascii_case(b"utf-8") {
        return Err(Bad::Charset);
    }
    let decoded: Vec<u8> = percent_decode(encoded).collect();
    if decoded.iter().any(u8::is_ascii_control) { Err(Bad::Disposition) } else { text(&decoded) }
}

/// RFC 7578 §4.2: no folder that a client names counts, be it written in the way of Unix or of Windows.
fn stripped(name: &str) -> String {
    match name.rsplit(['/', '\\']).next().unwrap_or_default() {
        "." | ".." => String::new(),
        last => last.to_owned(),
    }
}

#[cfg(test)]
#[path = "multipart_tests.rs"]
mod tests;
