//! Transfer parameter commands.

use std::net::SocketAddr;

use super::super::client::Client;
use super::super::fixture;
use crate::case::{cases, check};
use crate::peer::quote;
use crate::{Outcome, Reason};

/// The command PORT for an address of IPv4.
pub(in crate::ftp) fn port(address: SocketAddr) -> String {
    let [high, low] = address.port().to_be_bytes();
    format!("PORT {},{high},{low}", address.ip().to_string().replace('.', ","))
}

cases! {
    /// TYPE A is accepted.
    Must "ftp/959/4.1.2/type-a" [Account] = async |peer| {
        Client::ready(peer).await?.ask("TYPE A").await?.is(&[200])
    }

    /// TYPE A N, which says its default, is accepted.
    Must "ftp/959/4.1.2/type-a-n" [Account] = async |peer| {
        Client::ready(peer).await?.ask("TYPE A N").await?.is(&[200])
    }

    /// TYPE I is accepted.
    Must "ftp/959/4.1.2/type-i" [Account] = async |peer| {
        Client::ready(peer).await?.ask("TYPE I").await?.is(&[200])
    }

    /// The letter of a type counts in lower case too.
    Must "ftp/959/4.1.2/type-lower-case" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("TYPE a").await?.is(&[200])?;
        client.fetches("RETR lines.txt", fixture::LINES.replace('\n', "\r\n")).await
    }

    /// TYPE E is accepted or refused with 504.
    May "ftp/959/4.1.2/type-e" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("TYPE E").await?;
        reply.is_in_table("TYPE")?;
        Ok(Outcome::Choice(if reply.code == 200 { "EBCDIC" } else { "no EBCDIC" }))
    }

    /// A type that does not exist is refused.
    Must "ftp/959/4.1.2/type-unknown" [Account] = async |peer| {
        Client::ready(peer).await?.ask("TYPE X").await?.refuses_by_table("TYPE")
    }

    /// A type that is refused leaves the one that was.
    Must "ftp/959/4.1.2/type-stays" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("TYPE X").await?.refuses()?;
        client.fetches("RETR lines.txt", fixture::LINES).await
    }

    /// A mode that does not exist is refused.
    Must "ftp/959/4.1.2/mode-unknown" [Account] = async |peer| {
        Client::ready(peer).await?.ask("MODE X").await?.refuses_by_table("MODE")
    }

    /// A structure that does not exist is refused.
    Must "ftp/959/4.1.2/stru-unknown" [Account] = async |peer| {
        Client::ready(peer).await?.ask("STRU X").await?.refuses_by_table("STRU")
    }

    /// Page structure is accepted or refused with 504.
    May "ftp/959/4.1.2/stru-p" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("STRU P").await?;
        reply.is_in_table("STRU")?;
        Ok(Outcome::Choice(if reply.code == 200 { "pages" } else { "no pages" }))
    }

    /// PASV is answered with 227 and the address to connect to, which is the one that the user has reached.
    Must "ftp/959/4.1.2/pasv" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        let address = client.pasv().await?;
        check(address.port() > 0, "a port", address)?;
        let (said, host) = (address.ip().to_string(), client.host());
        // Behind a translator of addresses the two differ; nobody is ever to connect to no address.
        check(said == host || !address.ip().is_unspecified(), host, said)
    }

    /// A second PASV takes the place of the first: the transfer goes over the port that it named.
    Must "ftp/959/4.1.2/pasv-again" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        client.pasv().await?;
        client.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// A passive port that nobody has connected to does not keep QUIT from its answer.
    Must "ftp/959/4.1.2/pasv-unused" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        client.pasv().await?;
        client.ask("QUIT").await?.is(&[221])
    }

    /// PORT with the user's own address is answered with 200.
    Must "ftp/959/4.1.2/port" [Account, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        let (_listener, address) = client.listen().await?;
        client.ask(port(address)).await?.is(&[200])
    }

    /// PORT with fewer than six numbers is refused.
    Must "ftp/959/4.1.2/port-short" [Account] = async |peer| {
        Client::ready(peer).await?.ask("PORT 127,0,0,1,4").await?.is(&[500, 501, 502, 530])
    }

    /// PORT with a number above 255 is refused.
    Must "ftp/959/4.1.2/port-large" [Account] = async |peer| {
        Client::ready(peer).await?.ask("PORT 127,0,0,1,256,1").await?.is(&[500, 501, 502, 530])
    }

    /// PORT with what is no number is refused.
    Must "ftp/959/4.1.2/port-words" [Account] = async |peer| {
        Client::ready(peer).await?.ask("PORT a,b,c,d,e,f").await?.is(&[500, 501, 502, 530])
    }

    /// A PORT that is refused keeps the session in step.
    Must "ftp/959/4.1.2/port-refused-usable" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("PORT 300,1").await?.refuses()?;
        client.is_usable().await
    }

    /// A transfer to a port where nobody listens is answered with 425.
    Must "ftp/959/4.1.2/port-dead" [Fixture, Account, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        let (listener, address) = client.listen().await?;
        drop(listener);
        let reply = client.ask(port(address)).await?;
        if reply.code != 200 {
            return reply.refuses();
        }
        let reply = client.ask("RETR hello.txt").await?;
        let reply = if reply.class() == 1 { client.reply().await? } else { reply };
        check(reply.code == 425, "425", quote(reply.text().as_bytes()))
    }
}
