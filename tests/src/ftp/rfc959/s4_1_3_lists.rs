//! Service commands: lists, and what is told.

use super::super::client::Client;
use super::super::fixture;
use crate::Outcome;
use crate::case::{cases, check};
use crate::peer::quote;

/// Whether one line of a list names this.
fn names(list: &[u8], name: &str) -> bool {
    String::from_utf8_lossy(list).lines().any(|line| line.ends_with(name))
}

cases! {
    /// LIST names what is in the folder where one is.
    Must "ftp/959/4.1.3/list" [Fixture, Account] = async |peer| {
        let list = Client::ready(peer).await?.fetch("LIST").await?;
        let all = ["hello.txt", "dir", "with space.txt"].iter().all(|name| names(&list, name));
        check(all, "a line for each file", quote(&list))
    }

    /// LIST names what is in the folder that it is given.
    Must "ftp/959/4.1.3/list-folder" [Fixture, Account] = async |peer| {
        let list = Client::ready(peer).await?.fetch("LIST dir").await?;
        check(names(&list, "inner.txt") && !names(&list, "hello.txt"), "what is in dir", quote(&list))
    }

    /// LIST of a file tells of that file alone.
    Must "ftp/959/4.1.3/list-file" [Fixture, Account] = async |peer| {
        let list = Client::ready(peer).await?.fetch("LIST hello.txt").await?;
        let lines = list.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()).count();
        check(names(&list, "hello.txt") && lines == 1, "one line about hello.txt", quote(&list))
    }

    /// LIST of what does not exist names nothing.
    Must "ftp/959/4.1.3/list-missing" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        let reply = client.ask("LIST no-such-folder").await?;
        if reply.class() != 1 {
            return reply.refuses();
        }
        let list = data.rest().await?;
        client.reply().await?.is(&[226, 250, 450, 451, 550])?;
        check(list.is_empty(), "no list", quote(&list))
    }

    /// The lines of a LIST end in CRLF.
    Must "ftp/959/4.1.3/list-lines" [Fixture, Account] = async |peer| {
        let mut client = Client::greeted(peer).await?;
        client.log_in().await?;
        let list = client.fetch("LIST").await?;
        let text = String::from_utf8_lossy(&list).into_owned();
        check(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "lines ended by CRLF", text)
    }

    /// NLST sends names alone, one a line.
    Must "ftp/959/4.1.3/nlst" [Fixture, Account] = async |peer| {
        let list = Client::ready(peer).await?.fetch("NLST").await?;
        let text = String::from_utf8_lossy(&list).into_owned();
        let all = ["hello.txt", "digits.txt", "with space.txt"].iter().all(|name| text.lines().any(|line| line == *name));
        check(all, "a line that is the name, for each file", text)
    }

    /// NLST of a folder sends the names that are in it.
    Must "ftp/959/4.1.3/nlst-folder" [Fixture, Account] = async |peer| {
        let list = Client::ready(peer).await?.fetch("NLST dir").await?;
        check(names(&list, "inner.txt") && !names(&list, "hello.txt"), "what is in dir", quote(&list))
    }

    /// NLST of an empty folder sends nothing, or refuses.
    Must "ftp/959/4.1.3/nlst-empty" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let folder = client.folder("nlst-empty").await?;
        let mut data = client.passive().await?;
        let reply = client.ask(format!("NLST {folder}")).await?;
        if reply.class() != 1 {
            return reply.is(&[450, 550]);
        }
        let list = data.rest().await?;
        client.reply().await?.is(&[226, 250, 450, 451, 550])?;
        check(list.is_empty(), "nothing", quote(&list))
    }

    /// The lines of an NLST end in CRLF.
    Must "ftp/959/4.1.3/nlst-lines" [Fixture, Account] = async |peer| {
        let mut client = Client::greeted(peer).await?;
        client.log_in().await?;
        let list = client.fetch("NLST").await?;
        let text = String::from_utf8_lossy(&list).into_owned();
        check(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "names ended by CRLF", text)
    }

    /// A list shows at once what was just stored.
    Must "ftp/959/4.1.3/nlst-fresh" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("just-stored", "x").await?;
        let list = client.fetch("NLST /upload").await?;
        check(names(&list, "just-stored"), "just-stored in the list", quote(&list))?;
        client.ask(format!("DELE {path}")).await?.is(&[250])?;
        let list = client.fetch("NLST /upload").await?;
        check(!names(&list, "just-stored"), "just-stored no more", quote(&list))
    }

    /// SYST is answered with 215 and the name of a system of the registry, such as UNIX.
    Must "ftp/959/4.1.3/syst" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("SYST").await?;
        reply.is(&[215])?;
        let text = reply.text();
        let name = text.split(' ').next().unwrap_or_default();
        let well = !name.is_empty() && name.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || "/-".contains(char));
        check(well, "the name of a system first", text)
    }

    /// STAT alone tells of the server, by 211.
    Must "ftp/959/4.1.3/stat" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("STAT").await?.is(&[211])?;
        client.is_usable().await
    }

    /// STAT of a folder lists it on the control connection.
    Must "ftp/959/4.1.3/stat-folder" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let reply = client.ask("STAT dir").await?;
        reply.is(&[211, 212, 213])?;
        let listed = reply.lines.iter().any(|line| names(line, "inner.txt"));
        check(listed, "inner.txt in the reply", reply.brief())?;
        client.is_usable().await
    }

    /// STAT of a file tells of it on the control connection.
    Must "ftp/959/4.1.3/stat-file" [Fixture, Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("STAT hello.txt").await?;
        reply.is(&[211, 212, 213])?;
        check(reply.brief().contains("hello.txt"), "hello.txt in the reply", reply.brief())
    }

    /// STAT during a transfer is answered, at once or after it, and does not disturb the data.
    Must "ftp/959/4.1.3/stat-during-transfer" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        let first = data.some(1).await.len();
        client.say("STAT").await?;
        let length = first + data.rest().await?.len();
        check(length == fixture::BIG, format!("{} octets", fixture::BIG), length)?;
        let mut codes = [client.reply().await?.code, client.reply().await?.code];
        codes.sort_unstable();
        check(matches!(codes, [211..=213, 226 | 250]), "211 for STAT and 226 for RETR", format!("{codes:?}"))
    }

    /// STAT during a transfer is answered before its end.
    Should "ftp/959/4.1.3/stat-at-once" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        data.some(1).await;
        client.ask("STAT").await?.is(&[211, 212, 213])?;
        data.rest().await?;
        client.reply().await?.is(&[226, 250])
    }

    /// HELP is answered with 211 or 214.
    Must "ftp/959/4.1.3/help" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("HELP").await?.is(&[211, 214])?;
        client.is_usable().await
    }

    /// HELP with a command is answered with 211 or 214, or refused.
    Must "ftp/959/4.1.3/help-command" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("HELP RETR").await?.is(&[211, 214, 500, 501, 502, 504])?;
        client.is_usable().await
    }

    /// HELP is allowed before the login.
    May "ftp/959/4.1.3/help-before-login" = async |peer| {
        let reply = Client::greeted(peer).await?.ask("HELP").await?;
        reply.is(&[211, 214, 500, 502, 530])?;
        Ok(Outcome::Choice(if reply.class() == 2 { "helps anybody" } else { "helps who has logged in" }))
    }

    /// NOOP is answered with 200.
    Must "ftp/959/4.1.3/noop" [Account] = async |peer| {
        Client::ready(peer).await?.ask("NOOP").await?.is(&[200])
    }

    /// NOOP leaves what was set: type and folder.
    Must "ftp/959/4.1.3/noop-changes-nothing" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("TYPE A").await?.is(&[200])?;
        client.ask("CWD dir").await?.is(&[250])?;
        client.ask("NOOP").await?.is(&[200])?;
        client.fetches("RETR inner.txt", "inner\r\n").await
    }

    /// A service that SITE does not know is refused.
    Must "ftp/959/4.1.3/site-unknown" [Account] = async |peer| {
        Client::ready(peer).await?.ask("SITE NOSUCHTHING").await?.is(&[202, 500, 501, 502, 504, 530, 550])
    }
}
