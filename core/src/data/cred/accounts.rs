//! Our own accounts files, in TOML.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Name;
use super::file::Mistake;
use super::hash::Hash;
use super::table::{Account, Table};

type Value<'a> = Spanned<DeValue<'a>>;

/// Reads a whole file, and collects what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Table, Vec<Mistake>> {
    let mut reader = Reader { text, mistakes: Vec::new(), seen: HashSet::new() };
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let accounts = reader.document(document.get_ref());
        if reader.mistakes.is_empty() {
            return Ok(Table::new(accounts));
        }
    }
    for error in errors {
        reader.mistake(error.span().unwrap_or_default(), error.message());
    }
    Err(reader.mistakes)
}

struct Reader<'a> {
    text: &'a str,
    mistakes: Vec<Mistake>,
    /// Certificates and tokens, each of which is one account's.
    seen: HashSet<[u8; 32]>,
}

impl Reader<'_> {
    fn mistake(&mut self, at: Range<usize>, what: impl Into<String>) {
        let before = self.text.as_bytes().iter().take(at.start);
        let line = 1 + before.filter(|octet| **octet == b'\n').count();
        self.mistakes.push(Mistake { line, what: what.into() });
    }

    fn document(&mut self, document: &DeTable<'_>) -> HashMap<Name, Account> {
        let mut accounts = HashMap::new();
        for (key, value) in document {
            match (key.get_ref().as_ref(), value.get_ref().as_table()) {
                ("user", Some(users)) => {
                    for (name, account) in users {
                        let parsed = Name::of_person(name.get_ref());
                        match parsed.map(|parsed| accounts.entry(parsed)) {
                            Err(error) => self.mistake(name.span(), error.to_string()),
                            Ok(Entry::Vacant(place)) => drop(place.insert(self.account(account))),
                            Ok(Entry::Occupied(other)) => {
                                let what = format!("there is another user {:?}", other.key());
                                self.mistake(name.span(), what);
                            }
                        }
                    }
                }
                ("user", None) => self.mistake(value.span(), "an account is a table [user.NAME]"),
                _ => self.mistake(key.span(), "unknown key: a file of accounts has [user.NAME] tables only"),
            }
        }
        accounts
    }

    fn account(&mut self, value: &Value<'_>) -> Account {
        let mut account = Account {
            hash: None,
            groups: [].into(),
            certificates: Vec::new(),
            tokens: Vec::new(),
            disabled: false,
        };
        let Some(table) = value.get_ref().as_table() else {
            self.mistake(value.span(), "an account is a table [user.NAME]");
            return account;
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "password" => account.hash = self.password(value),
                "groups" => account.groups = self.list(value, group).into(),
                "certificates" => account.certificates = self.hashes(value, fingerprint),
                "tokens" => account.tokens = self.hashes(value, token),
                "disabled" => match value.get_ref().as_bool() {
                    Some(disabled) => account.disabled = disabled,
                    None => self.mistake(value.span(), "disabled is true or false"),
                },
                _ => self.mistake(
                    key.span(),
                    "unknown key: an account has password, groups, certificates, tokens and disabled",
                ),
            }
        }
        if !["password", "certificates", "tokens"].iter().any(|key| table.contains_key(*key)) {
            self.mistake(value.span(), "an account has a password, certificates or tokens");
        }
        account
    }

    fn password(&mut self, value: &Value<'_>) -> Option<Hash> {
        let hash = value.get_ref().as_str().ok_or("password is a string").and_then(Hash::argon2id);
        hash.map_err(|why| self.mistake(value.span(), why)).ok()
    }

    /// Hashes of things that have one owner.
    fn hashes(&mut self, value: &Value<'_>, read: fn(&str) -> Result<[u8; 32], String>) -> Vec<[u8; 32]> {
        let all = self.list(value, read);
        for one in &all {
            if !self.seen.insert(*one) {
                self.mistake(value.span(), "this stands here twice, or is another account's");
            }
        }
        all
    }

    /// The elements of an array, those that are as they should be.
    fn list<T>(&mut self, value: &Value<'_>, read: fn(&str) -> Result<T, String>) -> Vec<T> {
        let Some(array) = value.get_ref().as_array() else {
            self.mistake(value.span(), "this is a list of strings");
            return Vec::new();
        };
        let mut elements = Vec::new();
        for element in array {
            match element.get_ref().as_str().ok_or_else(|| "this is a list of strings".into()).and_then(read)
            {
                Ok(one) => elements.push(one),
                Err(why) => self.mistake(element.span(), why),
            }
        }
        elements
    }
}

