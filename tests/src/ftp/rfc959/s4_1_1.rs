//! Access control commands.

use super::super::client::Client;
use super::super::fixture;
use crate::case::cases;
use crate::{Outcome, Reason};

cases! {
    /// USER is answered with a demand for a password, or lets in at once.
    Must "ftp/959/4.1.1/user" [Account] = async |peer| {
        let name = peer.subject().login().0.to_owned();
        Client::greeted(peer).await?.ask(format!("USER {name}")).await?.is(&[230, 331, 332])
    }

    /// The right password after USER lets in.
    Must "ftp/959/4.1.1/pass" [Account] = async |peer| {
        let mut client = Client::greeted(peer).await?;
        client.log_in().await?;
        client.ask("PWD").await?.is(&[257])
    }

    /// PASS must be preceded by USER.
    Must "ftp/959/4.1.1/pass-first" = async |peer| {
        let mut client = Client::greeted(peer).await?;
        client.ask("PASS strand").await?.is(&[503, 530, 202, 500, 501])
    }

    /// PASS without USER is a bad sequence of commands, 503.
    Should "ftp/959/4.1.1/pass-first-503" = async |peer| {
        Client::greeted(peer).await?.ask("PASS strand").await?.is(&[503])
    }

    /// A wrong password is answered with 530.
    Must "ftp/959/4.1.1/wrong-password" [Account] = async |peer| {
        let name = peer.subject().login().0.to_owned();
        let mut client = Client::greeted(peer).await?;
        client.ask(format!("USER {name}")).await?.is(&[331])?;
        client.ask("PASS no such word").await?.is(&[530])?;
        client.ask("PWD").await?.refuses()
    }

    /// A new USER takes back the login that was: nothing goes on by it but the password of the new one.
    Must "ftp/959/4.1.1/user-again" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let reply = client.ask("USER somebody-else").await?;
        if reply.code == 331 {
            return client.ask("PWD").await?.refuses();
        }
        reply.refuses()
    }

    /// ACCT is answered as the table says.
    Should "ftp/959/4.1.1/acct" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("ACCT rope").await?;
        if matches!(reply.code, 500 | 502) {
            return Ok(Outcome::Skip(Reason::Unsupported("ACCT")));
        }
        reply.is_in_table("ACCT")
    }

    /// CWD makes another folder the one that names are relative to.
    Must "ftp/959/4.1.1/cwd" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("CWD dir").await?.is(&[250])?;
        client.fetches("RETR inner.txt", "inner\n").await
    }

    /// CWD takes a path of several steps.
    Must "ftp/959/4.1.1/cwd-deep" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("CWD dir/sub").await?.is(&[250])?;
        client.fetches("RETR deep.txt", "deep\n").await
    }

    /// CWD to what does not exist is refused with 550, and changes nothing.
    Must "ftp/959/4.1.1/cwd-missing" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("CWD dir").await?.is(&[250])?;
        client.ask("CWD no-such-folder").await?.is(&[550])?;
        client.fetches("RETR inner.txt", "inner\n").await
    }

    /// CWD to a file is refused.
    Must "ftp/959/4.1.1/cwd-file" [Fixture, Account] = async |peer| {
        Client::ready(peer).await?.ask("CWD hello.txt").await?.is(&[550, 501])
    }

    /// CDUP leads to the folder above.
    Must "ftp/959/4.1.1/cdup" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("CWD dir/sub").await?.is(&[250])?;
        client.ask("CDUP").await?.is(&[200, 250])?;
        client.fetches("RETR inner.txt", "inner\n").await
    }

    /// SMNT is answered as the table says.
    Should "ftp/959/4.1.1/smnt" [Account] = async |peer| {
        Client::ready(peer).await?.ask("SMNT dir").await?.is_in_table("SMNT")
    }

    /// After REIN nobody is logged in, on the connection that was there.
    Must "ftp/959/4.1.1/rein" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let reply = client.ask("REIN").await?;
        if matches!(reply.code, 500 | 502) {
            return Ok(Outcome::Skip(Reason::Unsupported("REIN")));
        }
        reply.is(&[220])?;
        client.ask("CWD /").await?.refuses()
    }

    /// REIN sets the parameters back: TYPE is A again for the next who logs in.
    Must "ftp/959/4.1.1/rein-resets" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let reply = client.ask("REIN").await?;
        if matches!(reply.code, 500 | 502) {
            return Ok(Outcome::Skip(Reason::Unsupported("REIN")));
        }
        client.log_in().await?;
        client.fetches("RETR lines.txt", fixture::LINES.replace('\n', "\r\n")).await
    }

    /// QUIT is answered with 221 and the connection is closed.
    Must "ftp/959/4.1.1/quit" [Account] = async |peer| {
        Client::ready(peer).await?.ask("QUIT").await?.is(&[221])?;
        peer.closed().await?;
        Ok(Outcome::Pass)
    }

    /// QUIT is obeyed before anybody has logged in.
    Must "ftp/959/4.1.1/quit-before-login" = async |peer| {
        Client::greeted(peer).await?.ask("QUIT").await?.is(&[221])?;
        peer.closed().await?;
        Ok(Outcome::Pass)
    }

    /// QUIT during a transfer waits for its end: data and reply come whole, and then the connection is closed.
    Must "ftp/959/4.1.1/quit-during-transfer" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        let first = data.some(1).await.len();
        client.say("QUIT").await?;
        let length = first + data.rest().await?.len();
        crate::case::check(length == fixture::BIG, format!("{} octets", fixture::BIG), length)?;
        // Both replies, in whichever order.
        let mut codes = vec![client.reply().await?.code];
        codes.extend(client.reply_or_end().await?.map(|reply| reply.code));
        crate::case::check(codes.iter().any(|code| [226, 250].contains(code)), "226 for the transfer", format!("{codes:?}"))?;
        peer.closed().await?;
        Ok(Outcome::Pass)
    }
}
