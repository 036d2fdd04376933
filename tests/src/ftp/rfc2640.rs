//! RFC 2640: names in UTF-8.

use super::client::Client;
use super::fixture;
use super::rfc2389::{NO_FEAT, features, lists};
use crate::case::{cases, check};
use crate::peer::quote;
use crate::{Outcome, Reason};

cases! {
    /// FEAT lists UTF8.
    Must "ftp/2640/3.2/feature" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(features) = features(&mut client).await? else { return Ok(NO_FEAT) };
        check(lists(&features, "UTF8"), "UTF8", features.join(", "))
    }

    /// A file whose name is in UTF-8 is found by it.
    Must "ftp/2640/3.2/retr" [Fixture, Account] = async |peer| {
        let command = format!("RETR {}", fixture::NAME_IN_UTF8);
        Client::ready(peer).await?.fetches(&command, "green\n").await
    }

    /// Lists show names in UTF-8.
    Must "ftp/2640/3.2/list" [Fixture, Account] = async |peer| {
        let list = Client::ready(peer).await?.fetch("NLST").await?;
        let text = String::from_utf8_lossy(&list).into_owned();
        check(text.lines().any(|line| line == fixture::NAME_IN_UTF8), fixture::NAME_IN_UTF8, quote(&list))
    }

    /// A name in UTF-8 is kept octet by octet, in PWD too.
    Must "ftp/2640/3.2/pwd" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let folder = client.folder("\u{65e5}\u{672c}").await?;
        client.ask(format!("CWD {folder}")).await?.is(&[250])?;
        let path = client.ask("PWD").await?.quoted()?;
        check(path == folder, folder, path)
    }

    /// Of several spaces behind a command all but the first belong to the name.
    Must "ftp/2640/3.1/leading-space" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let folder = client.folder("spaces").await?;
        client.ask(format!("CWD {folder}")).await?.is(&[250])?;
        client.store("STOR  led", "led").await?;
        client.fetches(&format!("RETR {folder}/ led"), "led").await
    }

    /// A space at the end of a name belongs to it.
    Must "ftp/2640/3.1/trailing-space" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("trailing ", "kept").await?;
        client.fetches(&format!("RETR {path}"), "kept").await?;
        client.refused(format!("RETR {}", path.trim_end())).await?.is(&[450, 550])
    }

    /// LANG is answered with 200, or not known.
    May "ftp/2640/4/lang" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("LANG").await?;
        reply.is(&[200, 500, 502, 504, 501])?;
        Ok(Outcome::Choice(if reply.code == 200 { "speaks languages" } else { "no LANG" }))
    }

    /// LANG with a language that the server does not have is answered with 504.
    Should "ftp/2640/4.1/lang-unknown" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.ask("LANG").await?.code != 200 {
            return Ok(Outcome::Skip(Reason::Unsupported("LANG")));
        }
        client.ask("LANG x-rope").await?.is(&[504])
    }
}
