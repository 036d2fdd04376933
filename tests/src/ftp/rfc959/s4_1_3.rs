//! Service commands: transfers.

use super::super::client::{Client, unique};
use super::super::fixture;
use crate::Outcome;
use crate::case::{cases, check};
use crate::peer::quote;

cases! {
    /// RETR sends a file: 125 or 150 before the data, 226 or 250 after them.
    Must "ftp/959/4.1.3/retr" [Fixture, Account] = async |peer| {
        Client::ready(peer).await?.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// RETR takes a path from the root.
    Must "ftp/959/4.1.3/retr-path" [Fixture, Account] = async |peer| {
        Client::ready(peer).await?.fetches("RETR /dir/sub/deep.txt", "deep\n").await
    }

    /// RETR of a large file sends all of it.
    Must "ftp/959/4.1.3/retr-large" [Fixture, Account] = async |peer| {
        let content = Client::ready(peer).await?.fetch("RETR big.bin").await?;
        let wrong = content.iter().enumerate().position(|(at, octet)| *octet != (at % 251) as u8);
        check(wrong.is_none() && content.len() == fixture::BIG, "the file", format!("{} octets", content.len()))
    }

    /// The end of a transfer is told after all of the data were sent, and not before.
    Must "ftp/959/4.1.3/retr-end-told-last" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        // Nothing is read: what the network holds is less than the file.
        client.is_silent().await?;
        let length = data.rest().await?.len();
        client.reply().await?.is(&[226, 250])?;
        check(length == fixture::BIG, format!("{} octets", fixture::BIG), length)
    }

    /// RETR of what does not exist is refused, with no data.
    Must "ftp/959/4.1.3/retr-missing" [Fixture, Account] = async |peer| {
        Client::ready(peer).await?.refused("RETR no-such-file").await?.is(&[450, 550])
    }

    /// RETR of a folder is refused, with no data.
    Must "ftp/959/4.1.3/retr-folder" [Fixture, Account] = async |peer| {
        Client::ready(peer).await?.refused("RETR dir").await?.refuses_by_table("RETR")
    }

    /// After a RETR that was refused the next one works.
    Must "ftp/959/4.1.3/retr-after-refusal" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.refused("RETR no-such-file").await?;
        client.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// A transfer for which nobody has said where the data go is refused: 425, or another refusal of the table.
    Must "ftp/959/4.1.3/retr-without-data" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let reply = client.ask("RETR hello.txt").await?;
        let reply = if reply.class() == 1 { client.reply().await? } else { reply };
        reply.is(&[425, 426, 450, 451, 500, 501, 503, 421])?;
        client.is_usable().await
    }

    /// STOR makes a file.
    Must "ftp/959/4.1.3/stor" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("stor", "stored\n").await?;
        client.fetches(&format!("RETR {path}"), "stored\n").await
    }

    /// STOR replaces a file that is there: nothing of the old content is left.
    Must "ftp/959/4.1.3/stor-replaces" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("replaced", "a long content that was there first").await?;
        client.store(format!("STOR {path}"), "short").await?;
        client.fetches(&format!("RETR {path}"), "short").await
    }

    /// STOR stores a large file as it was sent.
    Must "ftp/959/4.1.3/stor-large" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let content: Vec<_> = (0..2_000_000).map(|at| (at % 253) as u8).collect();
        let path = client.file("large", &content).await?;
        let came = client.fetch(format!("RETR {path}")).await?;
        check(came == content, "the file as it was sent", format!("{} octets", came.len()))
    }

    /// STOR into a folder that does not exist is refused.
    Must "ftp/959/4.1.3/stor-no-folder" [Account, Upload] = async |peer| {
        let reply = Client::ready(peer).await?.refused("STOR /upload/no-such-folder/a").await?;
        reply.is(&[553, 550, 450, 451, 452, 551])
    }

    /// STOR under the name of a folder is refused.
    Must "ftp/959/4.1.3/stor-folder" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let folder = client.folder("stor-folder").await?;
        client.refused(format!("STOR {folder}")).await?.is(&[553, 550, 450, 451, 551])
    }

    /// APPE makes the file that is not there.
    Must "ftp/959/4.1.3/appe-makes" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.free("appe-new").await?;
        client.store(format!("APPE {path}"), "new").await?;
        client.fetches(&format!("RETR {path}"), "new").await
    }

    /// APPE writes behind what is there.
    Must "ftp/959/4.1.3/appe" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("appe", "one").await?;
        client.store(format!("APPE {path}"), "two").await?;
        client.fetches(&format!("RETR {path}"), "onetwo").await
    }

    /// STOU stores under a name that nothing had: two of them make two files.
    Must "ftp/959/4.1.3/stou" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let folder = client.folder(&format!("stou-{}", unique())).await?;
        client.ask(format!("CWD {folder}")).await?.is(&[250])?;
        let before = client.fetch("NLST").await?;
        client.store("STOU", "one").await?;
        client.store("STOU", "two").await?;
        let after = client.fetch("NLST").await?;
        let count = |list: &[u8]| list.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()).count();
        check(count(&after) == count(&before) + 2, "two files more", quote(&after))
    }

    /// ALLO is answered with 200 or 202.
    Must "ftp/959/4.1.3/allo" [Account] = async |peer| {
        Client::ready(peer).await?.ask("ALLO 1000").await?.is(&[200, 202])
    }

    /// ALLO takes a record size behind R.
    Must "ftp/959/4.1.3/allo-records" [Account] = async |peer| {
        Client::ready(peer).await?.ask("ALLO 1000 R 80").await?.is(&[200, 202, 504])
    }

    /// ABOR without a transfer is answered with 225 or 226, and nothing else.
    Must "ftp/959/4.1.3/abor-idle" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("ABOR").await?.is(&[225, 226])?;
        client.is_silent().await?;
        client.is_usable().await
    }

    /// ABOR during a transfer is answered with 426 for the transfer and 226 for itself; or, where the transfer was at
    /// its end, with 226 for each. A server may answer once the transfer is over.
    Must "ftp/959/4.1.3/abor" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        data.some(1).await;
        client.say("ABOR").await?;
        let _rest = data.rest().await;
        client.reply().await?.is(&[426, 226, 250, 451])?;
        client.reply().await?.is(&[225, 226])?;
        client.is_usable().await
    }

    /// ABOR behind the Telnet signals that clients send before it is obeyed.
    Must "ftp/959/4.1.3/abor-signals" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        data.some(1).await;
        client.say(b"\xff\xf4\xff\xf2ABOR").await?;
        let _rest = data.rest().await;
        client.reply().await?.is(&[426, 226, 250, 451])?;
        client.reply().await?.is(&[225, 226])?;
        client.is_usable().await
    }

    /// ABOR ends the data connection: what is left of the file is not sent.
    Should "ftp/959/4.1.3/abor-closes-data" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        data.some(1).await;
        let reply = client.ask("ABOR").await?;
        // An end by reset is an end as well.
        let length = data.rest().await.map_or(0, |rest| rest.len());
        reply.is(&[426, 226, 250, 451])?;
        check(length + 1 < fixture::BIG, "less than the file", format!("{} octets", length + 1))
    }

    /// After ABOR the next transfer works.
    Must "ftp/959/4.1.3/transfer-after-abor" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        data.some(1).await;
        client.say("ABOR").await?;
        let _rest = data.rest().await;
        client.reply().await?;
        client.reply().await?;
        client.fetches("RETR hello.txt", fixture::HELLO).await
    }

    /// A user who leaves the data connection amid a download is told so, with 426 or 451 or 226.
    Must "ftp/959/4.1.3/user-leaves" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        data.some(1).await;
        drop(data);
        client.reply().await?.is(&[426, 451, 226, 250])?;
        client.is_usable().await
    }

    /// A download that was cut is not said to be complete.
    Should "ftp/959/4.1.3/cut-is-426" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("RETR big.bin").await?.is(&[125, 150])?;
        data.some(1).await;
        drop(data);
        client.reply().await?.is(&[426, 451])?;
        Ok(Outcome::Pass)
    }
}
