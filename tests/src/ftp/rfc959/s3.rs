//! Data: types, structures, modes, and the connections that data flow on.

use super::super::client::Client;
use super::super::fixture;
use crate::case::{cases, check};
use crate::peer::quote;
use crate::{Outcome, Reason};

cases! {
    /// Until another type is set, data are in ASCII: lines end in CRLF.
    Must "ftp/959/3.1.1.1/ascii-is-default" [Fixture, Account] = async |peer| {
        let mut client = Client::greeted(peer).await?;
        client.log_in().await?;
        client.fetches("RETR lines.txt", fixture::LINES.replace('\n', "\r\n")).await
    }

    /// In TYPE A each line of a text that is sent ends in CRLF.
    Must "ftp/959/3.1.1.1/retr-ends-lines" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("TYPE A").await?.is(&[200])?;
        client.fetches("RETR lines.txt", fixture::LINES.replace('\n', "\r\n")).await
    }

    /// A text that is stored in TYPE A comes back in TYPE A as it was sent.
    Must "ftp/959/3.1.1.1/text-comes-back" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.free("ascii-text").await?;
        client.ask("TYPE A").await?.is(&[200])?;
        let text = "a\r\n\r\nb c\r\n".repeat(3000);
        client.store(format!("STOR {path}"), &text).await?;
        client.fetches(&format!("RETR {path}"), text).await
    }

    /// The line ends of a text that is stored in TYPE A become those of the host: it is no longer than it was sent.
    Must "ftp/959/3.1.1.1/host-line-ends" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.free("ascii-host").await?;
        client.ask("TYPE A").await?.is(&[200])?;
        client.store(format!("STOR {path}"), "a\r\nb\r\n").await?;
        client.ask("TYPE I").await?.is(&[200])?;
        let stored = client.fetch(format!("RETR {path}")).await?;
        check([&b"a\nb\n"[..], b"a\r\nb\r\n"].contains(&&stored[..]), "two lines, ended as the host does", quote(&stored))
    }

    /// A CR LF that is cut between two segments of the data is one line end.
    Must "ftp/959/3.1.1.1/cut-line-end" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.free("ascii-cut").await?;
        client.ask("TYPE A").await?.is(&[200])?;
        let mut data = client.passive().await?;
        client.ask(format!("STOR {path}")).await?.is(&[125, 150])?;
        for part in ["one\r", "\ntwo\r", "\n"] {
            data.send(part).await;
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
        data.finish().await;
        client.reply().await?.is(&[226, 250])?;
        client.fetches(&format!("RETR {path}"), "one\r\ntwo\r\n").await
    }

    /// In TYPE I every octet is sent and stored as it is.
    Must "ftp/959/3.1.1.3/image" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let octets: Vec<u8> = (0..=255).cycle().take(100_000).chain(*b"\r\n\n\r").collect();
        let path = client.file("image", &octets).await?;
        client.fetches(&format!("RETR {path}"), octets).await
    }

    /// TYPE I ends the conversion that TYPE A began.
    Must "ftp/959/3.1.1.3/image-after-ascii" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("TYPE A").await?.is(&[200])?;
        client.ask("TYPE I").await?.is(&[200])?;
        client.fetches("RETR lines.txt", fixture::LINES).await
    }

    /// File structure, the default, is accepted.
    Must "ftp/959/3.1.2.1/stru-f" [Account] = async |peer| {
        Client::ready(peer).await?.ask("STRU F").await?.is(&[200])
    }

    /// Record structure is accepted or refused with 504.
    May "ftp/959/3.1.2.2/stru-r" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("STRU R").await?;
        reply.is_in_table("STRU")?;
        Ok(Outcome::Choice(if reply.code == 200 { "records" } else { "no records" }))
    }

    /// Stream mode, the default, is accepted.
    Must "ftp/959/3.4.1/mode-s" [Account] = async |peer| {
        Client::ready(peer).await?.ask("MODE S").await?.is(&[200])
    }

    /// Block mode is accepted or refused with 504.
    May "ftp/959/3.4.2/mode-b" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("MODE B").await?;
        reply.is_in_table("MODE")?;
        Ok(Outcome::Choice(if reply.code == 200 { "blocks" } else { "no blocks" }))
    }

    /// In stream mode the end of the file is the end of the data connection, which the server closes.
    Must "ftp/959/3.4.1/end-of-file" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR digits.txt").await?.is(&[125, 150])?;
        let content = data.rest().await?;
        check(content == fixture::DIGITS.as_bytes(), "the file, then the end", quote(&content))
    }

    /// A file of no octets is transferred: the connection ends at once.
    Must "ftp/959/3.4.1/empty-file" [Fixture, Account] = async |peer| {
        Client::ready(peer).await?.fetches("RETR empty.txt", "").await
    }

    /// An upload of no octets makes an empty file.
    Must "ftp/959/3.4.1/empty-upload" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("empty", "").await?;
        client.fetches(&format!("RETR {path}"), "").await
    }

    /// A server listens for its user to connect after PASV, and both sides of the connection work.
    Must "ftp/959/3.3/passive" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        let port = client.pasv().await?.port();
        let data = client.connect(port).await?;
        let content = client.fetch_on(data, "RETR hello.txt").await?;
        check(content == fixture::HELLO.as_bytes(), "the file", quote(&content))
    }

    /// A server connects to the port that PORT names, and sends the file there.
    Must "ftp/959/3.3/active" [Fixture, Account, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let (listener, address) = client.listen().await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        client.ask(super::s4_1_2::port(address)).await?.is(&[200])?;
        client.say("RETR hello.txt").await?;
        let mut data = client.accept(&listener).await?;
        client.reply().await?.is(&[125, 150])?;
        let content = data.rest().await?;
        client.reply().await?.is(&[226, 250])?;
        check(content == fixture::HELLO.as_bytes(), "the file", quote(&content))
    }

    /// An upload by a connection that the server makes is stored.
    Must "ftp/959/3.3/active-upload" [Account, Upload, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.free("active").await?;
        let (listener, address) = client.listen().await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        client.ask(super::s4_1_2::port(address)).await?.is(&[200])?;
        client.say(format!("STOR {path}")).await?;
        let mut data = client.accept(&listener).await?;
        client.reply().await?.is(&[125, 150])?;
        data.send("active\n").await;
        data.finish().await;
        client.reply().await?.is(&[226, 250])?;
        client.fetches(&format!("RETR {path}"), "active\n").await
    }

    /// A port that PORT named is left again by PASV: the next transfer goes over the passive connection.
    Must "ftp/959/3.3/passive-after-port" [Fixture, Account, Active] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let (_listener, address) = client.listen().await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        client.ask(super::s4_1_2::port(address)).await?.is(&[200])?;
        client.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// Several transfers follow one another in one session, each with a data connection of its own.
    Must "ftp/959/3.3/several-transfers" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        for _ in 0..5 {
            client.fetches("RETR hello.txt", fixture::HELLO).await?;
            client.fetches("RETR digits.txt", fixture::DIGITS).await?;
        }
        Ok(Outcome::Pass)
    }
}
