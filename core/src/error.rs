use std::borrow::Cow;
use std::error::Error as StdError;
use std::{fmt, io};

/// What most operations of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an error is, and so how loudly it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The peer broke the protocol or went away: logged at debug.
    Peer,
    /// A limit was reached, as limits are meant to be: logged at info.
    Limit,
    /// We, the configuration or the machine: logged at error.
    Local,
}

/// An error that knows whose fault it is.
///
/// `Display` prints this level only; [`source`](StdError::source) gives the level below, and
/// [`chain`](Error::chain) all of them on one line. Neither the message nor the source's type is API.
pub struct Error(Box<Inner>);

struct Inner {
    fault: Fault,
    message: Cow<'static, str>,
    limit: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// The peer broke the protocol, or went away in the middle of it.
    pub fn peer(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::Peer, message.into())
    }

    /// A limit was reached. `limit` is its name as in [`Limits`](crate::Limits), for the metric
    /// `ropewalk_limits_hit_total`.
    pub fn limit(limit: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(Fault::Limit, message.into());
        error.0.limit = Some(limit);
        error
    }

    /// We did something wrong, or the machine or the configuration does not allow it.
    pub fn local(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::Local, message.into())
    }

    fn new(fault: Fault, message: Cow<'static, str>) -> Self {
        Self(Box::new(Inner { fault, message, limit: None, source: None }))
    }

    /// This error, caused by another.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// This error in a wider context: same fault and limit, the old message becomes the source.
    #[must_use]
    pub fn during(self, what: impl Into<Cow<'static, str>>) -> Self {
        let mut outer = Self::new(self.0.fault, what.into());
        outer.0.limit = self.0.limit;
        outer.caused_by(self)
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.0.fault
    }

    /// The name of the limit that was reached, for [`Fault::Limit`].
    pub fn limit_name(&self) -> Option<&'static str> {
        self.0.limit
    }

    /// This level and all below it, joined by colons.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source();
        while let Some(error) = next {
            let level = error.to_string();
            // Some libraries print their source themselves.
            if !text.ends_with(&level) {
                text.push_str(": ");
                text.push_str(&level);
            }
            next = error.source();
        }
        text
    }

    /// Writes the error to the log at its fault's level, as the event `what`.
    pub fn log(&self, what: &'static str) {
        match self.fault() {
            Fault::Peer => tracing::debug!(error = %self.chain(), "{what}"),
            Fault::Limit => {
                tracing::info!(error = %self.chain(), limit = self.0.limit.unwrap_or_default(), "{what}");
            }
            Fault::Local => tracing::error!(error = %self.chain(), "{what}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.fault, self.chain())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

/// An I/O error is the peer's where it says that the peer went away, a limit's where a deadline of the
/// connection passed, and ours otherwise. An [`Error`] that travelled inside an [`io::Error`] comes out as it went in.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as K;
        let error = match error.downcast::<Self>() {
            Ok(ours) => return ours,
            Err(theirs) => theirs,
        };
        let text = error.to_string();
        match error.kind() {
            K::BrokenPipe
            | K::ConnectionAborted
            | K::ConnectionReset
            | K::NotConnected
            | K::InvalidData
            | K::UnexpectedEof => Self::peer(text),
            K::TimedOut => Self::limit("time", text),
            _ => Self::local(text),
        }
        .caused_by(error)
    }
}

/// So that an [`Error`] can pass through code that knows only [`io::Error`].
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.fault() {
            Fault::Peer => io::ErrorKind::InvalidData,
            Fault::Limit => io::ErrorKind::TimedOut,
            Fault::Local => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_a_trip_through_io_error() {
        let there = io::Error::from(Error::limit("line", "line over 512 octets"));
        let back = Error::from(there);
        assert_eq!(back.fault(), Fault::Limit);
        assert_eq!(back.limit_name(), Some("line"));
        assert_eq!(back.to_string(), "line over 512 octets");
    }

    #[test]
    fn chain_says_each_level_once() {
        let error =
            Error::from(io::Error::new(io::ErrorKind::ConnectionReset, "reset")).during("reading the head");
        assert_eq!(error.to_string(), "reading the head");
        assert_eq!(error.chain(), "reading the head: reset");
        assert_eq!(error.fault(), Fault::Peer);
    }

    #[test]
    fn a_full_disk_is_ours() {
        assert_eq!(Error::from(io::Error::from(io::ErrorKind::StorageFull)).fault(), Fault::Local);
    }
}
