//! The content of a request, on its way to a program's standard input (RFC 3875 §4.2).

use std::fs::File;
use std::process::Stdio;

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body as _;
use ropewalk_core::{Error, Result};
use rustix::fs::{Mode, OFlags, open};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;

use super::CgiLimits;
use crate::server::{Body, Failure};

/// Octets of a content without a length that are kept in memory.
const MEMORY: usize = 64 * 1024;

/// What a program gets to read.
pub(super) enum Input {
    /// Nothing, though its length may have been said.
    Nothing { said: bool },
    /// Octets as they come.
    Stream { body: Body, length: u64 },
    /// Octets that have come, in a file that has no name.
    File { file: Option<File>, length: u64 },
}

/// The content, as soon as its length is known.
pub(super) async fn accept(body: Body, headers: &HeaderMap, limits: &CgiLimits) -> Result<Input, Failure> {
    match body.size_hint().exact() {
        Some(0) => Ok(Input::Nothing { said: headers.contains_key(CONTENT_LENGTH) }),
        Some(length) if length > limits.content => Err(Failure::too_large()),
        Some(length) if !limits.buffered => Ok(Input::Stream { body, length }),
        _ => spool(body, limits.content).await,
    }
}

async fn spool(mut body: Body, most: u64) -> Result<Input, Failure> {
    let failed = |error| Error::local("cannot keep the content of a request").caused_by(error);
    let mut memory = BytesMut::new();
    let mut file: Option<tokio::fs::File> = None;
    let mut length = 0;
    while let Some(chunk) = body.chunk().await? {
        length += chunk.len() as u64;
        if length > most {
            return Err(Failure::too_large());
        }
        match &mut file {
            Some(file) => file.write_all(&chunk).await.map_err(failed)?,
            None if memory.len() + chunk.len() <= MEMORY => memory.extend_from_slice(&chunk),
            None => {
                let file = file.insert(temporary().await?);
                file.write_all(&memory).await.map_err(failed)?;
                file.write_all(&chunk).await.map_err(failed)?;
                memory = BytesMut::new();
            }
        }
    }
    match file {
        _ if length == 0 => Ok(Input::Nothing { said: true }),
        None => Ok(Input::Stream { body: Body::from(memory), length }),
        Some(mut file) => {
            file.flush().await.map_err(failed)?;
            file.rewind().await.map_err(failed)?;
            Ok(Input::File { file: Some(file.into_std().await), length })
        }
    }
}

/// A file without a name, which is gone with its last descriptor.
async fn temporary() -> Result<tokio::fs::File> {
    let folder = std::env::temp_dir();
    let made = tokio::task::spawn_blocking(move || {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        open(folder, flags, Mode::RUSR | Mode::WUSR)
    });
    let failed = |error| Error::local("cannot make a temporary file").caused_by(error);
    let file = made.await.map_err(|error| Error::local("the runtime has stopped").caused_by(error))?;
    Ok(tokio::fs::File::from_std(file.map_err(failed)?.into()))
}

impl Input {
    /// `CONTENT_LENGTH`.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::Nothing { said } => said.then_some(0),
            Self::Stream { length, .. } | Self::File { length, .. } => Some(*length),
        }
    }

    /// What the program begins with as its standard input.
    pub(super) fn stdin(&mut self) -> Stdio {
        match self {
            Self::Nothing { .. } => Stdio::null(),
            Self::Stream { .. } => Stdio::piped(),
            Self::File { file, .. } => file.take().map_or_else(Stdio::null, Stdio::from),
        }
    }
}

/// A content that is being passed on.
pub(super) struct Feed(Option<Feeding>);

struct Feeding {
    body: Body,
    stdin: pipe::Sender,
    chunk: Bytes,
}

impl Feed {
    pub(super) fn new(input: Input, stdin: Option<pipe::Sender>) -> Self {
        Self(match (input, stdin) {
            (Input::Stream { body, .. }, Some(stdin)) => Some(Feeding { body, stdin, chunk: Bytes::new() }),
            _ => None,
        })
    }

    pub(super) fn is_done(&self) -> bool {
        self.0.is_none()
    }

    /// Whether it is the client that keeps us waiting.
    pub(super) fn awaits_client(&self) -> bool {
        self.0.as_ref().is_some_and(|feeding| feeding.chunk.is_empty())
    }

    /// Goes on a little. Cancel-safe.
    ///
    /// # Errors
    /// Where the content fails. That the program reads no more is none: it need not (§4.2).
    pub(super) async fn step(&mut self) -> Result<()> {
        let Some(Feeding { body, stdin, chunk }) = &mut self.0 else { return Ok(()) };
        if chunk.is_empty() {
            match body.chunk().await? {
                Some(next) => *chunk = next,
                None => self.0 = None,
            }
            return Ok(());
        }
        match stdin.write(chunk).await {
            Ok(octets) => chunk.advance(octets),
            Err(_) => self.0 = None,
        }
        Ok(())
    }
}
