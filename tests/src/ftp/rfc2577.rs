//! RFC 2577: how a server keeps itself from being abused.

use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout;

use super::client::{Client, Data};
use crate::case::{cases, check};
use crate::peer::quote;
use crate::{Outcome, Reason};

cases! {
    /// Nothing is sent to an address that is not the user's: PORT to another host is refused.
    Robust "ftp/2577/3/bounce" [Fixture, Account, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Ok(listener) = TcpListener::bind("127.0.0.2:0").await else {
            return Ok(Outcome::Skip(Reason::Unsupported("a second address of ours")));
        };
        let port = listener.local_addr().map_or(0, |address| address.port());
        let reply = client.ask(format!("PORT 127,0,0,2,{},{}", port >> 8, port & 255)).await?;
        if reply.class() == 2 {
            client.say("RETR hello.txt").await?;
        }
        let came = timeout(std::time::Duration::from_millis(300), listener.accept()).await;
        check(came.is_err(), "no connection to another host", "a connection")?;
        reply.refuses()
    }

    /// EPRT to another host is refused.
    Robust "ftp/2577/3/bounce-eprt" [Account, Active] = async |peer| {
        Client::ready(peer).await?.ask("EPRT |1|127.0.0.2|5000|").await?.refuses()
    }

    /// PORT to a port below 1024 is refused.
    Robust "ftp/2577/3/low-port" [Account, Active] = async |peer| {
        Client::ready(peer).await?.ask("PORT 127,0,0,1,0,25").await?.refuses()
    }

    /// EPRT to a port below 1024 is refused.
    Robust "ftp/2577/3/low-port-eprt" [Account, Active] = async |peer| {
        Client::ready(peer).await?.ask("EPRT |1|127.0.0.1|25|").await?.refuses()
    }

    /// Somebody else who connects to the passive port gets nothing.
    Robust "ftp/2577/4/thief" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.host() != "127.0.0.1" {
            return Ok(Outcome::Skip(Reason::Unsupported("a second address of ours")));
        }
        let port = client.epsv("EPSV").await?;
        let thief = async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(([127, 0, 0, 2], 0).into())?;
            socket.connect(([127, 0, 0, 1], port).into()).await
        };
        let Ok(socket) = thief.await else { return Ok(Outcome::Pass) };
        client.say("RETR hello.txt").await?;
        let mut data = Data::over(Box::new(socket), std::time::Duration::from_millis(500));
        let stolen = data.some(100).await;
        check(stolen.is_empty(), "nothing for another host", quote(&stolen))
    }

    /// After some wrong passwords the connection is closed.
    Should "ftp/2577/5/guesses" [Account] = async |peer| {
        let name = peer.subject().login().0.to_owned();
        let mut client = Client::greeted(peer).await?;
        for _ in 0..6 {
            client.say(format!("USER {name}")).await?;
            let Some(reply) = client.reply_or_end().await? else { return Ok(Outcome::Pass) };
            if reply.code == 421 {
                return Ok(Outcome::Pass);
            }
            client.say("PASS no such word").await?;
            let Some(reply) = client.reply_or_end().await? else { return Ok(Outcome::Pass) };
            if reply.code == 421 {
                return Ok(Outcome::Pass);
            }
            reply.is(&[530])?;
        }
        check(false, "an end of the connection", "six guesses")
    }

    /// USER is answered alike for somebody and for nobody: who has an account is not told.
    Should "ftp/2577/6/same-answer" [Account] = async |peer| {
        let name = peer.subject().login().0.to_owned();
        let known = Client::greeted(peer).await?.ask(format!("USER {name}")).await?;
        let unknown = Client::greeted(peer).await?.ask("USER nobody-at-all").await?;
        let texts = (known.text().replace(&name, ""), unknown.text().replace("nobody-at-all", ""));
        check(known.code == unknown.code && texts.0 == texts.1, known.brief(), unknown.brief())
    }
}
