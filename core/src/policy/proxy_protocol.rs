use bytes::{BufMut as _, BytesMut};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::Network;
use super::proxy_wire::{Header, Parsed, parse};
use crate::app::{Context, Next, Offence, Policy};
use crate::net::Connection;
use crate::{Error, Result};

/// Reads the header of the PROXY protocol, version 1 or 2, and takes its addresses as the connection's.
///
/// A list of trusted proxies is mandatory: whoever is not in it is closed at once, and so is a proxy that sends
/// no header within [`Limits::handshake`](crate::Limits::handshake), for whoever may speak for others must say
/// for whom.
#[derive(Clone, Debug)]
pub struct ProxyProtocol {
    trusted: Vec<Network>,
}

impl ProxyProtocol {
    /// These may speak for others.
    ///
    /// # Errors
    /// If the list is empty.
    pub fn new(trusted: Vec<Network>) -> Result<Self> {
        if trusted.is_empty() {
            return Err(Error::local("the PROXY protocol needs a list of trusted proxies"));
        }
        Ok(Self { trusted })
    }
}

impl Policy for ProxyProtocol {
    async fn apply(&self, mut conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        if !self.trusted.iter().any(|network| network.contains(&conn.info().peer)) {
            cx.report(&conn.info().peer, Offence::Garbage);
            return Err(Error::peer("not a trusted proxy"));
        }
        let header = timeout(cx.limits().handshake, read(&mut conn))
            .await
            .map_err(|_| Error::limit("handshake", "no PROXY header in time"))??;
        if let Header::Proxied { peer, local } = header {
            tracing::Span::current().record("peer", tracing::field::display(&peer));
            if let Some(id) = cx.id() {
                cx.live().readdress(id, &peer);
            }
            let info = conn.info_mut();
            info.peer = peer;
            info.local = local;
        }
        next.run(conn, cx).await
    }
}

/// Reads the header and not an octet more: what follows may be for TLS, which takes nothing that was read in the clear.
async fn read(conn: &mut Connection) -> Result<Header> {
    let mut input = BytesMut::new();
    loop {
        match parse(&input)? {
            Parsed::Done(header) => return Ok(header),
            Parsed::More(octets) => {
                if conn.read_buf(&mut (&mut input).limit(octets)).await? == 0 {
                    return Err(Error::peer("closed before its PROXY header ended"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::app::{BoxProtocol, Protocol as _};
    use crate::tls::{Authorities, Certificates, ClientAuth, ClientTls, LocalCa, ServerTls};
    use crate::{Address, Limits};

    /// What a protocol behind the policy was told of its peer, after this was sent from `from`.
    async fn seen(from: &str, sent: &'static [u8]) -> Result<Option<(Address, String)>> {
        let (mut conn, mut client) = Connection::pair();
        conn.info_mut().peer = from.parse::<SocketAddr>().unwrap().into();
        let told = Arc::new(Mutex::new(None));
        let tell = Arc::clone(&told);
        let protocol: BoxProtocol = (move |mut conn: Connection, _: Context| {
            let tell = Arc::clone(&tell);
            async move {
                let mut text = String::new();
                conn.read_to_string(&mut text).await?;
                *tell.lock().unwrap() = Some((conn.info().peer.clone(), text));
                Ok(())
            }
        })
        .boxed();
        client.write_all(sent).await.unwrap();
        client.shutdown().await.unwrap();
        let policy = ProxyProtocol::new(vec!["192.0.2.0/24".parse().unwrap()]).unwrap();
        policy.apply(conn, Context::root(Limits::default()), Next::new(&[], &protocol)).await?;
        let told = told.lock().unwrap().take();
        Ok(told)
    }

    #[tokio::test]
    async fn a_trusted_proxy_speaks_for_its_client_and_the_rest_is_left_unread() {
        let sent = b"PROXY TCP4 198.51.100.7 203.0.113.1 4000 25\r\nHELO x\r\n";
        let (peer, text) = seen("192.0.2.1:9", sent).await.unwrap().unwrap();
        assert_eq!(peer.to_string(), "198.51.100.7:4000");
        assert_eq!(text, "HELO x\r\n");
    }

    #[tokio::test]
    async fn tls_may_come_together_with_the_header() {
        let dir = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(dir.path()).unwrap();
        let certificate = ca.issue(&["a.example".into()]).unwrap().certificate().unwrap();
        let server = ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).unwrap();
        let trusts = Authorities::none().and_pem(ca.pem().as_bytes()).unwrap();
        let (mut conn, mut client) = Connection::pair();
        conn.info_mut().peer = "192.0.2.1:9".parse::<SocketAddr>().unwrap().into();
        client.write_all(b"PROXY TCP4 198.51.100.7 203.0.113.1 4000 443\r\n").await.unwrap();
        let name = "a.example".parse().unwrap();
        let connect = ClientTls::new(&trusts).unwrap();
        let protocol = (|_: Connection, _: Context| async { Ok(()) }).boxed();
        let inner = [crate::app::Tls::new(server).boxed()];
        let policy = ProxyProtocol::new(vec!["192.0.2.0/24".parse().unwrap()]).unwrap();
        let (connected, served) = tokio::join!(
            biased;
            connect.connect(client, &name),
            policy.apply(conn, Context::root(Limits::default()), Next::new(&inner, &protocol)),
        );
        served.unwrap();
        connected.unwrap();
    }

    #[tokio::test]
    async fn a_stranger_is_closed_before_anything_is_read() {
        let error = seen("198.51.100.1:9", b"PROXY TCP4 192.0.2.7 203.0.113.1 1 2\r\n").await.unwrap_err();
        assert_eq!(error.to_string(), "not a trusted proxy");
    }

    #[tokio::test]
    async fn a_proxy_without_a_header_is_closed() {
        assert!(seen("192.0.2.1:9", b"GET / HTTP/1.1\r\n\r\n").await.is_err());
        assert!(seen("192.0.2.1:9", b"PROXY TCP4 198.5").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_proxy_is_closed_in_time() {
        let (mut conn, _client) = Connection::pair();
        conn.info_mut().peer = "192.0.2.1:9".parse::<SocketAddr>().unwrap().into();
        let protocol = (|_: Connection, _: Context| async { Ok(()) }).boxed();
        let policy = ProxyProtocol::new(vec!["192.0.2.0/24".parse().unwrap()]).unwrap();
        let result = policy.apply(conn, Context::root(Limits::default()), Next::new(&[], &protocol)).await;
        assert_eq!(result.unwrap_err().limit_name(), Some("handshake"));
    }

    #[test]
    fn a_trust_list_is_mandatory() {
        assert!(ProxyProtocol::new(Vec::new()).is_err());
    }
}
