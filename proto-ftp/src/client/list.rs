use ropewalk_core::Error as Cause;
use ropewalk_core::data::files::{Entry, Time};

use super::data::Download;
use super::{Client, Error, Phase};
use crate::wire::{BadEntry, parse_ls, parse_mlsd};

/// What is in a directory.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listing {
    /// In the server's order. Each name is one: no server makes a path of it.
    pub entries: Vec<Entry>,
    /// Whether facts were given (MLSD), so that lengths and times are exact; else they were read out of what is written
    /// for people.
    pub exact: bool,
}

impl Client {
    /// What is in this directory, or where relative paths begin: by MLSD (RFC 3659 §7), else by LIST in the forms of
    /// Unix, DOS and EPLF.
    ///
    /// # Errors
    /// [`Phase::Data`] and [`Phase::Transfer`]; the latter also where a line cannot be read, or a name is none.
    pub async fn list(&mut self, path: Option<&[u8]>) -> Result<Listing, Error> {
        if self.has("MLST") || self.has("MLSD") {
            match self.lines("MLSD", path).await {
                Ok(text) => return read(&text, true, parse_mlsd),
                // What FEAT says is not always so.
                Err(error) if matches!(error.code(), Some(500 | 502)) => {}
                Err(error) => return Err(error),
            }
        }
        self.set_type(b'A').await?;
        // A name is no option.
        let path = path.map(|path| match path.first() {
            Some(b'-') => [b"./", path].concat(),
            _ => path.to_vec(),
        });
        let text = self.lines("LIST", path.as_deref()).await?;
        let now = Time::from(std::time::SystemTime::now());
        read(&text, false, |line| parse_ls(line, now))
    }

    async fn lines(&mut self, verb: &str, path: Option<&[u8]>) -> Result<bytes::Bytes, Error> {
        let most = self.options.listing;
        let data = self.transfer(verb, path, 0).await?;
        Download::new(self, data).read(most).await
    }
}

fn read(
    text: &[u8],
    exact: bool,
    parse: impl Fn(&[u8]) -> Result<Option<Entry>, BadEntry>,
) -> Result<Listing, Error> {
    let mut entries = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let entry = parse(line).map_err(|error| {
            let shown: String = String::from_utf8_lossy(line).chars().take(100).collect();
            Phase::Transfer.failed(Cause::peer(format!("the server lists {shown:?}")).caused_by(error))
        })?;
        entries.extend(entry);
    }
    Ok(Listing { entries, exact })
}
