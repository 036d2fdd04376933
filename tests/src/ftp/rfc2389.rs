//! RFC 2389: FEAT and OPTS.

use super::client::Client;
use super::reply::Reply;
use crate::case::{cases, check};
use crate::{Broken, Outcome, Reason};

/// The features that a server lists; none where it knows no FEAT.
pub(super) async fn features(client: &mut Client<'_>) -> Result<Option<Vec<String>>, Broken> {
    let reply = client.ask("FEAT").await?;
    if reply.code != 211 {
        return Ok(None);
    }
    Ok(Some(reply.inner().iter().map(|line| String::from_utf8_lossy(line).trim().to_owned()).collect()))
}

/// Whether a feature is among them, by its first word.
pub(super) fn lists(features: &[String], name: &str) -> bool {
    features.iter().any(|line| line.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case(name)))
}

/// What a case says of a server without FEAT.
pub(super) const NO_FEAT: Outcome = Outcome::Skip(Reason::Unsupported("FEAT"));

cases! {
    /// FEAT is answered with 211, or is not known.
    Must "ftp/2389/3.2/feat" [Account] = async |peer| {
        Client::ready(peer).await?.ask("FEAT").await?.is(&[211, 500, 502])
    }

    /// Each feature stands in a line of its own that begins with one space.
    Must "ftp/2389/3.2/lines" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("FEAT").await?;
        if reply.code != 211 {
            return Ok(NO_FEAT);
        }
        let well = |line: &Vec<u8>| matches!(line.as_slice(), [b' ', first, ..] if *first > b' ');
        check(reply.inner().iter().all(well), "lines that begin with one space", reply.brief())
    }

    /// A server with features says them in several lines, the first with a hyphen.
    Must "ftp/2389/3.2/several-lines" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("FEAT").await?;
        if reply.code != 211 {
            return Ok(NO_FEAT);
        }
        check(!reply.inner().is_empty() || reply.lines.len() == 1, "features between the lines", reply.brief())
    }

    /// OPTS is implemented where FEAT is: it is not refused as unknown whatever it is used for.
    Must "ftp/2389/4/opts" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if features(&mut client).await?.is_none() {
            return Ok(NO_FEAT);
        }
        let mut replies = Vec::new();
        for option in ["MLST type;", "UTF8 ON", "NOSUCH"] {
            replies.push(client.ask(format!("OPTS {option}")).await?);
        }
        let known = replies.iter().any(|reply| reply.is_implemented().is_ok());
        check(known, "something else than 500 or 502", replies.iter().map(Reply::brief).collect::<String>())
    }

    /// OPTS for what is no command with options is answered with 501.
    Should "ftp/2389/4/opts-unknown" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if features(&mut client).await?.is_none() {
            return Ok(NO_FEAT);
        }
        client.ask("OPTS NOSUCH").await?.is(&[501])
    }

    /// OPTS without a command is refused.
    Must "ftp/2389/4/opts-empty" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if features(&mut client).await?.is_none() {
            return Ok(NO_FEAT);
        }
        client.ask("OPTS").await?.refuses()
    }

    /// What FEAT lists is there: a listed command works.
    Must "ftp/2389/3.2/what-is-listed" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(features) = features(&mut client).await? else { return Ok(NO_FEAT) };
        for name in ["SIZE", "MDTM", "MLST", "HASH"] {
            if lists(&features, name) {
                client.ask(format!("{name} hello.txt")).await?.agrees()?;
            }
        }
        client.is_usable().await
    }

    /// FEAT is answered before the login, or after it only.
    May "ftp/2389/3/before-login" = async |peer| {
        let reply = Client::greeted(peer).await?.ask("FEAT").await?;
        reply.is(&[211, 500, 502, 530, 503])?;
        Ok(Outcome::Choice(if reply.code == 211 { "tells anybody" } else { "tells who has logged in" }))
    }
}
