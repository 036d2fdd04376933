//! Apache's password files: a name, a colon and a hash on each line; `#` begins a comment.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Name;
use super::file::Mistake;
use super::hash::Hash;
use super::table::{Account, Table};

pub(super) fn parse(text: &str) -> Result<Table, Vec<Mistake>> {
    let mut accounts = HashMap::new();
    let mut mistakes = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim_end();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match entry(text) {
            Ok((name, account)) => match accounts.entry(name) {
                Entry::Vacant(place) => drop(place.insert(account)),
                Entry::Occupied(other) => {
                    mistakes.push(Mistake { line, what: format!("there is another user {:?}", other.key()) });
                }
            },
            Err(what) => mistakes.push(Mistake { line, what }),
        }
    }
    if mistakes.is_empty() { Ok(Table::new(accounts)) } else { Err(mistakes) }
}

fn entry(line: &str) -> Result<(Name, Account), String> {
    let (name, hash) = line.split_once(':').ok_or("a line is a name, a colon and a hash")?;
    let name = Name::of_person(name).map_err(|e| e.to_string())?;
    let hash = Hash::htpasswd(hash).map_err(|why| format!("user {name:?}: {why}"))?;
    Ok((
        name,
        Account {
            hash: Some(hash),
            groups: [].into(),
            certificates: Vec::new(),
            tokens: Vec::new(),
            disabled: false,
        },
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str =
        "# who may in\n\nann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\r\nbob:$apr1$ab$vZXhMKiOqO1yMl8FLQFrs0\n";

    fn mistakes(text: &str) -> Vec<Mistake> {
        parse(text).err().unwrap_or_default()
    }

    #[test]
    fn comments_empty_lines_and_both_line_ends_are_read() {
        assert_eq!(parse(FILE).ok().unwrap().len(), 2);
        assert_eq!(parse("").ok().unwrap().len(), 0);
    }

    #[test]
    fn all_mistakes_are_told_with_their_lines_and_without_secrets() {
        let text =
            format!("{FILE}cid:swordfish\nswordfish\nann:{{SHA}}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n../x:y\n");
        let mistakes = mistakes(&text);
        let lines: Vec<_> = mistakes.iter().map(|m| m.line).collect();
        assert_eq!(lines, [5, 6, 7, 8]);
        assert!(mistakes[0].what.contains("plain text"), "{mistakes:?}");
        assert!(mistakes[2].what.contains("another user \"ann\""), "{mistakes:?}");
        assert!(!format!("{mistakes:?}").contains("swordfish"));
    }

    proptest! {
        #[test]
        fn a_line_of_anything_is_an_account_or_a_mistake(name in "\\PC{0,20}", hash in "\\PC{0,70}") {
            let text = format!("{name}:{hash}");
            match parse(&text) {
                Ok(table) => prop_assert!(table.len() == 1 || text.trim_end().is_empty() || text.starts_with('#')),
                Err(mistakes) => prop_assert_eq!(mistakes.len(), 1),
            }
        }

        #[test]
        fn every_good_line_counts_and_every_bad_one_is_told(lines in prop::collection::vec(any::<bool>(), 0..40)) {
            let line = |(n, good): (usize, &bool)| {
                if *good { format!("u{n}:$apr1$ab$vZXhMKiOqO1yMl8FLQFrs0\n") } else { format!("u{n}:secret\n") }
            };
            let text: String = lines.iter().enumerate().map(line).collect();
            let bad: Vec<_> = (1..).zip(&lines).filter(|(_, good)| !**good).map(|(n, _)| n).collect();
            match parse(&text) {
                Ok(table) => prop_assert_eq!((table.len(), bad.len()), (lines.len(), 0)),
                Err(mistakes) => prop_assert_eq!(mistakes.iter().map(|m| m.line).collect::<Vec<_>>(), bad),
            }
        }
    }
}
