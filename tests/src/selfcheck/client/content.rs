//! How the content of a response is read: RFC 9112 §6 to §8.

use std::io;

use super::head::Head;
use super::{Client, F, Wire, wrong};
use crate::Fetch;

impl Client {
    /// Reads the content, and says whether its end was seen and the connection is good for more.
    pub(super) async fn content(
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
}
