//! Messages over QUIC (RFC 9250), with what a client may do to streams in its hands.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{HandshakeData, QuicClientConfig};
use quinn::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use quinn::rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use quinn::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use quinn::rustls::{self, DigitallySignedStruct, SignatureScheme};
use quinn::{ClientConfig, Connecting, Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use quinn::{TransportConfig, VarInt};
use tokio::time::timeout;

use super::client::framed;
use crate::{Broken, Peer};

/// The name of the protocol (RFC 9250 §4.1).
pub(super) const DOQ: &str = "doq";
/// The name that servers are asked for.
pub(super) const NAME: &str = "conform.test";

/// RFC 9250 §4.3.
pub(super) const PROTOCOL_ERROR: u32 = 2;
pub(super) const REQUEST_CANCELLED: u32 = 3;
pub(super) const ERROR_RESERVED: u32 = 0xd098_ea5e;

/// Streams that a server may open, so that one that does is seen.
const STREAMS: u32 = 4;
/// The most octets of one stream that are kept.
const MOST: usize = 8 * 1024 * 1024;
/// Octets of one read.
const READ: usize = 64 * 1024;

/// What says how connections are made; those of one resume one another's sessions.
#[derive(Clone)]
pub(super) struct Caller {
    endpoint: Endpoint,
    patience: Duration,
}

/// A connection to a subject.
pub(super) struct Line {
    pub(super) conn: Connection,
    pub(super) patience: Duration,
}

/// A stream of a connection, and what has come on it that was not taken yet.
pub(super) struct Stream {
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
    buffer: Vec<u8>,
    patience: Duration,
}

fn wrong(error: impl std::fmt::Display) -> Broken {
    Broken::new("an answer by QUIC", error.to_string())
}

impl Caller {
    /// Of clients that speak these protocols.
    pub(super) fn new(patience: Duration, alpn: &[&str], v6: bool) -> Result<Self, Broken> {
        let from: SocketAddr =
            if v6 { (Ipv6Addr::UNSPECIFIED, 0).into() } else { (Ipv4Addr::UNSPECIFIED, 0).into() };
        let unusable = |error: Box<dyn std::error::Error>| Broken::new("a client of QUIC", error.to_string());
        let config = config(alpn).map_err(unusable)?;
        let mut endpoint = Endpoint::client(from).map_err(|error| unusable(error.into()))?;
        endpoint.set_default_client_config(config);
        Ok(Self { endpoint, patience })
    }

    /// Begins a connection.
    pub(super) fn connect(&self, to: SocketAddr) -> Result<Connecting, Broken> {
        self.endpoint
            .connect(to, NAME)
            .map_err(|error| Broken::new("a connection of QUIC", error.to_string()))
    }

    pub(super) async fn line(&self, to: SocketAddr) -> Result<Line, Broken> {
        let conn = match timeout(self.patience, self.connect(to)?).await {
            Ok(Ok(conn)) => conn,
            Ok(Err(error)) => return Err(Broken::new("a connection of QUIC", error.to_string())),
            Err(_) => return Err(Broken::new("a connection of QUIC", "silence")),
        };
        Ok(Line { conn, patience: self.patience })
    }
}

/// Where the subject speaks QUIC.
pub(super) fn place(peer: &Peer) -> impl Future<Output = Result<SocketAddr, Broken>> + Send + use<> {
    let subject = peer.subject().clone();
    async move { subject.quic().await.map_err(|error: io::Error| Broken::new("QUIC", error.to_string())) }
}

impl Line {
    /// A connection of a client that speaks these protocols.
    pub(super) fn offering(
        peer: &Peer,
        alpn: &'static [&'static str],
    ) -> impl Future<Output = Result<Self, Broken>> + Send + use<> {
        let (place, patience) = (place(peer), peer.patience());
        async move {
            let to = place.await?;
            Caller::new(patience, alpn, to.is_ipv6())?.line(to).await
        }
    }

    pub(super) fn open(peer: &Peer) -> impl Future<Output = Result<Self, Broken>> + Send + use<> {
        Self::offering(peer, &[DOQ])
    }

    /// The protocol that was agreed on.
    pub(super) fn protocol(&self) -> Option<String> {
        let data = self.conn.handshake_data()?.downcast::<HandshakeData>().ok()?;
        Some(String::from_utf8_lossy(&data.protocol?).into_owned())
    }

    /// A stream, as soon as the server allows another.
    pub(super) async fn stream(&self) -> Result<Stream, Broken> {
        let patience = self.patience;
        match timeout(patience, self.conn.open_bi()).await {
            Ok(Ok((send, recv))) => Ok(Stream { send, recv, buffer: Vec::new(), patience }),
            Ok(Err(error)) => Err(wrong(error)),
            Err(_) => Err(Broken::new("another stream of QUIC", "none is allowed")),
        }
    }

    /// A stream on which these octets are sent, and nothing more.
    pub(super) async fn say(&self, octets: &[u8]) -> Result<Stream, Broken> {
        let mut stream = self.stream().await?;
        stream.say(octets).await;
        stream.end();
        Ok(stream)
    }

    /// The first message that comes back for this one.
    pub(super) async fn ask(&self, wire: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut stream = self.say(&framed(wire)).await?;
        stream.message().await?.ok_or_else(|| Broken::new("an answer by QUIC", "the end of the stream"))
    }

    /// With which code the server closes the connection; none if it does not within the usual patience.
    pub(super) async fn closed(&self) -> Option<ConnectionError> {
        timeout(self.patience, self.conn.closed()).await.ok()
    }
}

