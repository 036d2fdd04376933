//! RFC 4217, with RFC 2228: FTP under TLS.

use super::client::Client;
use super::fixture;
use super::rfc2389::{NO_FEAT, features, lists};
use crate::case::{cases, check};
use crate::peer::quote;
use crate::{Broken, Outcome, Peer};

/// A control connection under TLS, nobody logged in.
async fn secured(peer: &mut Peer) -> Result<Client<'_>, Broken> {
    let mut client = Client::greeted(peer).await?;
    client.ask("AUTH TLS").await?.is(&[234])?;
    client.start_tls().await?;
    Ok(client)
}

/// One on which the account has logged in, data are private, and TYPE is I.
async fn private(peer: &mut Peer) -> Result<Client<'_>, Broken> {
    let mut client = secured(peer).await?;
    client.log_in().await?;
    client.ask("PBSZ 0").await?.is(&[200])?;
    client.ask("PROT P").await?.is(&[200])?;
    client.ask("TYPE I").await?.is(&[200])?;
    client.private = true;
    Ok(client)
}

cases! {
    /// AUTH TLS is answered with 234, and TLS begins.
    Must "ftp/4217/4/auth-tls" [Account, Tls] = async |peer| {
        let mut client = secured(peer).await?;
        client.log_in().await?;
        client.is_usable().await
    }

    /// The name of the mechanism counts in lower case too.
    Must "ftp/2228/3/auth-lower-case" [Tls] = async |peer| {
        Client::greeted(peer).await?.ask("AUTH tls").await?.is(&[234])
    }

    /// AUTH TLS-C is taken for AUTH TLS.
    Should "ftp/4217/17/tls-c" [Tls] = async |peer| {
        Client::greeted(peer).await?.ask("AUTH TLS-C").await?.is(&[234])
    }

    /// A mechanism that does not exist is refused with 504.
    Should "ftp/2228/3/auth-unknown" [Tls] = async |peer| {
        Client::greeted(peer).await?.ask("AUTH ROPE").await?.is(&[504])
    }

    /// AUTH without a mechanism is refused.
    Must "ftp/2228/3/auth-empty" [Tls] = async |peer| {
        Client::greeted(peer).await?.ask("AUTH").await?.refuses()
    }

    /// FEAT lists AUTH TLS, PBSZ and PROT.
    Must "ftp/4217/6/features" [Tls] = async |peer| {
        let mut client = Client::greeted(peer).await?;
        let Some(features) = features(&mut client).await? else { return Ok(NO_FEAT) };
        check(["AUTH", "PBSZ", "PROT"].iter().all(|name| lists(&features, name)), "AUTH, PBSZ and PROT", features.join(", "))
    }

    /// The line of AUTH in FEAT has TLS.
    Should "ftp/4217/6/auth-says-tls" [Tls] = async |peer| {
        let mut client = Client::greeted(peer).await?;
        let Some(features) = features(&mut client).await? else { return Ok(NO_FEAT) };
        let said = features.iter().any(|line| line.starts_with("AUTH") && line.contains("TLS"));
        check(said, "AUTH TLS", features.join(", "))
    }

    /// Who had logged in before AUTH has to log in again.
    Must "ftp/4217/4/logs-in-again" [Account, Tls] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let reply = client.ask("AUTH TLS").await?;
        if reply.code != 234 {
            return reply.refuses();
        }
        client.start_tls().await?;
        client.ask("PWD").await?.refuses()
    }

    /// A USER that was said before AUTH is forgotten: PASS alone does not log in.
    Robust "ftp/4217/4/user-forgotten" [Account, Tls] = async |peer| {
        let (name, password) = peer.subject().login();
        let (user, pass) = (format!("USER {name}"), format!("PASS {password}"));
        let mut client = Client::greeted(peer).await?;
        client.ask(user).await?;
        let reply = client.ask("AUTH TLS").await?;
        if reply.code != 234 {
            return reply.refuses();
        }
        client.start_tls().await?;
        client.ask(pass).await?;
        client.ask("PWD").await?.refuses()
    }

    /// Parameters that were set before AUTH are set back: TYPE is A again.
    Must "ftp/4217/4/parameters-reset" [Fixture, Account, Tls] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let reply = client.ask("AUTH TLS").await?;
        if reply.code != 234 {
            return reply.refuses();
        }
        client.start_tls().await?;
        client.log_in().await?;
        client.ask("PBSZ 0").await?.is(&[200])?;
        client.ask("PROT P").await?.is(&[200])?;
        client.private = true;
        client.fetches("RETR lines.txt", fixture::LINES.replace('\n', "\r\n")).await
    }

    /// What is sent in the clear behind AUTH is not obeyed under TLS.
    Robust "ftp/4217/4/injection" [Tls] = async |peer| {
        let mut client = Client::greeted(peer).await?;
        client.peer.send("AUTH TLS\r\nNOOP\r\nSYST\r\n").await?;
        if client.reply_or_end().await?.is_none() {
            return Ok(Outcome::Pass);
        }
        if client.start_tls().await.is_err() {
            return Ok(Outcome::Pass);
        }
        client.is_silent().await
    }

    /// PBSZ before TLS is refused with 503.
    Must "ftp/4217/9/pbsz-in-the-clear" [Account, Tls] = async |peer| {
        Client::ready(peer).await?.ask("PBSZ 0").await?.refuses()
    }

    /// PROT before TLS is refused.
    Must "ftp/4217/9/prot-in-the-clear" [Account, Tls] = async |peer| {
        Client::ready(peer).await?.ask("PROT P").await?.refuses()
    }

    /// PROT before PBSZ is refused with 503.
    Should "ftp/4217/9/prot-before-pbsz" [Account, Tls] = async |peer| {
        let mut client = secured(peer).await?;
        client.log_in().await?;
        client.ask("PROT P").await?.is(&[503])
    }

    /// PBSZ 0 is answered with 200.
    Must "ftp/4217/9/pbsz" [Account, Tls] = async |peer| {
        let mut client = secured(peer).await?;
        client.log_in().await?;
        client.ask("PBSZ 0").await?.is(&[200])
    }

    /// PBSZ with what is no number is refused with 501.
    Should "ftp/2228/3/pbsz-syntax" [Account, Tls] = async |peer| {
        let mut client = secured(peer).await?;
        client.log_in().await?;
        client.ask("PBSZ rope").await?.is(&[501])
    }

    /// PROT P is accepted after PBSZ.
    Must "ftp/4217/9/prot-p" [Account, Tls] = async |peer| {
        private(peer).await?;
        Ok(Outcome::Pass)
    }

    /// A protection level that TLS does not have is refused with 536.
    Should "ftp/2228/3/prot-s" [Account, Tls] = async |peer| {
        private(peer).await?.ask("PROT S").await?.is(&[536, 504])
    }

    /// A protection level that does not exist is refused with 504.
    Should "ftp/2228/3/prot-unknown" [Account, Tls] = async |peer| {
        private(peer).await?.ask("PROT X").await?.is(&[504])
    }

    /// Under PROT P a download is sent by TLS.
    Must "ftp/4217/9/private-download" [Fixture, Account, Tls] = async |peer| {
        private(peer).await?.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// Under PROT P a large download comes whole, with the end of TLS behind it.
    Must "ftp/4217/9/private-large" [Fixture, Account, Tls] = async |peer| {
        let content = private(peer).await?.fetch("RETR big.bin").await?;
        check(content.len() == fixture::BIG, format!("{} octets", fixture::BIG), content.len())
    }

    /// Under PROT P an upload is taken by TLS.
    Must "ftp/4217/9/private-upload" [Account, Upload, Tls] = async |peer| {
        let mut client = private(peer).await?;
        let path = client.file("private", "secret").await?;
        client.fetches(&format!("RETR {path}"), "secret").await
    }

    /// Under PROT P a list is sent by TLS.
    Must "ftp/4217/9/private-list" [Fixture, Account, Tls] = async |peer| {
        let list = private(peer).await?.fetch("NLST").await?;
        check(String::from_utf8_lossy(&list).contains("hello.txt"), "hello.txt", quote(&list))
    }

    /// PROT P is for every data connection until another PROT.
    Must "ftp/4217/9/prot-stays" [Fixture, Account, Tls] = async |peer| {
        let mut client = private(peer).await?;
        for _ in 0..12 {
            client.fetches("RETR hello.txt", fixture::HELLO).await?;
        }
        Ok(Outcome::Pass)
    }

    /// After PROT C data are in the clear again, or the server says that it does not want that.
    Must "ftp/4217/9/prot-c" [Fixture, Account, Tls] = async |peer| {
        let mut client = private(peer).await?;
        let reply = client.ask("PROT C").await?;
        if reply.code != 200 {
            return reply.is(&[534, 536, 431]);
        }
        client.private = false;
        client.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// Until PROT, data are in the clear, or refused with 521 or 522.
    Must "ftp/4217/9/clear-at-first" [Fixture, Account, Tls] = async |peer| {
        let mut client = secured(peer).await?;
        client.log_in().await?;
        client.ask("TYPE I").await?.is(&[200])?;
        let mut data = client.passive().await?;
        let reply = client.ask("RETR hello.txt").await?;
        if reply.class() != 1 {
            return reply.is(&[521, 522, 425, 534]);
        }
        let content = data.rest().await?;
        check(content == fixture::HELLO.as_bytes(), "the file in the clear", quote(&content))
    }

    /// Under PROT P nothing of a file is sent in the clear.
    Must "ftp/4217/9/nothing-in-the-clear" [Fixture, Account, Tls] = async |peer| {
        let mut client = private(peer).await?;
        let mut data = client.passive().await?;
        client.say("RETR hello.txt").await?;
        data.send("no handshake at all\r\n").await;
        let came = data.some(1000).await;
        let clear = came.windows(5).any(|part| part == b"Hello");
        check(!clear, "nothing of the file", quote(&came))
    }

    /// CCC is answered with 200, or refused by 533, 534 or 500.
    Must "ftp/4217/5/ccc" [Account, Tls] = async |peer| {
        let mut client = secured(peer).await?;
        client.log_in().await?;
        client.ask("CCC").await?.is(&[200, 500, 502, 533, 534])
    }

    /// CCC in the clear is refused by 533, or 500.
    Should "ftp/4217/5/ccc-in-the-clear" [Account, Tls] = async |peer| {
        Client::ready(peer).await?.ask("CCC").await?.is(&[500, 502, 533])
    }

    /// QUIT is answered under TLS before its end.
    Must "ftp/4217/4/quit" [Account, Tls] = async |peer| {
        let mut client = secured(peer).await?;
        client.log_in().await?;
        client.ask("QUIT").await?.is(&[221])
    }
}
