//! RFC 9250 §4.5: what a client sends before the handshake is done, and others may send again.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::time::sleep;

use super::*;
use crate::Reason;
use crate::dns::quic::{Caller, place};
use crate::dns::rdata::A;
use crate::dns::update::{gets, look, operate, update};
use crate::dns::wire::Name;

/// A client that was connected once, and to where.
fn known(peer: &Peer) -> impl Future<Output = Result<(Caller, SocketAddr), Broken>> + Send + use<> {
    let (place, patience) = (place(peer), peer.patience());
    async move {
        let to = place.await?;
        let caller = Caller::new(patience, &[DOQ], to.is_ipv6())?;
        let line = caller.line(to).await?;
        goes_on(&line).await?;
        // What is to be known comes after the handshake.
        sleep(Duration::from_millis(50)).await;
        line.conn.close(0u32.into(), b"");
        Ok((caller, to))
    }
}

/// Takes what a client sends to the server, and nothing back.
async fn one_way(to: SocketAddr) -> std::io::Result<(SocketAddr, impl Future<Output = ()>)> {
    let any: SocketAddr =
        if to.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" }.parse().map_err(std::io::Error::other)?;
    let (near, far) = (UdpSocket::bind(any).await?, UdpSocket::bind(any).await?);
    far.connect(to).await?;
    let at = near.local_addr()?;
    let passing = async move {
        let mut datagram = vec![0; 65_536];
        while let Ok(length) = near.recv(&mut datagram).await {
            let _lost = far.send(datagram.get(..length).unwrap_or_default()).await;
        }
    };
    Ok((at, passing))
}

cases! {
    /// A query of who comes again may be sent with the handshake, and is answered then.
    May "dns/9250/4.5/query" [Fixture, Doq] = async |peer| {
        let knowing = known(peer);
        let (caller, to) = knowing.await?;
        let Ok((conn, accepted)) = caller.connect(to)?.into_0rtt() else {
            return Ok(Outcome::Choice("not offered"));
        };
        let asked = asks("www A")?;
        let mut stream = Line { conn, patience: peer.patience() }.say(&framed(&asked.to_wire())).await?;
        if !accepted.await {
            return Ok(Outcome::Choice("not taken"));
        }
        answer(&mut stream, &asked).await?;
        Ok(Outcome::Choice("answered"))
    }

    /// An update that was sent with a handshake which is never done is not done either.
    Must "dns/9250/4.5/update" [Fixture, Account, Update, Doq] = async |peer| {
        let knowing = known(peer);
        let (caller, to) = knowing.await?;
        let zone = Name(vec![b"update".to_vec(), b"test".to_vec()]);
        let mut clear = update();
        operate(&mut clear, "-too-early", &zone)?;
        gets(peer, &clear, "NOERROR").await?;
        let mut message = Message { id: 0, ..update() };
        operate(&mut message, "+too-early 300 A 192.0.2.1", &zone)?;
        let key = Key::main(peer)?;
        let (wire, _) = key.sign(&message, key.signature(&message), |_| {});
        let broken = |error: std::io::Error| Broken::new("a socket", error.to_string());
        let (way, passing) = one_way(to).await.map_err(broken)?;
        let Ok((conn, _)) = caller.connect(way)?.into_0rtt() else {
            return Ok(Outcome::Skip(Reason::Unsupported("0-RTT")));
        };
        let early = async {
            let sent = Line { conn, patience: MOMENT }.say(&framed(&wire)).await;
            sleep(2 * MOMENT).await;
            sent
        };
        tokio::select! {
            sent = early => drop(sent?),
            () = passing => {}
        }
        let found = look(peer, zone.child(b"too-early"), A).await?;
        check(found.rcode() == 3, "nothing done", &found)
    }
}
