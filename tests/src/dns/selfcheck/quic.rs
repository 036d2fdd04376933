//! The relay of QUIC: a server that keeps to RFC 9250, whose answers are what the relay of messages makes of them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::rustls;
use quinn::rustls::pki_types::pem::PemObject;
use quinn::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream, ServerConfig, TransportConfig};
use ropewalk_core::app::Context;
use ropewalk_core::tls::self_signed;
use tokio::time::sleep;

use super::fault::Fault;
use super::relay::{Relay, first_frame};
use crate::dns::client::{Over, framed};
use crate::dns::quic::{DOQ, NAME, PROTOCOL_ERROR, REQUEST_CANCELLED};
use crate::dns::wire::Message;

/// The code of the option that keeps connections over TCP.
const KEEPALIVE: u16 = 11;
const INTERNAL_ERROR: u32 = 1;
const READ: usize = 64 * 1024;
/// Longer than anybody waits.
const FOREVER: Duration = Duration::from_secs(30);

impl Relay {
    /// Where it speaks QUIC: it does from the first time on that somebody asks for it.
    pub(super) async fn quic(self: &Arc<Self>, context: &Context) -> io::Result<SocketAddr> {
        self.place.get_or_try_init(|| async { self.listen(context) }).await.copied()
    }

    fn listen(self: &Arc<Self>, context: &Context) -> io::Result<SocketAddr> {
        let config = self.config().map_err(|error| io::Error::other(error.to_string()))?;
        let endpoint = Endpoint::server(config, ([127, 0, 0, 1], 0).into())?;
        let at = endpoint.local_addr()?;
        let (relay, inner) = (Arc::clone(self), context.clone());
        let accepting = async move {
            while let Some(incoming) = endpoint.accept().await {
                let relay = Arc::clone(&relay);
                inner.spawn(async move { relay.session(incoming).await }).detach();
            }
        };
        context.spawn(accepting).detach();
        Ok(at)
    }

    fn config(&self) -> Result<ServerConfig, Box<dyn std::error::Error>> {
        let issued = self_signed(&[NAME.to_owned()])?;
        let certificate = CertificateDer::from_pem_slice(issued.cert.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        let others = if self.is(Fault::AnyProtocol) { &["rope-other"][..] } else { &[] };
        tls.alpn_protocols = others.iter().chain(&[DOQ]).map(|name| name.as_bytes().to_vec()).collect();
        tls.max_early_data_size = u32::MAX;
        let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
        let mut transport = TransportConfig::default();
        let one_way = if self.is(Fault::TakesOneWay) { 4u32 } else { 0 };
        transport.max_concurrent_bidi_streams(16u32.into()).max_concurrent_uni_streams(one_way.into());
        config.transport_config(Arc::new(transport));
        Ok(config)
    }

    async fn session(&self, incoming: Incoming) {
        let _turn = self.turn().await;
        let Ok(connecting) = incoming.accept() else { return };
        // What came early waits for the end of the handshake, unless that is not waited for.
        let shaken = if self.is(Fault::TakesEarly) {
            connecting.into_0rtt().map(|(conn, _)| conn).ok()
        } else {
            connecting.await.ok()
        };
        let Some(conn) = shaken else { return };
        let _opened = if self.is(Fault::OpensStreams) { self.opens(&conn).await } else { None };
        let (mut running, mut held) = (FuturesUnordered::new(), Vec::new());
        let mut begun = 0;
        loop {
            tokio::select! {
                accepted = conn.accept_bi() => {
                    let Ok((send, recv)) = accepted else { return };
                    begun += 1;
                    if self.is(Fault::OneStream) && begun > 1 {
                        held.push((send, recv));
                        continue;
                    }
                    let stream = self.stream(&conn, send, recv);
                    if self.is(Fault::InOrder) { stream.await } else { running.push(stream) }
                }
                Some(()) = running.next(), if !running.is_empty() => {}
            }
        }
    }

    async fn opens(&self, conn: &Connection) -> Option<SendStream> {
        let (mut send, _) = conn.open_bi().await.ok()?;
        send.write_all(&[0]).await.ok()?;
        Some(send)
    }

    async fn stream(&self, conn: &Connection, mut send: SendStream, mut recv: RecvStream) {
        let mut octets = Vec::new();
        loop {
            match recv.read_chunk(READ, true).await {
                Ok(Some(chunk)) => octets.extend_from_slice(&chunk.bytes),
                Ok(None) => break,
                Err(_) => return self.given_up(conn, send).await,
            }
            if self.is(Fault::WholeSegments) && first_frame(&mut octets.clone()).is_none() {
                return;
            }
        }
        let query = first_frame(&mut octets);
        let query =
            match query.filter(|query| self.is(Fault::TakesWrong) || octets.is_empty() && is_right(query)) {
                Some(query) => query,
                None => {
                    self.gone.fetch_or(self.is(Fault::Fragile), Ordering::Relaxed);
                    if !self.is(Fault::TakesWrong) {
                        conn.close(PROTOCOL_ERROR.into(), b"");
                    }
                    return;
                }
            };
        let answers = self.answer(Over::Quic, &query).await;
        if answers.is_empty() {
            // The stream is over as soon as it is dropped.
            let _ = send.reset(INTERNAL_ERROR.into());
        }
        for answer in answers {
            if send.write_all(&framed(&answer)).await.is_err() {
                return self.given_up(conn, send).await;
            }
        }
        if self.is(Fault::NoEnd) {
            sleep(FOREVER).await;
        }
        // What was reset is over.
        let _ = send.finish();
        let _ = send.stopped().await;
    }

    /// The client has given the stream up.
    async fn given_up(&self, conn: &Connection, mut send: SendStream) {
        if self.is(Fault::KeepsCancelled) {
            sleep(FOREVER).await;
        }
        // It may be over.
        let _ = send.reset(REQUEST_CANCELLED.into());
        if self.is(Fault::EndsWithCancelled) {
            conn.close(PROTOCOL_ERROR.into(), b"");
        }
    }
}

/// Whether it is a query that may come over QUIC, as far as its octets say (RFC 9250 §4.3.3).
fn is_right(query: &[u8]) -> bool {
    let message = Message::read(query).ok();
    let keeps = message.and_then(|it| it.opt()).is_some_and(|edns| edns.find(KEEPALIVE).is_some());
    query.starts_with(&[0, 0]) && !keeps
}
