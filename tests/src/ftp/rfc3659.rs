//! RFC 3659: MDTM, SIZE, REST, and the lists of facts.

use std::time::SystemTime;

use super::client::Client;
use super::facts::{NO_MLST, each, fact, is_listed, is_time, mlsd, mlst};
use super::fixture;
use super::rfc2389::{NO_FEAT, features, lists};
use crate::case::{cases, check};
use crate::peer::quote;
use crate::{Outcome, Reason};

cases! {
    /// MDTM is answered with 213 and a time of fourteen digits.
    Must "ftp/3659/3/mdtm" [Fixture, Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("MDTM hello.txt").await?;
        check(reply.code == 213 && reply.lines.len() == 1 && is_time(&reply.text()), "213 YYYYMMDDHHMMSS", reply.brief())
    }

    /// The time of MDTM is in UTC.
    Must "ftp/3659/2.3/mdtm-utc" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("mdtm-now", "now").await?;
        let reply = client.ask(format!("MDTM {path}")).await?;
        reply.is(&[213])?;
        let text = reply.text();
        let now = httpdate::HttpDate::from(SystemTime::now()).to_string();
        // A clock may go wrong by minutes, and not by the hours of a time zone.
        let minutes = std::time::Duration::from_secs(600);
        let near = [SystemTime::now() - minutes, SystemTime::now(), SystemTime::now() + minutes];
        let close = near.iter().any(|time| text.starts_with(&hour(*time)));
        check(close, now, text)
    }

    /// MDTM of what does not exist is refused with 550.
    Should "ftp/3659/3/mdtm-missing" [Account] = async |peer| {
        Client::ready(peer).await?.ask("MDTM no-such-file").await?.is(&[550])
    }

    /// MDTM without a name is refused with 500 or 501.
    Should "ftp/3659/3/mdtm-empty" [Account] = async |peer| {
        Client::ready(peer).await?.ask("MDTM").await?.is(&[500, 501])
    }

    /// FEAT lists MDTM where it is supported.
    Must "ftp/3659/3.3/feature" [Account] = async |peer| {
        is_listed(&mut Client::ready(peer).await?, "MDTM no-such-file", "MDTM").await
    }

    /// SIZE is answered with 213 and the octets that a transfer in TYPE I sends.
    Must "ftp/3659/4/size" [Fixture, Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("SIZE big.bin").await?;
        let expected = fixture::BIG.to_string();
        check(reply.code == 213 && reply.lines.len() == 1 && reply.text() == expected, format!("213 {expected}"), reply.brief())
    }

    /// SIZE of an empty file is 0.
    Must "ftp/3659/4/size-empty" [Fixture, Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("SIZE empty.txt").await?;
        check(reply.code == 213 && reply.text() == "0", "213 0", reply.brief())
    }

    /// SIZE in TYPE A is what a transfer in TYPE A sends, or refused with 550: never an estimate.
    Must "ftp/3659/4/size-ascii" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("TYPE A").await?.is(&[200])?;
        let reply = client.ask("SIZE lines.txt").await?;
        if reply.code != 213 {
            return reply.is(&[550, 504]);
        }
        let length = client.fetch("RETR lines.txt").await?.len();
        check(reply.text() == length.to_string(), length.to_string(), reply.brief())
    }

    /// SIZE of what does not exist is refused with 550.
    Should "ftp/3659/4/size-missing" [Account] = async |peer| {
        Client::ready(peer).await?.ask("SIZE no-such-file").await?.is(&[550])
    }

    /// SIZE of a folder is refused with 550.
    Should "ftp/3659/4/size-folder" [Fixture, Account] = async |peer| {
        Client::ready(peer).await?.ask("SIZE dir").await?.is(&[550])
    }

    /// SIZE without a name is refused with 500 or 501.
    Should "ftp/3659/4/size-syntax" [Account] = async |peer| {
        Client::ready(peer).await?.ask("SIZE").await?.is(&[500, 501])
    }

    /// FEAT lists SIZE where it is supported.
    Must "ftp/3659/4.3/feature" [Account] = async |peer| {
        is_listed(&mut Client::ready(peer).await?, "SIZE no-such-file", "SIZE").await
    }

    /// After REST, RETR sends what is behind that offset.
    Must "ftp/3659/5/rest-retr" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let port = client.epsv("EPSV").await?;
        let data = client.connect(port).await?;
        client.ask("REST 25").await?.is(&[350])?;
        let content = client.fetch_on(data, "RETR digits.txt").await?;
        let behind = fixture::DIGITS.as_bytes().get(25..);
        check(Some(content.as_slice()) == behind, "what is behind octet 25", quote(&content))
    }

    /// REST serves the next transfer only.
    Must "ftp/3659/5/rest-once" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let data = client.passive().await?;
        client.ask("REST 25").await?.is(&[350])?;
        client.fetch_on(data, "RETR digits.txt").await?;
        client.fetches("RETR digits.txt", fixture::DIGITS).await
    }

    /// REST 0 begins at the beginning.
    Must "ftp/3659/5/rest-0" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let data = client.passive().await?;
        client.ask("REST 9").await?.is(&[350])?;
        client.ask("REST 0").await?.is(&[350])?;
        let content = client.fetch_on(data, "RETR digits.txt").await?;
        check(content == fixture::DIGITS.as_bytes(), "the whole file", quote(&content))
    }

    /// REST with the size of the file sends nothing, or is refused.
    Must "ftp/3659/5/rest-at-end" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let mut data = client.passive().await?;
        client.ask("REST 40").await?.is(&[350])?;
        let reply = client.ask("RETR digits.txt").await?;
        if reply.class() != 1 {
            return reply.refuses();
        }
        let content = data.rest().await?;
        check(content.is_empty(), "nothing", quote(&content))
    }

    /// After REST, STOR writes from that offset on, and what is before it stays.
    Must "ftp/3659/5/rest-stor" [Account, Upload] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let path = client.file("rest-stor", "0123456789").await?;
        let mut data = client.passive().await?;
        client.ask("REST 5").await?.is(&[350])?;
        client.ask(format!("STOR {path}")).await?.is(&[125, 150])?;
        data.send("abcde").await;
        data.finish().await;
        client.reply().await?.is(&[226, 250])?;
        client.fetches(&format!("RETR {path}"), "01234abcde").await
    }

    /// REST with what is no number is refused with 501.
    Must "ftp/3659/5/rest-syntax" [Account] = async |peer| {
        Client::ready(peer).await?.ask("REST rope").await?.is(&[500, 501])
    }

    /// FEAT lists REST STREAM where REST works in stream mode.
    Must "ftp/3659/5.4/feature" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        client.ask("REST 1").await?.is(&[350])?;
        let Some(features) = features(&mut client).await? else { return Ok(NO_FEAT) };
        let listed = features.iter().any(|line| line.eq_ignore_ascii_case("REST STREAM"));
        check(listed, "REST STREAM", features.join(", "))
    }

    /// Where TVFS is listed, a slash divides paths and .. is the folder above.
    Must "ftp/3659/6/tvfs" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(features) = features(&mut client).await? else { return Ok(NO_FEAT) };
        if !lists(&features, "TVFS") {
            return Ok(Outcome::Skip(Reason::Unsupported("TVFS")));
        }
        client.fetches("RETR dir/sub/deep.txt", "deep\n").await?;
        client.ask("CWD dir/sub").await?.is(&[250])?;
        client.ask("CWD ..").await?.is(&[250])?;
        client.fetches("RETR /dir/inner.txt", "inner\n").await?;
        client.fetches("RETR sub/../inner.txt", "inner\n").await
    }

    /// MLST is answered with 250 and one line of facts that begins with a space.
    Must "ftp/3659/7.2/mlst" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entry) = mlst(&mut client, "hello.txt").await? else { return Ok(NO_MLST) };
        check(entry.1.ends_with("hello.txt"), "the name of the file", entry.1)
    }

    /// MLST without a path tells of the folder where one is.
    Must "ftp/3659/7.1/mlst-here" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let reply = client.ask("MLST").await?;
        if matches!(reply.code, 500 | 502) {
            return Ok(NO_MLST);
        }
        reply.is(&[250])?;
        check(reply.inner().len() == 1, "one line", reply.brief())
    }

    /// MLST of what does not exist is refused.
    Must "ftp/3659/7.2.1/mlst-missing" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("MLST no-such-file").await?;
        if matches!(reply.code, 500 | 502) {
            return Ok(NO_MLST);
        }
        reply.is(&[550, 501, 504])
    }

    /// MLSD sends a line of facts and a name, ended by CRLF, for each file.
    Must "ftp/3659/7.2/mlsd" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entries) = mlsd(&mut client, "MLSD").await? else { return Ok(NO_MLST) };
        let all = ["hello.txt", "with space.txt", fixture::NAME_IN_UTF8, "dir"];
        let names: Vec<_> = entries.iter().map(|entry| entry.1.as_str()).collect();
        check(all.iter().all(|name| names.contains(name)), all.join(", "), names.join(", "))
    }

    /// The names in MLSD have no part of the path.
    Should "ftp/3659/7.3.1/mlsd-names" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entries) = mlsd(&mut client, "MLSD dir").await? else { return Ok(NO_MLST) };
        check(entries.iter().any(|entry| entry.1 == "inner.txt"), "inner.txt", format!("{entries:?}"))
    }

    /// MLSD of a file is refused with 501.
    Must "ftp/3659/7.1/mlsd-file" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.ask("MLST").await?.code != 250 {
            return Ok(NO_MLST);
        }
        client.refused("MLSD hello.txt").await?.is(&[501])
    }

    /// MLSD of what does not exist is refused.
    Must "ftp/3659/7.2.1/mlsd-missing" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.ask("MLST").await?.code != 250 {
            return Ok(NO_MLST);
        }
        client.refused("MLSD no-such-folder").await?.is(&[501, 550])
    }

    /// The fact type says file for files and dir for folders.
    Must "ftp/3659/7.5.1/type" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entries) = mlsd(&mut client, "MLSD").await? else { return Ok(NO_MLST) };
        let of = |name: &str| entries.iter().find(|entry| entry.1 == name).and_then(|entry| fact(entry, "type"));
        let found = (of("hello.txt").map(str::to_ascii_lowercase), of("dir").map(str::to_ascii_lowercase));
        check(found == (Some("file".into()), Some("dir".into())), "file and dir", format!("{found:?}"))
    }

    /// The fact cdir is of the folder that is listed, and stands in its list once at most.
    Must "ftp/3659/7.5.1.3/cdir" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entries) = mlsd(&mut client, "MLSD").await? else { return Ok(NO_MLST) };
        let count = entries.iter().filter(|entry| fact(entry, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("cdir"))).count();
        check(count <= 1, "one cdir at most", count)
    }

    /// The fact size is the size of the file.
    Should "ftp/3659/7.5.7/size" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entries) = mlsd(&mut client, "MLSD").await? else { return Ok(NO_MLST) };
        let of = |name: &str| entries.iter().find(|entry| entry.1 == name).and_then(|entry| fact(entry, "size"));
        check(of("digits.txt") == Some("40"), "size=40", format!("{:?}", of("digits.txt")))
    }

    /// The fact modify is a time of fourteen digits.
    Must "ftp/3659/7.5.3/modify" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entries) = mlsd(&mut client, "MLSD").await? else { return Ok(NO_MLST) };
        each(&entries, "modify", is_time)
    }

    /// The fact perm consists of the letters that the document has.
    Must "ftp/3659/7.5.5/perm" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entries) = mlsd(&mut client, "MLSD").await? else { return Ok(NO_MLST) };
        each(&entries, "perm", |value| value.chars().all(|char| "acdeflmprw".contains(char.to_ascii_lowercase())))
    }

    /// The fact perm of a file that can be read has r.
    Should "ftp/3659/7.5.5/perm-r" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entry) = mlst(&mut client, "hello.txt").await? else { return Ok(NO_MLST) };
        let Some(perm) = fact(&entry, "perm") else { return Ok(Outcome::Skip(Reason::Unsupported("perm"))) };
        check(perm.contains(['r', 'R']), "r among them", perm)
    }

    /// The fact unique is the same for one file in both lists, and another for another file.
    Must "ftp/3659/7.5.2/unique" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(entries) = mlsd(&mut client, "MLSD").await? else { return Ok(NO_MLST) };
        let of = |name: &str| entries.iter().find(|entry| entry.1 == name).and_then(|entry| fact(entry, "unique"));
        let Some(listed) = of("hello.txt") else { return Ok(Outcome::Skip(Reason::Unsupported("unique"))) };
        check(Some(listed) != of("digits.txt"), "another for another file", listed)?;
        let Some(entry) = mlst(&mut client, "/hello.txt").await? else { return Ok(NO_MLST) };
        check(fact(&entry, "unique") == Some(listed), listed, format!("{entry:?}"))
    }

    /// Type, perm, size, unique and modify are supported.
    Should "ftp/3659/7.5/facts" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        let Some(features) = features(&mut client).await? else { return Ok(NO_FEAT) };
        let Some(line) = features.iter().find(|line| line.to_ascii_uppercase().starts_with("MLST")) else { return Ok(NO_MLST) };
        let line = line.to_ascii_lowercase();
        check(["type", "perm", "size", "unique", "modify"].iter().all(|fact| line.contains(fact)), "all five", line)
    }

    /// FEAT lists MLST with the facts, each followed by an asterisk, if it is sent, and a semicolon.
    Must "ftp/3659/7.8/feature" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.ask("MLST").await?.code != 250 {
            return Ok(NO_MLST);
        }
        let Some(features) = features(&mut client).await? else { return Ok(NO_FEAT) };
        let line = features.iter().find_map(|line| line.strip_prefix("MLST ").map(str::to_owned)).unwrap_or_default();
        check(line.contains('*') && line.ends_with(';') && !line.contains(' '), "MLST and facts", features.join(", "))
    }

    /// OPTS MLST chooses the facts that are sent.
    Must "ftp/3659/7.9/opts" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.ask("MLST").await?.code != 250 {
            return Ok(NO_MLST);
        }
        client.ask("OPTS MLST type;size;").await?.is(&[200])?;
        let Some(entry) = mlst(&mut client, "hello.txt").await? else { return Ok(NO_MLST) };
        let mut names: Vec<_> = entry.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        check(names == ["size", "type"], "size and type", names.join(", "))
    }

    /// The reply of OPTS MLST says the facts that will be sent: MLST OPTS and their names.
    Must "ftp/3659/7.9/opts-reply" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.ask("MLST").await?.code != 250 {
            return Ok(NO_MLST);
        }
        let reply = client.ask("OPTS MLST size;type;").await?;
        let text = reply.text().to_ascii_lowercase();
        let well = text.starts_with("mlst opts ") && text.contains("size;") && text.contains("type;");
        check(reply.code == 200 && well, "200 MLST OPTS type;size;", reply.brief())
    }

    /// OPTS MLST without facts turns all of them off.
    Must "ftp/3659/7.9/opts-none" [Fixture, Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.ask("MLST").await?.code != 250 {
            return Ok(NO_MLST);
        }
        client.ask("OPTS MLST").await?.is(&[200])?;
        let Some(entry) = mlst(&mut client, "hello.txt").await? else { return Ok(NO_MLST) };
        check(entry.0.is_empty(), "no facts", format!("{entry:?}"))
    }

    /// Facts that the server does not know are left away by OPTS MLST, which is no error.
    Must "ftp/3659/7.9/opts-unknown" [Account] = async |peer| {
        let mut client = Client::ready(peer).await?;
        if client.ask("MLST").await?.code != 250 {
            return Ok(NO_MLST);
        }
        let reply = client.ask("OPTS MLST size;x.rope;").await?;
        check(reply.code == 200 && !reply.text().contains("rope"), "200, without x.rope", reply.brief())
    }
}

/// YYYYMMDDHH of a time.
pub(super) fn hour(time: SystemTime) -> String {
    // Sun, 06 Nov 1994 08:49:37 GMT
    let text = httpdate::fmt_http_date(time);
    let words: Vec<_> = text.split([' ', ':']).collect();
    let [_, day, month, year, hour, ..] = words.as_slice() else { return text };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| name == month).unwrap_or_default() + 1;
    format!("{year}{month:02}{day}{hour}")
}
