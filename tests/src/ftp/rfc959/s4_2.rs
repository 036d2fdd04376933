//! Replies, and §5.3: how commands are read.

use super::super::client::Client;
use crate::case::{cases, check};
use crate::{Outcome, Reason};

cases! {
    /// A connection is greeted with 220.
    Must "ftp/959/5.4/greeting" = async |peer| {
        Client::greeted(peer).await?;
        Ok(Outcome::Pass)
    }

    /// After the greeting nothing is said until the user speaks.
    Must "ftp/959/5.4/nothing-unasked" = async |peer| {
        Client::greeted(peer).await?.is_silent().await
    }

    /// Every reply is three digits, a space or hyphen, text and CRLF.
    Must "ftp/959/4.2/grammar" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        for command in ["NOOP", "SYST", "HELP", "STAT", "PWD", "TYPE X", "NONSENSE", "RETR no-such-file", "CWD /"] {
            client.ask(command).await?;
        }
        client.is_usable().await
    }

    /// The first digit of a code is 1 to 5 and the second 0 to 5.
    Must "ftp/959/4.2.1/digits" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        for command in ["NOOP", "SYST", "HELP", "STAT", "PWD", "TYPE X", "NONSENSE", "RNTO a", "DELE no-such", "SITE X"] {
            let reply = client.ask(command).await?;
            let well = matches!(reply.class(), 1..=5) && matches!(reply.code / 10 % 10, 0..=5);
            check(well, "a code of RFC 959", reply.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A reply of several lines ends with its code and a space, and begins with its code and a hyphen.
    Must "ftp/959/4.2/lines" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        for command in ["HELP", "STAT", "FEAT"] {
            let reply = client.ask(command).await?;
            if !reply.inner().is_empty() {
                return client.is_usable().await;
            }
        }
        Ok(Outcome::Skip(Reason::Unsupported("replies of several lines")))
    }

    /// A line within a reply that could be read as its end is not sent: what the lines hold is set apart from codes.
    Must "ftp/959/4.2/lines-with-digits" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let folder = client.folder("digits").await?;
        for name in ["211 End", "212 End", "213 End", "250 End"] {
            client.store(format!("STOR {folder}/{name}"), "x").await?;
        }
        client.ask(format!("CWD {folder}")).await?.is(&[250])?;
        for command in ["STAT .", "STAT 213 End", "MLST 250 End"] {
            client.ask(command).await?;
            client.ask("NOOP").await?.is(&[200])?;
        }
        client.is_usable().await
    }

    /// Every command has exactly one final reply.
    Must "ftp/959/5.4/one-reply" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        for command in ["NOOP", "SYST", "TYPE A", "CWD /", "NONSENSE", "PWD"] {
            client.ask(command).await?;
            client.is_silent().await?;
        }
        Ok(Outcome::Pass)
    }

    /// Commands count in lower case.
    Must "ftp/959/5.3/lower-case" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("noop").await?.is(&[200])?;
        client.ask("pwd").await?.is(&[257])
    }

    /// Commands count in any mixture of cases.
    Must "ftp/959/5.3/mixed-case" [Account] = async |peer| {
        Client::ready(peer).await?.ask("nOoP").await?.is(&[200])
    }

    /// A command that does not exist is refused with 500 or 502.
    Must "ftp/959/4.2.2/unknown" [Account] = async |peer| {
        Client::ready(peer).await?.ask("NOSUCH").await?.is(&[500, 502])
    }

    /// A command that does not exist is refused before the login too.
    Must "ftp/959/4.2.2/unknown-before-login" = async |peer| {
        Client::greeted(peer).await?.ask("NOSUCH").await?.is(&[500, 502, 530])
    }

    /// A command that begins like one that exists is another one.
    Must "ftp/959/5.3/longer" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("NOOPS").await?.is(&[500, 502])?;
        client.ask("NOO").await?.is(&[500, 502])
    }

    /// A space within a name belongs to the name.
    Must "ftp/959/5.3.2/space-in-name" [Fixture, Account] = async |peer| {
        Client::ready(peer).await?.fetches("RETR with space.txt", "space\n").await
    }
}
