//! Service commands: files and folders.

use super::super::client::Client;
use super::super::fixture;
use crate::Outcome;
use crate::case::{cases, check};

cases! {
    /// RNFR and RNTO give a file another name.
    Must "ftp/959/4.1.3/rename" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let from = client.file("rename-from", "named").await?;
        let to = client.free("rename-to").await?;
        client.ask(format!("RNFR {from}")).await?.is(&[350])?;
        client.ask(format!("RNTO {to}")).await?.is(&[250])?;
        client.fetches(&format!("RETR {to}"), "named").await?;
        client.refused(format!("RETR {from}")).await?.is(&[450, 550])
    }

    /// RNFR of what does not exist is refused.
    Must "ftp/959/4.1.3/rnfr-missing" [Account] = async |peer| {
        Client::ready(peer).await?.ask("RNFR no-such-file").await?.is(&[450, 550])
    }

    /// RNTO must follow RNFR.
    Must "ftp/959/4.1.3/rnto-alone" [Account] = async |peer| {
        Client::ready(peer).await?.ask("RNTO a").await?.refuses_by_table("RNTO")
    }

    /// RNTO without RNFR is a bad sequence of commands, 503.
    Should "ftp/959/4.1.3/rnto-alone-503" [Account] = async |peer| {
        Client::ready(peer).await?.ask("RNTO a").await?.is(&[503])
    }

    /// RNFR must be followed at once by RNTO: another command between them ends it, or is refused.
    Should "ftp/959/4.1.3/rnfr-rnto-at-once" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let from = client.file("rename-stale", "stays").await?;
        client.ask(format!("RNFR {from}")).await?.is(&[350])?;
        if client.ask("TYPE I").await?.class() == 5 {
            return Ok(Outcome::Pass);
        }
        client.ask(format!("RNTO {from}-new")).await?.is(&[503])?;
        client.fetches(&format!("RETR {from}"), "stays").await
    }

    /// A RNFR serves one RNTO.
    Must "ftp/959/4.1.3/rnto-twice" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let from = client.file("rename-once", "once").await?;
        let to = client.free("rename-once-to").await?;
        client.ask(format!("RNFR {from}")).await?.is(&[350])?;
        client.ask(format!("RNTO {to}")).await?.is(&[250])?;
        client.ask(format!("RNTO {from}")).await?.refuses()
    }

    /// RNTO into a folder that does not exist is refused, and the file stays.
    Must "ftp/959/4.1.3/rnto-no-folder" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let from = client.file("rename-nowhere", "stays").await?;
        client.ask(format!("RNFR {from}")).await?.is(&[350])?;
        client.ask("RNTO /upload/no-such-folder/a").await?.is(&[553, 550, 450, 451])?;
        client.fetches(&format!("RETR {from}"), "stays").await
    }

    /// A folder is renamed with what is in it.
    Should "ftp/959/4.1.3/rename-folder" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        for folder in ["rename-dir-a", "rename-dir-b"] {
            client.ask(format!("DELE /upload/{folder}/in")).await?;
            client.free(folder).await?;
        }
        let from = client.folder("rename-dir-a").await?;
        client.store(format!("STOR {from}/in"), "in").await?;
        client.ask(format!("RNFR {from}")).await?.is(&[350])?;
        client.ask("RNTO /upload/rename-dir-b").await?.is(&[250])?;
        client.fetches("RETR /upload/rename-dir-b/in", "in").await
    }

    /// DELE removes a file.
    Must "ftp/959/4.1.3/dele" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("dele", "x").await?;
        client.ask(format!("DELE {path}")).await?.is(&[250])?;
        client.refused(format!("RETR {path}")).await?.is(&[450, 550])
    }

    /// DELE of what does not exist is refused.
    Must "ftp/959/4.1.3/dele-missing" [Account, Upload] = async |peer| {
        Client::ready(peer).await?.ask("DELE /upload/no-such-file").await?.is(&[450, 550])
    }

    /// DELE removes no folder.
    Must "ftp/959/4.1.3/dele-folder" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.folder("dele-folder").await?;
        client.ask(format!("DELE {path}")).await?.is(&[450, 550])?;
        client.ask(format!("CWD {path}")).await?.is(&[250])
    }

    /// RMD removes a folder.
    Must "ftp/959/4.1.3/rmd" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.folder("rmd").await?;
        client.ask(format!("RMD {path}")).await?.is(&[250])?;
        client.ask(format!("CWD {path}")).await?.is(&[550])
    }

    /// RMD of what does not exist is refused.
    Must "ftp/959/4.1.3/rmd-missing" [Account, Upload] = async |peer| {
        Client::ready(peer).await?.ask("RMD /upload/no-such-folder").await?.is(&[550])
    }

    /// RMD removes no file.
    Must "ftp/959/4.1.3/rmd-file" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("rmd-file", "stays").await?;
        client.ask(format!("RMD {path}")).await?.is(&[550, 501])?;
        client.fetches(&format!("RETR {path}"), "stays").await
    }

    /// MKD makes a folder.
    Must "ftp/959/4.1.3/mkd" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.free("mkd").await?;
        client.ask(format!("MKD {path}")).await?.is(&[257])?;
        client.ask(format!("CWD {path}")).await?.is(&[250])
    }

    /// MKD of what exists is refused.
    Must "ftp/959/4.1.3/mkd-exists" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.folder("mkd-exists").await?;
        client.ask(format!("MKD {path}")).await?.is(&[550, 521, 553])
    }

    /// The 257 of MKD says in quotes a path that leads to the new folder.
    Must "ftp/959/A/mkd-says-path" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.free("mkd-path").await?;
        client.ask(format!("CWD {}", fixture::UPLOAD)).await?.is(&[250])?;
        let path = client.ask("MKD mkd-path").await?.quoted()?;
        client.ask(format!("CWD {path}")).await?.is(&[250])?;
        let now = client.ask("PWD").await?.quoted()?;
        check(now == "/upload/mkd-path", "/upload/mkd-path", now)
    }

    /// A path in a 257 is one from the root.
    Should "ftp/959/A/mkd-absolute" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.free("mkd-absolute").await?;
        client.ask(format!("CWD {}", fixture::UPLOAD)).await?.is(&[250])?;
        let path = client.ask("MKD mkd-absolute").await?.quoted()?;
        check(path == "/upload/mkd-absolute", "/upload/mkd-absolute", path)
    }

    /// Quotes in a path are doubled in a 257.
    Must "ftp/959/A/quotes" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let folder = client.folder("say \"rope\"").await?;
        client.ask(format!("CWD {folder}")).await?.is(&[250])?;
        let reply = client.ask("PWD").await?;
        let expected = "\"/upload/say \"\"rope\"\"\"";
        check(reply.text().starts_with(expected), expected, reply.brief())
    }

    /// PWD says the root after the login where nothing else is known.
    Must "ftp/959/4.1.3/pwd" [Account] = async |peer| {
        let path = Client::ready(peer).await?.ask("PWD").await?.quoted()?;
        check(path.starts_with('/'), "a path", path)
    }

    /// PWD follows CWD.
    Must "ftp/959/4.1.3/pwd-follows" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("CWD dir/sub").await?.is(&[250])?;
        let path = client.ask("PWD").await?.quoted()?;
        check(path == "/dir/sub", "/dir/sub", path)
    }
}
