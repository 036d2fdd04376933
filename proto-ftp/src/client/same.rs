use aws_lc_rs::digest::{Context, SHA256};
use ropewalk_core::Error as Cause;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::commands::first;
use super::{Client, Error, Phase};

/// Octets of one digest: few enough that no server takes long for it.
const PIECE: u64 = 64 * 1024 * 1024;
/// Octets that are read at once.
const CHUNK: usize = 256 * 1024;

impl Client {
    /// Whether the file there begins with the next `octets` octets of `content`, going by digests (XSHA256); nothing where the server
    /// does not say that it has them.
    ///
    /// # Errors
    /// [`Phase::Command`] where the server refuses one; [`Phase::Request`] where `content` cannot be read, or has no more so many octets.
    pub async fn begins_with(
        &mut self,
        path: &[u8],
        content: &mut (impl AsyncRead + Unpin),
        octets: u64,
    ) -> Result<Option<bool>, Error> {
        if !self.has("XSHA256") {
            return Ok(None);
        }
        let mut from = 0;
        while from < octets {
            let to = (from + PIECE).min(octets);
            let ours = digest(content, to - from).await.map_err(|cause| Phase::Request.failed(cause))?;
            let argument = [b"\"", path, format!("\" {from} {to}").as_bytes()].concat();
            let reply = self.positive(Phase::Command, "XSHA256", Some(&argument)).await?;
            let theirs = first(&reply).unwrap_or_default().trim_ascii();
            if !theirs.eq_ignore_ascii_case(ours.as_bytes()) {
                return Ok(Some(false));
            }
            from = to;
        }
        Ok(Some(true))
    }
}

/// The digest of the next `octets` octets, in hexadecimal digits.
async fn digest(content: &mut (impl AsyncRead + Unpin), octets: u64) -> Result<String, Cause> {
    let (mut digest, mut left) = (Context::new(&SHA256), content.take(octets));
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = left.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
    if left.limit() > 0 {
        return Err(Cause::local("what is sent became shorter"));
    }
    Ok(digest.finish().as_ref().iter().map(|octet| format!("{octet:02x}")).collect())
}
