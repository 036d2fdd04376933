//! What no sentence demands, and a server has to bear.

use std::time::Duration;

use super::client::Client;
use super::fixture;
use crate::Outcome;
use crate::case::{cases, check};
use crate::peer::quote;

cases! {
    /// A command of 100 000 octets is refused, or the connection ends.
    Robust "ftp/robust/lines/long" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.say(format!("CWD {}", "a".repeat(100_000))).await?;
        match client.reply_or_end().await? {
            Some(reply) => reply.refuses(),
            None => Ok(Outcome::Pass),
        }
    }

    /// A line that never ends is not read for ever: the connection ends, or the line is refused.
    Robust "ftp/robust/lines/endless" = async |peer| {
        let mut client = Client::greeted(peer).await?;
        client.peer.send(vec![b'a'; 1_000_000]).await?;
        client.peer.send("\r\n").await?;
        match client.reply_or_end().await? {
            Some(reply) => reply.refuses(),
            None => Ok(Outcome::Pass),
        }
    }

    /// An empty line does not end the session.
    Robust "ftp/robust/lines/empty" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.peer.send("\r\n").await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.say("PWD").await?;
        let first = client.reply().await?;
        if first.code == 257 { Ok(Outcome::Pass) } else { client.reply().await?.is(&[257]) }
    }

    /// A thousand commands in one go are all answered.
    Robust "ftp/robust/lines/many" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.peer.send("NOOP\r\n".repeat(1000)).await?;
        for _ in 0..1000 {
            client.reply().await?.is(&[200])?;
        }
        client.is_silent().await
    }

    /// A line of octets that are no text is refused, or ends the session.
    Robust "ftp/robust/lines/octets" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.say([0x80, 0x01, 0xfe, 0x7f, b' ', 0xc3, 0x28]).await?;
        match client.reply_or_end().await? {
            Some(reply) => reply.refuses(),
            None => Ok(Outcome::Pass),
        }
    }

    /// A request of HTTP is not taken for commands: nothing succeeds by it.
    Robust "ftp/robust/lines/http" = async |peer| {
        let mut client = Client::greeted(peer).await?;
        client.peer.send("GET / HTTP/1.1\r\nHost: conform.test\r\n\r\n").await?;
        while let Some(reply) = client.reply_or_end().await? {
            reply.refuses()?;
            if client.peer.buffer.is_empty() {
                client.peer.finish().await;
                break;
            }
        }
        Ok(Outcome::Pass)
    }

    /// Nothing above the root is reached by CWD.
    Robust "ftp/robust/paths/cwd-above" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("CWD ../../../..").await?;
        client.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// Nothing above the root is reached by RETR.
    Robust "ftp/robust/paths/retr-above" [Account] = async |peer| {
        for path in ["../../../../etc/passwd", "dir/../../../../../etc/passwd", "/../../../../etc/passwd", "//etc/passwd"] {
            Client::ready(peer).await?.refused(format!("RETR {path}")).await?;
        }
        Ok(Outcome::Pass)
    }

    /// CDUP at the root stays there.
    Robust "ftp/robust/paths/cdup-root" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("CDUP").await?;
        client.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// A folder with something in it is not removed.
    Robust "ftp/robust/paths/rmd-full" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("RMD dir").await?.refuses()?;
        client.fetches("RETR dir/inner.txt", "inner\n").await
    }

    /// A pattern that grows with every star is answered soon.
    Robust "ftp/robust/paths/stars" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        let reply = client.ask(format!("NLST {}", "*/../".repeat(40))).await?;
        if reply.class() == 1 {
            data.rest().await?;
            client.reply().await?;
        }
        client.is_usable().await
    }

    /// A user who vanishes amid a download does not disturb the next.
    Robust "ftp/robust/transfers/vanishes" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        data.some(1).await;
        drop(data);
        client.peer.reconnect();
        Client::ready(peer).await?.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// A transfer that nobody connects for ends with a refusal, or waits: other sessions go on.
    Robust "ftp/robust/transfers/nobody-connects" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.epsv("EPSV").await?;
        client.say("RETR hello.txt").await?;
        client.peer.reconnect();
        Client::ready(peer).await?.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// A download that is read slowly comes whole.
    Robust "ftp/robust/transfers/slow" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        let mut length = 0;
        for _ in 0..5 {
            length += data.some(1000).await.len();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        length += data.rest().await?.len();
        client.reply().await?.is(&[226, 250])?;
        check(length == fixture::BIG, format!("{} octets", fixture::BIG), length)
    }

    /// Commands that come during a transfer are answered after it, each once.
    Robust "ftp/robust/transfers/commands-meanwhile" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        client.peer.send("NOOP\r\nPWD\r\n").await?;
        data.rest().await?;
        let mut codes = Vec::new();
        for _ in 0..3 {
            codes.push(client.reply().await?.code);
        }
        codes.sort_unstable();
        check(matches!(codes.as_slice(), [200, 226 | 250, 257]), "200, 226 and 257", format!("{codes:?}"))?;
        client.is_silent().await
    }

    /// A CR NUL within a name does not become the end of a command.
    Robust "ftp/robust/lines/cr-nul" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.say(b"CWD a\r\0QUIT").await?;
        let reply = client.reply().await?;
        check(reply.code != 221, "no QUIT", quote(reply.text().as_bytes()))?;
        client.is_usable().await
    }
}
