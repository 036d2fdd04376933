//! RFC 2428: EPRT and EPSV.

use super::client::Client;
use super::fixture;
use super::reply::Reply;
use super::rfc959::port;
use crate::case::{Verdict, cases, check};
use crate::peer::quote;

/// A 522 names in parentheses the protocols that there are, and has no other parentheses.
fn names_protocols(reply: &Reply) -> Verdict {
    let text = reply.text();
    let inside = text.split_once('(').and_then(|(before, rest)| Some((before, rest.split_once(')')?)));
    let numbers =
        |list: &str| !list.is_empty() && list.split(',').all(|number| number.parse::<u16>().is_ok());
    let well = inside.is_some_and(|(_, (list, after))| numbers(list) && !after.contains(['(', ')']));
    check(reply.code == 522 && well, "522 and a list such as (1,2)", reply.brief())
}

cases! {
    /// EPSV is answered with 229 and a port in the form (<d><d><d>port<d>).
    Must "ftp/2428/3/epsv" [Account] = async |peer| {
        let port = Client::ready(peer).await?.epsv("EPSV").await?;
        check(port > 0, "a port", port)
    }

    /// A transfer goes over the port that EPSV named.
    Must "ftp/2428/3/transfer" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let port = client.epsv("EPSV").await?;
        let data = client.connect(port).await?;
        let content = client.fetch_on(data, "RETR hello.txt").await?;
        check(content == fixture::HELLO.as_bytes(), "the file", quote(&content))
    }

    /// An upload goes over the port that EPSV named.
    Must "ftp/2428/3/upload" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.free("epsv").await?;
        let port = client.epsv("EPSV").await?;
        let mut data = client.connect(port).await?;
        client.ask(format!("STOR {path}")).await?.is(&[125, 150])?;
        data.send("by epsv").await;
        data.finish().await;
        client.reply().await?.is(&[226, 250])?;
        client.fetches(&format!("RETR {path}"), "by epsv").await
    }

    /// EPSV with the protocol of the control connection uses it.
    Should "ftp/2428/3/own-protocol" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let protocol = if client.is_v6() { 2 } else { 1 };
        let port = client.epsv(&format!("EPSV {protocol}")).await?;
        client.connect(port).await?;
        check(port > 0, "a port", port)
    }

    /// EPSV with a protocol that does not exist is answered with 522 and the protocols that do.
    Must "ftp/2428/3/unknown-protocol" [Account] = async |peer| {
        names_protocols(&Client::ready(peer).await?.ask("EPSV 9").await?)
    }

    /// EPSV with what is no protocol is refused.
    Must "ftp/2428/3/no-protocol" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("EPSV rope").await?.is(&[500, 501, 522])?;
        client.is_usable().await
    }

    /// EPSV before the login is refused.
    Must "ftp/2428/3/before-login" = async |peer| {
        Client::greeted(peer).await?.ask("EPSV").await?.is(&[500, 501, 502, 503, 530])
    }

    /// EPSV ALL is accepted.
    Must "ftp/2428/3/all" [Account] = async |peer| {
        Client::ready(peer).await?.ask("EPSV ALL").await?.agrees()
    }

    /// After EPSV ALL, PASV is refused.
    Must "ftp/2428/3/all-no-pasv" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("EPSV ALL").await?.agrees()?;
        client.ask("PASV").await?.refuses()
    }

    /// After EPSV ALL, PORT is refused.
    Must "ftp/2428/3/all-no-port" [Account, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let (_listener, address) = client.listen().await?;
        client.ask("EPSV ALL").await?.agrees()?;
        client.ask(port(address)).await?.refuses()
    }

    /// After EPSV ALL, EPRT is refused.
    Must "ftp/2428/3/all-no-eprt" [Account, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let (_listener, address) = client.listen().await?;
        client.ask("EPSV ALL").await?.agrees()?;
        client.ask(format!("EPRT |1|127.0.0.1|{}|", address.port())).await?.refuses()
    }

    /// After EPSV ALL, EPSV works.
    Must "ftp/2428/3/all-then-epsv" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("EPSV ALL").await?.agrees()?;
        let port = client.epsv("EPSV").await?;
        let data = client.connect(port).await?;
        let content = client.fetch_on(data, "RETR hello.txt").await?;
        check(content == fixture::HELLO.as_bytes(), "the file", quote(&content))
    }

    /// EPRT with an address of the user is answered with 200, and data go there.
    Must "ftp/2428/2/eprt" [Fixture, Account, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let (listener, address) = client.listen().await?;
        let family = if address.is_ipv4() { 1 } else { 2 };
        client.ask(format!("EPRT |{family}|{}|{}|", address.ip(), address.port())).await?.is(&[200])?;
        client.say("RETR hello.txt").await?;
        let mut data = client.accept(&listener).await?;
        client.reply().await?.is(&[125, 150])?;
        let content = data.rest().await?;
        client.reply().await?.is(&[226, 250])?;
        check(content == fixture::HELLO.as_bytes(), "the file", quote(&content))
    }

    /// Any printable character can be the delimiter of EPRT.
    Must "ftp/2428/2/delimiter" [Account, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let (_listener, address) = client.listen().await?;
        let family = if address.is_ipv4() { 1 } else { 2 };
        client.ask(format!("EPRT !{family}!{}!{}!", address.ip(), address.port())).await?.is(&[200])
    }

    /// EPRT with a protocol that does not exist is answered with 522 and the protocols that do.
    Must "ftp/2428/2/unknown-protocol" [Account, Active] = async |peer| {
        names_protocols(&Client::ready(peer).await?.ask("EPRT |9|127.0.0.1|5000|").await?)
    }

    /// EPRT without its delimiters is refused.
    Must "ftp/2428/2/no-delimiters" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        for wrong in ["EPRT", "EPRT 1", "EPRT |1|127.0.0.1|", "EPRT |1|127.0.0.1|x|"] {
            client.ask(wrong).await?.is(&[500, 501, 502, 522])?;
        }
        client.is_usable().await
    }

    /// EPRT whose address is not of its protocol is refused.
    Must "ftp/2428/2/wrong-address" [Account] = async |peer| {
        Client::ready(peer).await?.ask("EPRT |1|::1|5000|").await?.is(&[500, 501, 502, 522])
    }
}
