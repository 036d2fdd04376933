//! What went wrong between us and the peer, in words for people.

use crate::Error;
use rustls::{AlertDescription as Alert, CertificateError, PeerIncompatible};
use std::borrow::Cow;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream that remembers the first octets it heard: they say what a peer speaks that does not speak TLS.
pub(super) struct Heard<S> {
    io: S,
    first: [u8; 8],
    len: usize,
    /// What is done before more is waited for.
    waits: Option<fn(&S)>,
}

impl<S> Heard<S> {
    pub(super) fn new(io: S) -> Self {
        Self { io, first: [0; 8], len: 0, waits: None }
    }

    /// The same, which does this whenever it has heard something and waits for more, until it is settled.
    pub(super) fn before_waiting(self, waits: fn(&S)) -> Self {
        Self { waits: Some(waits), ..self }
    }

    pub(super) fn settle(&mut self) {
        self.waits = None;
    }

    pub(super) fn io(&self) -> &S {
        &self.io
    }

    fn note(&mut self, heard: &[u8]) {
        for (place, octet) in self.first.iter_mut().skip(self.len).zip(heard) {
            *place = *octet;
            self.len += 1;
        }
    }

    fn first(&self) -> &[u8] {
        self.first.get(..self.len).unwrap_or_default()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if let (true, true, Some(waits)) = (read.is_pending(), self.len > 0, self.waits) {
            waits(&self.io);
        }
        ready!(read)?;
        if self.len < self.first.len() {
            self.note(buf.filled().get(before..).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The error of a handshake that failed with `error`.
pub(super) fn handshake<S>(error: io::Error, heard: &Heard<S>) -> Error {
    let text: Cow<'static, str> = match tls_error(&error) {
        Some(rustls::Error::InvalidMessage(_)) => match other_protocol(heard.first()) {
            Some(what) => format!("the peer does not speak TLS (it sent {what})").into(),
            None => return session(error),
        },
        Some(_) => return session(error),
        None if error.kind() != io::ErrorKind::UnexpectedEof => {
            return Error::from(error).during("TLS handshake");
        }
        None if heard.first().is_empty() => "the peer closed the connection without a word of TLS".into(),
        None => "the peer closed the connection in the middle of the TLS handshake".into(),
    };
    Error::peer(text).caused_by(error)
}

/// The error of a TLS session, or of a handshake that failed in TLS itself.
fn session(error: io::Error) -> Error {
    match tls_error(&error).map(words) {
        Some(Some(text)) => Error::peer(text).caused_by(error),
        Some(None) => Error::peer("TLS failed").caused_by(error),
        None => Error::from(error),
    }
}

/// The same I/O error with an [`Error`] of ours in it, where TLS was the reason.
pub(super) fn io_error(error: io::Error) -> io::Error {
    if tls_error(&error).is_some() { io::Error::new(error.kind(), session(error)) } else { error }
}

/// [`io_error`] for a poll.
pub(super) fn poll<T>(poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
    poll.map(|result| result.map_err(io_error))
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn other_protocol(first: &[u8]) -> Option<&'static str> {
    const HTTP: [&[u8]; 8] =
        [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"PROPFIND", b"CONNECT ", b"DELETE "];
    Some(match first {
        [22, ..] => return None,
        _ if HTTP.iter().any(|method| first.starts_with(method)) => "an HTTP request",
        _ if first.starts_with(b"PRI * HT") => "an HTTP/2 preface",
        _ if first.starts_with(b"HTTP/") => "an HTTP answer",
        _ if first.starts_with(b"SSH-") => "an SSH greeting",
        _ if first.starts_with(b"PROXY ") || first.starts_with(b"\r\n\r\n\0\r\nQ") => "a PROXY header",
        _ if first.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => "plain text",
        _ => "something else",
    })
}

fn words(error: &rustls::Error) -> Option<&'static str> {
    use CertificateError as C;
    use rustls::Error as E;
    Some(match error {
        E::InvalidCertificate(C::UnknownIssuer) => {
            "the peer's certificate is not from an authority that is trusted here"
        }
        E::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => "the peer's certificate has expired",
        E::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => {
            "the peer's certificate is not valid yet"
        }
        E::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "the peer's certificate is for another name"
        }
        E::InvalidCertificate(C::InvalidPurpose | C::InvalidPurposeContext { .. }) => {
            "the peer's certificate is not made for this side of a connection"
        }
        E::InvalidCertificate(_) => "the peer's certificate is not valid",
        E::NoCertificatesPresented => "the client showed no certificate, and one is required",
        E::NoApplicationProtocol => "no protocol in common (ALPN)",
        E::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "no TLS version in common",
        // Clients before TLS 1.2 did not say which signatures they know (RFC 5246 §7.4.1.4.1).
        E::PeerIncompatible(PeerIncompatible::SignatureAlgorithmsExtensionRequired) => {
            "no TLS version in common: the client is older than TLS 1.2, or knows SHA-1 only"
        }
        E::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon,
        ) => "no TLS cipher suite, key exchange or signature in common",
        E::PeerIncompatible(_) => "the peer's TLS lacks what is needed here",
        E::PeerMisbehaved(_) | E::InvalidMessage(_) | E::DecryptError | E::PeerSentOversizedRecord => {
            "the peer broke the rules of TLS"
        }
        E::AlertReceived(alert) => match alert {
            Alert::UnknownCA => "the peer does not trust the authority of our certificate",
            Alert::CertificateRequired => "the server requires a client certificate",
            Alert::CertificateExpired => "the peer says that our certificate has expired",
            Alert::BadCertificate | Alert::CertificateUnknown | Alert::UnsupportedCertificate => {
                "the peer does not accept our certificate"
            }
            Alert::ProtocolVersion => "no TLS version in common, says the peer",
            Alert::HandshakeFailure | Alert::InsufficientSecurity => "nothing in common, says the peer",
            Alert::UnrecognisedName => "the server does not know the name that was asked for",
            Alert::NoApplicationProtocol => "no protocol in common (ALPN), says the peer",
            Alert::AccessDenied => "the peer denies access",
            _ => "the peer ended TLS with an alert",
        },
        _ => return None,
    })
}
