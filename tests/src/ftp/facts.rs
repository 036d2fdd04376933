//! What the lines of MLST and MLSD say (RFC 3659 §7.2).

use super::client::Client;
use super::rfc2389::{NO_FEAT, features, lists};
use crate::case::{Verdict, check};
use crate::peer::quote;
use crate::{Broken, Outcome, Reason};

pub(super) const NO_MLST: Outcome = Outcome::Skip(Reason::Unsupported("MLST"));

/// The facts and the name of one line.
fn entry(line: &[u8]) -> Result<(Vec<(String, String)>, String), Broken> {
    let wrong = || Broken::new("facts, a space and a name", quote(line));
    let text = std::str::from_utf8(line).map_err(|_| wrong())?;
    let (facts, name) = text.split_once(' ').ok_or_else(wrong)?;
    let mut found = Vec::new();
    for fact in facts.split_terminator(';') {
        let (key, value) = fact.split_once('=').ok_or_else(wrong)?;
        found.push((key.to_ascii_lowercase(), value.to_owned()));
    }
    if !facts.is_empty() && !facts.ends_with(';') || name.is_empty() {
        return Err(wrong());
    }
    Ok((found, name.to_owned()))
}

type Entry = (Vec<(String, String)>, String);

/// What MLSD sends of a folder, or none where it is not known.
pub(super) async fn mlsd(client: &mut Client<'_>, command: &str) -> Result<Option<Vec<Entry>>, Broken> {
    if client.ask("MLST").await?.code != 250 {
        return Ok(None);
    }
    let list = client.fetch(command).await?;
    let lines = list.split_inclusive(|octet| *octet == b'\n');
    let whole = |line: &[u8]| match line.strip_suffix(b"\r\n") {
        Some(line) => entry(line),
        None => Err(Broken::new("lines ended by CRLF", quote(line))),
    };
    lines.map(whole).collect::<Result<_, _>>().map(Some)
}

/// The entry of MLST, or none where it is not known.
pub(super) async fn mlst(client: &mut Client<'_>, path: &str) -> Result<Option<Entry>, Broken> {
    let reply = client.ask(format!("MLST {path}")).await?;
    if matches!(reply.code, 500 | 502) {
        return Ok(None);
    }
    reply.is(&[250])?;
    match reply.inner() {
        [line] if line.starts_with(b" ") => entry(line.get(1..).unwrap_or_default()).map(Some),
        _ => Err(Broken::new("one line that begins with a space", reply.brief())),
    }
}

pub(super) fn fact<'a>(entry: &'a Entry, name: &str) -> Option<&'a str> {
    entry.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// RFC 3659 §2.3: fourteen digits that are a time, and perhaps a fraction.
pub(super) fn is_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, "0"), |(whole, fraction)| (whole, fraction));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let part =
        |from: usize, to: usize| whole.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or(99);
    digits(fraction)
        && digits(whole)
        && whole.len() == 14
        && (1..=12).contains(&part(4, 6))
        && (1..=31).contains(&part(6, 8))
        && part(8, 10) < 24
        && part(10, 12) < 60
        && part(12, 14) <= 60
}

/// Every entry that has the fact has one that this allows, and some entry has it.
pub(super) fn each(entries: &[Entry], name: &'static str, allowed: impl Fn(&str) -> bool) -> Verdict {
    let values: Vec<_> = entries.iter().filter_map(|entry| fact(entry, name)).collect();
    if values.is_empty() {
        return Ok(Outcome::Skip(Reason::Unsupported(name)));
    }
    let wrong = values.iter().find(|value| !allowed(value));
    check(wrong.is_none(), format!("a value of {name}"), wrong.copied().unwrap_or_default())
}

/// A line of FEAT that begins with this word is there where the command is.
pub(super) async fn is_listed(client: &mut Client<'_>, probe: &str, feature: &str) -> Verdict {
    let reply = client.ask(probe).await?;
    if matches!(reply.code, 500 | 502) {
        return Ok(Outcome::Skip(Reason::Unsupported("the command")));
    }
    let Some(features) = features(client).await? else { return Ok(NO_FEAT) };
    check(lists(&features, feature), feature, features.join(", "))
}