fn group(text: &str) -> Result<Name, String> {
    text.parse().map_err(|e: super::InvalidName| e.to_string())
}

fn fingerprint(text: &str) -> Result<[u8; 32], String> {
    sha256(text)
        .ok_or_else(|| "a certificate is the SHA-256 of its DER encoding, in 64 hexadecimal digits".into())
}

fn token(text: &str) -> Result<[u8; 32], String> {
    sha256(text).ok_or_else(|| "a token is here its SHA-256, in 64 hexadecimal digits".into())
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits: [u8; 64] = digits?.try_into().ok()?;
    let mut octets = [0; 32];
    for (octet, pair) in octets.iter_mut().zip(digits.as_chunks::<2>().0) {
        *octet = pair[0] << 4 | pair[1];
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    fn mistakes(text: &str) -> Vec<(usize, String)> {
        let mut all = parse(text).err().unwrap_or_default();
        all.sort_by_key(|m| m.line);
        all.into_iter().map(|m| (m.line, m.what)).collect()
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = format!(
            "[user.ann]\npassword = \"{HASH}\"\ngroups = [\"staff\", \"web\"]\n\
             [user.\"bob@example.org\"]\ncertificates = [\"{}\"]\ndisabled = true\n",
            "0aF".repeat(64).get(..64).unwrap(),
        );
        assert_eq!(mistakes(&text), []);
        assert_eq!(parse(&text).ok().unwrap().len(), 2);
        assert_eq!(parse("").ok().unwrap().len(), 0);
    }

    #[test]
    fn a_fingerprint_is_hexadecimal() {
        let octets = fingerprint(&format!("01aF{}", "00".repeat(30))).unwrap();
        assert_eq!(octets[..3], [0x01, 0xaf, 0]);
        for text in ["", "01", &"0g".repeat(32), &"00".repeat(33)] {
            assert!(fingerprint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_lines() {
        let fingerprint = "00".repeat(32);
        let text = format!(
            r#"[user.ann]
password = "swordfish"
groups = ["ok", "not ok", 3]
admin = true
[user."a/b"]
password = "{HASH}"
[user.cid]
groups = []
[user.dan]
certificates = ["{fingerprint}"]
disabled = "yes"
[user.eve]
certificates = ["{fingerprint}"]
[user.fay]
tokens = ["swordfish", "{fingerprint}"]
[group.staff]
"#
        );
        let mistakes = mistakes(&text);
        let lines: Vec<_> = mistakes.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 3, 4, 5, 7, 11, 13, 15, 15, 16], "{mistakes:?}");
        assert!(!format!("{mistakes:?}").contains("swordfish"));
    }

    #[test]
    fn nobody_is_called_as_others_are_or_as_somebody_else_is() {
        let user = |name: &str| format!("[user.\"{name}\"]\npassword = \"{HASH}\"\n");
        let text = ["*", "@staff", "ftp", "j\u{fc}rg", "ju\u{308}rg"].map(user).concat();
        let mistakes = mistakes(&text);
        let lines: Vec<_> = mistakes.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines.len(), 4, "{mistakes:?}");
        assert!(lines.starts_with(&[1, 3, 5]) && mistakes[3].1.contains("another user"), "{mistakes:?}");
    }

    #[test]
    fn bad_syntax_is_told_with_its_line_and_without_its_text() {
        let mistakes = mistakes("[user.ann]\npassword = swordfish\n");
        assert_eq!(mistakes[0].0, 2, "{mistakes:?}");
        assert!(!format!("{mistakes:?}").contains("swordfish"), "{mistakes:?}");
    }

    #[test]
    fn what_is_no_table_is_a_mistake() {
        for text in ["user = 1", "[user]\nann = 1", "[[user]]\nann = {}", "[[user.ann]]\npassword = \"x\""] {
            assert!(!mistakes(text).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_mistakes_lie_in_the_file(text in "((\\[user\\.[a-z\"/]{0,3}\\]|password|groups|certificates|disabled|=|\"|\\[|\\]|true|#|\n|\\PC){0,3}){0,20}") {
            for (line, _) in mistakes(&text) {
                prop_assert!((1..=text.lines().count() + 1).contains(&line));
            }
        }

        #[test]
        fn any_name_is_an_account_or_a_mistake(name in "\\PC{0,12}") {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("[user.\"{quoted}\"]\npassword = \"{HASH}\"\n");
            match Name::of_person(&name) {
                Ok(_) => prop_assert_eq!(mistakes(&text), []),
                Err(why) => prop_assert_eq!(mistakes(&text), [(1, why.to_string())]),
            }
        }
    }
}
