//! How the content is delimited and read: RFC 9112 §6 and §7.

use bytes::Buf;

use super::{Fault, HEAD_MOST, Reader, Request, Result, Stop};

/// Where the content ends.
pub(super) enum Body {
    Length(usize),
    Chunked,
}

impl Reader<'_> {
    pub(super) fn framing(&self, request: &mut Request) -> Result<Body> {
        let mut coding = request.field("transfer-encoding");
        if self.is(Fault::FirstLineOnly) {
            coding = request.all("transfer-encoding").next().map(str::to_owned);
        }
        if self.is(Fault::OtherCodingIgnored) {
            coding = coding.filter(|coding| coding == "chunked");
        }
        if self.is(Fault::CodingParameters) {
            coding = coding.map(|coding| coding.replace(";a=b", "").replace("gzip, ", ""));
        }
        let length = request.field("content-length");
        if let Some(coding) = coding.filter(|_| !(self.is(Fault::LengthWins) && length.is_some())) {
            request.close |= length.is_some() && !self.is(Fault::CodingWins);
            request.close |= request.minor == 0 && !self.is(Fault::CodingIn10);
            let chunked = if self.is(Fault::CodingByCase) {
                coding == "chunked"
            } else {
                coding.eq_ignore_ascii_case("chunked")
            };
            return match coding.rsplit(',').next().map(str::trim) {
                _ if chunked || self.is(Fault::AnyCoding) => Ok(Body::Chunked),
                Some("chunked") => Err(Stop::Refuse(501)),
                _ => Err(Stop::Refuse(400)),
            };
        }
        let Some(length) = length else {
            let waits = self.is(Fault::PostNeedsLength) && request.method == "POST";
            return Ok(Body::Length(if waits { 20 } else { 0 }));
        };
        let mut length = length.as_str();
        if self.is(Fault::LengthByPrefix) {
            let end = length.find(|c: char| !c.is_ascii_digit()).unwrap_or(length.len());
            length = length.get(..end).filter(|digits| !digits.is_empty()).unwrap_or("0");
        }
        if self.is(Fault::SignedLength) {
            length = length.trim_start_matches(['+', '-']);
        }
        if self.is(Fault::FirstLength) {
            length = length.split(',').next().unwrap_or_default();
        }
        if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Stop::Refuse(400));
        }
        match length.parse::<u128>() {
            Ok(length) if self.is(Fault::LengthWraps) => Ok(Body::Length((length & 0xffff_ffff) as usize)),
            Ok(length) if length < 1 << 40 => Ok(Body::Length(length as usize)),
            _ => Err(Stop::Refuse(413)),
        }
    }

    pub(super) async fn take(&mut self, length: usize, request: &mut Request) -> Result<()> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        request.content.extend_from_slice(&self.buffer.split_to(length));
        Ok(())
    }

    pub(super) async fn chunked(&mut self, request: &mut Request) -> Result<()> {
        loop {
            let line = self.line().await?;
            let (size, extensions) = line.split_once(';').unwrap_or((&line, ""));
            let whitespace = line.contains(' ') && self.is(Fault::NoBadWhitespace);
            let pair = line.contains('\\') && self.is(Fault::NoQuotedPairs);
            if whitespace || pair || (line.contains(';') && self.is(Fault::NoExtensions)) {
                return Err(Stop::Refuse(400));
            }
            if self.is(Fault::ExtensionsAreContent) {
                request.content.extend_from_slice(extensions.as_bytes());
            }
            let size = if line.contains(';') { size.trim_end_matches([' ', '\t']) } else { size };
            match self.chunk_size(size)? {
                0 => break,
                size => self.take(size, request).await?,
            }
            while self.buffer.len() < 2 {
                self.more().await?;
            }
            if self.is(Fault::ChunkEndUnchecked) {
                self.line().await?;
            } else if !self.buffer.starts_with(b"\r\n") {
                return Err(Stop::Refuse(400));
            } else {
                self.buffer.advance(2);
            }
        }
        if self.is(Fault::LosesChunk) {
            request.content.truncate(5);
        }
        let mut read = 0;
        loop {
            let line = self.line().await?;
            read += line.len();
            if line.is_empty() {
                return Ok(());
            }
            if read > HEAD_MOST && !self.is(Fault::Unlimited) {
                return Err(Stop::Refuse(400));
            }
            if self.is(Fault::TrailersAreContent) {
                request.content.extend_from_slice(line.as_bytes());
            }
            if self.is(Fault::NoTrailers) {
                return Err(Stop::Refuse(400));
            }
            let trailer = self.field(&line)?;
            if self.is(Fault::MergesTrailers) {
                request.fields.extend(trailer);
            }
        }
    }

    fn chunk_size(&self, text: &str) -> Result<usize> {
        let digits = if self.is(Fault::ChunkSizeLenient) {
            let digits = text.trim_start_matches("0x").trim_start_matches(['+', '-']);
            let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            digits.get(..end).filter(|digits| !digits.is_empty()).unwrap_or("0")
        } else {
            text
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Stop::Refuse(400));
        }
        if self.is(Fault::ChunkSizeWraps) {
            let low = digits.get(digits.len().saturating_sub(8)..).unwrap_or_default();
            return usize::from_str_radix(low, 16).map_err(|_| Stop::Refuse(400));
        }
        usize::from_str_radix(digits, 16).ok().filter(|size| *size < 1 << 40).ok_or(Stop::Refuse(413))
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if self.buffer.len() > HEAD_MOST && !self.is(Fault::Unlimited) {
                let early = self.buffer.iter().take(HEAD_MOST).any(|b| *b == b'\n');
                if !early {
                    return Err(Stop::Refuse(400));
                }
            }
            if let Some(at) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: String =
                    self.buffer.split_to(at + 1).iter().take(at).map(|b| char::from(*b)).collect();
                return match line.strip_suffix('\r') {
                    Some(line) => Ok(line.into()),
                    None if self.is(Fault::BareLfEndsChunkLine) => Ok(line),
                    None => Err(Stop::Refuse(400)),
                };
            }
            self.more().await?;
        }
    }
}
