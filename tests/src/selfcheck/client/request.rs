//! How a request is written: RFC 9112 §3 and §6, RFC 9110 §10.1.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::{Client, F, Wire};
use crate::Fetch;

impl Client {
    pub(super) fn request(&self, fetch: &Fetch, authority: &str, path: &str) -> (String, Vec<u8>) {
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

    /// Sends content, and stops where an answer comes meanwhile.
    pub(super) async fn upload(&self, wire: &mut Wire, mut content: &[u8]) -> io::Result<()> {
        // What is to be lost has to come before all is sent.
        if self.is(F::LosesEarly)
            && let Some((first, rest)) = content.split_first()
        {
            wire.stream.write_all(&[*first]).await?;
            content = rest;
            if let Ok(read) = timeout(Duration::from_millis(200), wire.stream.readable()).await {
                read?;
            }
        }
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
}
