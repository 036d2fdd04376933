//! RFC 1123 §4.1: what hosts that speak FTP are required to.

use std::time::Duration;

use super::client::Client;
use super::fixture;
use crate::case::{cases, check};
use crate::peer::quote;
use crate::{Outcome, Reason};

cases! {
    /// TYPE L 8 is supported.
    Must "ftp/1123/4.1.2.1/type-l-8" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("TYPE A").await?.is(&[200])?;
        client.ask("TYPE L 8").await?.is(&[200])?;
        client.fetches("RETR lines.txt", fixture::LINES).await
    }

    /// TYPE A T is the same as TYPE A N where the host makes no distinction.
    Should "ftp/1123/4.1.2.2/type-a-t" [Account] = async |peer| {
        Client::ready(peer).await?.ask("TYPE A T").await?.is(&[200])
    }

    /// PASV is implemented.
    Must "ftp/1123/4.1.2.6/pasv" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.is_v6() {
            return Ok(Outcome::Skip(Reason::Unsupported("IPv4")));
        }
        client.ask("PASV").await?.is(&[227])
    }

    /// What NLST sends can be used as it is in a transfer command.
    Must "ftp/1123/4.1.2.7/nlst-names" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let list = client.fetch("NLST dir/sub").await?;
        let name = String::from_utf8_lossy(&list).trim_end().to_owned();
        if name == "deep.txt" {
            client.ask("CWD dir/sub").await?.is(&[250])?;
        }
        client.fetches(&format!("RETR {name}"), "deep\n").await
    }

    /// Lists are in ASCII, whatever the type is.
    Should "ftp/1123/4.1.2.7/lists-in-ascii" [Fixture, Account] = async |peer| {
        let list = Client::ready(peer).await?.fetch("NLST").await?;
        let text = String::from_utf8_lossy(&list).into_owned();
        check(!text.is_empty() && !text.replace("\r\n", "").contains('\n'), "lines ended by CRLF", quote(&list))
    }

    /// The reply before a STOU says the name of the file: FILE:, a space and the name.
    Must "ftp/1123/4.1.2.9/stou-name" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let folder = client.folder("stou-name").await?;
        client.ask(format!("CWD {folder}")).await?.is(&[250])?;
        let first = client.store("STOU", "unique").await?;
        let text = first.text();
        let Some(name) = text.strip_prefix("FILE: ") else {
            return check(false, "FILE: and the name", first.brief());
        };
        client.fetches(&format!("RETR {name}"), "unique").await?;
        client.ask(format!("DELE {name}")).await?.is(&[250])
    }

    /// A command that comes in several segments is one command.
    Must "ftp/1123/4.1.2.10/cut-command" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        for part in ["NO", "OP", "\r", "\n"] {
            client.peer.send(part).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        client.reply().await?.is(&[200])?;
        client.is_silent().await
    }

    /// Several commands that come in one segment are all obeyed, in their order.
    Must "ftp/1123/4.1.2.10/joined-commands" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.peer.send("TYPE A\r\nPWD\r\nNOOP\r\nSYST\r\n").await?;
        for code in [200, 257, 200, 215] {
            client.reply().await?.is(&[code])?;
        }
        client.is_silent().await
    }

    /// An offer of a Telnet option is refused, and does not become part of a command.
    Must "ftp/1123/4.1.2.12/telnet-will" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.peer.send(b"\xff\xfb\x18NOOP\r\n").await?;
        // IAC DONT 24, or silence about it, and then the reply.
        client.peer.fill().await?;
        let refusal = b"\xff\xfe\x18";
        if client.peer.buffer.starts_with(refusal) {
            let _refusal = client.peer.buffer.split_to(refusal.len());
        }
        client.reply().await?.is(&[200])
    }

    /// A demand for a Telnet option is refused, and does not become part of a command.
    Must "ftp/1123/4.1.2.12/telnet-do" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.peer.send(b"\xff\xfd\x18NOOP\r\n").await?;
        client.peer.fill().await?;
        let refusal = b"\xff\xfc\x18";
        if client.peer.buffer.starts_with(refusal) {
            let _refusal = client.peer.buffer.split_to(refusal.len());
        }
        client.reply().await?.is(&[200])
    }

    /// The commands of the minimum are implemented.
    Must "ftp/1123/4.1.2.13/minimum" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let minimum = [
            "TYPE", "MODE", "STRU", "RETR", "STOR", "APPE", "RNFR", "DELE", "RMD", "MKD", "CDUP", "PWD", "SYST", "STAT",
            "HELP", "NOOP",
        ];
        for verb in minimum {
            check(client.ask(verb).await?.code != 502, "not 502", verb)?;
        }
        client.is_usable().await
    }

    /// ACCT is implemented, since it is of the minimum.
    Must "ftp/1123/4.1.2.13/acct" [Account] = async |peer| {
        Client::ready(peer).await?.ask("ACCT rope").await?.is_implemented()
    }

    /// XMKD does what MKD does.
    Should "ftp/1123/4.1.3.1/xmkd" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.free("xmkd").await?;
        client.ask(format!("XMKD {path}")).await?.is(&[257])
    }

    /// XRMD does what RMD does.
    Should "ftp/1123/4.1.3.1/xrmd" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.folder("xrmd").await?;
        client.ask(format!("XRMD {path}")).await?.is(&[250])
    }

    /// XPWD does what PWD does.
    Should "ftp/1123/4.1.3.1/xpwd" [Account] = async |peer| {
        Client::ready(peer).await?.ask("XPWD").await?.is(&[257])
    }

    /// XCUP does what CDUP does.
    Should "ftp/1123/4.1.3.1/xcup" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("CWD dir").await?.is(&[250])?;
        client.ask("XCUP").await?.is(&[200, 250])
    }

    /// XCWD does what CWD does.
    Should "ftp/1123/4.1.3.1/xcwd" [Fixture, Account] = async |peer| {
        Client::ready(peer).await?.ask("XCWD dir").await?.is(&[250])
    }

    /// A restart behind the end of the file is refused: 554, or by REST itself.
    Should "ftp/1123/4.1.3.4/rest-beyond" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let reply = client.ask("REST 1000000").await?;
        if reply.code != 350 {
            return reply.is(&[501, 554]);
        }
        client.refused("RETR hello.txt").await?.is(&[554])
    }
}
