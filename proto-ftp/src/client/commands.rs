//! What a client can ask for.

use ropewalk_core::Error as Cause;
use ropewalk_core::data::files::Time;
use ropewalk_core::sansio::Reply;

use super::data::{Download, Upload};
use super::{Client, Error, Phase, SOON};
use crate::wire::{Command, parse_time, write_time};

/// What an upload does with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Store {
    /// Replaces it.
    Replace,
    /// Goes on at this octet, by REST.
    Resume(u64),
    /// Goes on at its end, wherever that is.
    Append,
}

impl Client {
    /// Where relative paths begin.
    ///
    /// # Errors
    /// [`Phase::Command`], as all that moves no data.
    pub async fn pwd(&mut self) -> Result<Vec<u8>, Error> {
        let reply = self.expect(Phase::Command, "PWD", None, 257).await?;
        let path = reply.lines().first().and_then(|line| quoted(line));
        path.ok_or_else(|| Phase::Command.failed(Cause::peer("the answer to PWD names no path")))
    }

    /// Has relative paths begin there.
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn cwd(&mut self, path: &[u8]) -> Result<(), Error> {
        self.done("CWD", Some(path)).await
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn mkdir(&mut self, path: &[u8]) -> Result<(), Error> {
        self.done("MKD", Some(path)).await
    }

    /// Removes a file.
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn remove(&mut self, path: &[u8]) -> Result<(), Error> {
        self.done("DELE", Some(path)).await
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn remove_dir(&mut self, path: &[u8]) -> Result<(), Error> {
        self.done("RMD", Some(path)).await
    }

    /// Gives what has one name another.
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), Error> {
        self.expect(Phase::Command, "RNFR", Some(from), 350).await?;
        self.done("RNTO", Some(to)).await
    }

    /// The length of a file, as it is transferred (RFC 3659 §4).
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn size(&mut self, path: &[u8]) -> Result<u64, Error> {
        self.set_type(b'I').await?;
        let reply = self.expect(Phase::Command, "SIZE", Some(path), 213).await?;
        let size = first(&reply).and_then(|text| str::from_utf8(text).ok()?.trim().parse().ok());
        size.ok_or_else(|| Phase::Command.failed(Cause::peer("the answer to SIZE is no number")))
    }

    /// When a file was changed (RFC 3659 §3).
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn mdtm(&mut self, path: &[u8]) -> Result<Time, Error> {
        let reply = self.expect(Phase::Command, "MDTM", Some(path), 213).await?;
        let time = first(&reply).and_then(|text| parse_time(text.trim_ascii()));
        time.ok_or_else(|| Phase::Command.failed(Cause::peer("the answer to MDTM is no time")))
    }

    /// Sets when a file was changed, to the second.
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn mfmt(&mut self, path: &[u8], time: Time) -> Result<(), Error> {
        let argument = [write_time(time).as_bytes(), b" ", path].concat();
        self.done("MFMT", Some(&argument)).await
    }

    /// Does nothing, which keeps a session alive.
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn noop(&mut self) -> Result<(), Error> {
        self.done("NOOP", None).await
    }

    /// Leaves.
    ///
    /// # Errors
    /// As [`pwd`](Self::pwd).
    pub async fn quit(mut self) -> Result<(), Error> {
        self.done("QUIT", None).await
    }

    /// A file from this octet on.
    ///
    /// # Errors
    /// [`Phase::Data`] where no data connection comes about; [`Phase::Transfer`] where the server has no such file, or
    /// cannot begin in its middle.
    pub async fn retrieve(&mut self, path: &[u8], from: u64) -> Result<Download<'_>, Error> {
        self.set_type(b'I').await?;
        let data = self.transfer("RETR", Some(path), from).await?;
        Ok(Download::new(self, data))
    }

    /// A file for what will be written.
    ///
    /// # Errors
    /// As [`retrieve`](Self::retrieve).
    pub async fn store(&mut self, path: &[u8], how: Store) -> Result<Upload<'_>, Error> {
        self.set_type(b'I').await?;
        let data = match how {
            Store::Replace => self.transfer("STOR", Some(path), 0).await?,
            Store::Resume(from) => self.transfer("STOR", Some(path), from).await?,
            Store::Append => self.transfer("APPE", Some(path), 0).await?,
        };
        Ok(Upload::new(self, data))
    }

    /// Gives up the transfer that runs, where one does (RFC 959 §4.1.3).
    ///
    /// # Errors
    /// [`Phase::Command`], where the control connection fails.
    pub async fn abort(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.busy) {
            return Ok(());
        }
        let failed = |cause| Phase::Command.failed(cause);
        let abort = Command::new("ABOR", None).ok_or_else(|| failed(Cause::local("ABOR")))?;
        // One reply is for the transfer and one for ABOR; of a transfer that had ended, servers differ.
        self.control.interrupt(abort).await.map_err(failed)?;
        self.control.reply_within(SOON).await.map_err(failed)?;
        Ok(())
    }

    /// Begins a transfer; no connection where the server had nothing to send.
    pub(super) async fn transfer(
        &mut self,
        verb: &str,
        path: Option<&[u8]>,
        from: u64,
    ) -> Result<Option<ropewalk_core::net::Connection>, Error> {
        let door = self.door().await?;
        if from > 0 {
            self.expect(Phase::Transfer, "REST", Some(from.to_string().as_bytes()), 350).await?;
        }
        let reply = self.say(Phase::Transfer, verb, path).await?;
        match reply.code() {
            100..200 => self.busy = true,
            200..300 => return Ok(None),
            _ => return Err(Phase::Transfer.refused(verb, &reply)),
        }
        self.enter(door).await.map(Some)
    }

    pub(super) async fn set_type(&mut self, kind: u8) -> Result<(), Error> {
        if self.kind != Some(kind) {
            self.done("TYPE", Some(&[kind])).await?;
            self.kind = Some(kind);
        }
        Ok(())
    }

    async fn done(&mut self, verb: &str, argument: Option<&[u8]>) -> Result<(), Error> {
        self.positive(Phase::Command, verb, argument).await.map(drop)
    }
}

pub(super) fn first(reply: &Reply) -> Option<&[u8]> {
    reply.lines().first().map(|line| &**line)
}

/// What stands between the quotes of a 257, where a quote is doubled (RFC 959 appendix II), and IAC by telnet.
fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let begin = line.iter().position(|byte| *byte == b'"')? + 1;
    let (mut path, mut rest) = (Vec::new(), line.get(begin..)?.iter().copied().peekable());
    while let Some(byte) = rest.next() {
        match byte {
            b'"' if rest.next_if_eq(&b'"').is_none() => return Some(path),
            255 => {
                rest.next_if_eq(&255);
            }
            _ => {}
        }
        path.push(byte);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_is_taken_out_of_its_quotes() {
        for (line, path) in [
            (&b"\"/a b\" is current"[..], Some(&b"/a b"[..])),
            (b"\"/a \"\"b\"\"\" made", Some(b"/a \"b\"")),
            (b"\"/\xff\xff\"", Some(b"/\xff")),
            (b"\"/never ends", None),
            (b"/no quotes", None),
        ] {
            assert_eq!(quoted(line).as_deref(), path);
        }
    }
}