impl Stream {
    /// Writing never fails a case: what is answered does.
    pub(super) async fn say(&mut self, octets: &[u8]) {
        let _unsent = timeout(self.patience, self.send.write_all(octets)).await;
    }

    pub(super) fn end(&mut self) {
        // One that the server does not want has ended already.
        let _ = self.send.finish();
    }

    /// The next message, or none where the stream ends.
    pub(super) async fn message(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        loop {
            if let [high, low, rest @ ..] = self.buffer.as_slice()
                && let length = usize::from(u16::from_be_bytes([*high, *low]))
                && let Some(message) = rest.get(..length)
            {
                let message = message.to_vec();
                self.buffer.drain(..length + 2);
                return Ok(Some(message));
            }
            match timeout(self.patience, self.recv.read_chunk(READ, true)).await {
                Ok(Ok(Some(chunk))) if self.buffer.len() < MOST => {
                    self.buffer.extend_from_slice(&chunk.bytes)
                }
                Ok(Ok(Some(_))) => return Err(Broken::new("an answer of a few MiB at most", "more")),
                Ok(Ok(None)) if self.buffer.is_empty() => return Ok(None),
                Ok(Ok(None)) => return Err(Broken::new("a whole message", "the end of the stream amid one")),
                Ok(Err(error)) => return Err(wrong(error)),
                Err(_) => return Err(Broken::new("a message, or the end of the stream", "silence")),
            }
        }
    }

    /// Gives up what is sent, and what comes, with this code.
    pub(super) fn cancel(&mut self, code: u32) {
        // What has ended already cannot be given up.
        let _ = self.send.reset(code.into());
        let _ = self.recv.stop(code.into());
    }
}

/// The code with which the peer closed the connection itself.
pub(super) fn code(closed: &ConnectionError) -> Option<u64> {
    match closed {
        ConnectionError::ApplicationClosed(frame) => Some(frame.error_code.into_inner()),
        _ => None,
    }
}

fn config(alpn: &[&str]) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
        .with_no_client_auth();
    tls.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    tls.enable_early_data = true;
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let mut transport = TransportConfig::default();
    transport.max_concurrent_bidi_streams(STREAMS.into()).max_concurrent_uni_streams(STREAMS.into());
    transport.max_idle_timeout(Some(VarInt::from_u32(30_000).into()));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// Whose the certificate is does not matter.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
