//! Keys as people write them.

use std::str::FromStr;

use data_encoding::BASE64;
use ropewalk_core::{Error, Result};

use super::{Algorithm, TsigKey};
use crate::wire::Name;

/// `[ALGORITHM:]NAME:SECRET`, as the tools of others take it: HMAC with SHA-256 where none is named, and the secret in base64.
impl FromStr for TsigKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.trim().rsplitn(3, ':');
        let (secret, name, algorithm) = (parts.next(), parts.next(), parts.next());
        let whole = secret.zip(name).filter(|(secret, name)| !secret.is_empty() && !name.is_empty());
        // The secret is not repeated: whoever reads the error need not know it.
        let (secret, name) = whole.ok_or_else(|| Error::local("a key is [ALGORITHM:]NAME:SECRET"))?;
        key(algorithm, name, secret)
    }
}

impl TsigKey {
    /// The key in the text of a file: as `tsig-keygen` writes it, or in one line as above.
    ///
    /// # Errors
    /// Where there is no key, or more than one.
    pub fn from_file(text: &str) -> Result<Self> {
        let words = words(text);
        if words.first().is_none_or(|word| word != "key") {
            return text.parse();
        }
        let mut words = words.iter().map(String::as_str);
        let (mut algorithm, mut secret) = (None, None);
        let name = words.nth(1).ok_or_else(|| Error::local("the key has no name"))?;
        while let Some(word) = words.next() {
            match word {
                "algorithm" => algorithm = words.next(),
                "secret" => secret = words.next(),
                "key" => return Err(Error::local("there is more than one key")),
                "{" | "}" | ";" => {}
                other => return Err(Error::local(format!("{other:?} is nothing that a key has"))),
            }
        }
        key(algorithm, name, secret.ok_or_else(|| Error::local("the key has no secret"))?)
    }
}

fn key(algorithm: Option<&str>, name: &str, secret: &str) -> Result<TsigKey> {
    let algorithm = algorithm.map_or(Ok(Algorithm::HmacSha256), str::parse)?;
    let wrong = |error| Error::local(format!("{name:?} is no name")).caused_by(error);
    let name: Name = name.parse().map_err(wrong)?;
    let octets = BASE64.decode(secret.as_bytes());
    let octets = octets.ok().filter(|octets| !octets.is_empty());
    let octets = octets.ok_or_else(|| Error::local("the secret of the key is not base64"))?;
    Ok(TsigKey::new(name.view(), algorithm, &octets))
}

/// What stands between spaces, without quotes and comments; each of `{`, `}` and `;` by itself.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = ["#", "//"].iter().fold(line, |line, mark| match line.split_once(mark) {
            // A secret may have slashes.
            Some((before, _)) if before.matches('"').count() % 2 == 0 => before,
            _ => line,
        });
        let spaced = line.replace('{', " { ").replace('}', " } ").replace(';', " ; ");
        words.extend(spaced.split_whitespace().map(|word| word.trim_matches('"').to_owned()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(key: Result<TsigKey>) -> String {
        key.map_or_else(|error| error.to_string(), |key| format!("{} {}", key.name(), key.algorithm()))
    }

    #[test]
    fn a_key_is_written_in_one_line_or_as_in_a_file() {
        for (text, is) in [
            ("one.example:c2VjcmV0", "one.example. hmac-sha256"),
            ("hmac-sha512:One:c2VjcmV0", "one. hmac-sha512"),
            ("hmac-sha1:one:c2Vj/mV0\n", "one. hmac-sha1"),
            ("one", "a key is [ALGORITHM:]NAME:SECRET"),
            (":c2VjcmV0", "a key is [ALGORITHM:]NAME:SECRET"),
            ("one:not base64", "the secret of the key is not base64"),
            ("hmac-md5:one:c2VjcmV0", "\"hmac-md5\" is no algorithm of TSIG, such as hmac-sha256"),
        ] {
            assert_eq!(shown(text.parse()), is, "{text}");
            assert_eq!(shown(TsigKey::from_file(text)), is, "{text}");
        }
        let file = "# of ns1\nkey \"one.example\" { // by tsig-keygen\n\talgorithm hmac-sha384;\n\tsecret \"a//wcmV0\";\n};\n";
        assert_eq!(shown(TsigKey::from_file(file)), "one.example. hmac-sha384");
        let secrets = [TsigKey::from_file(file), "hmac-sha384:one.example:a//wcmV0".parse()];
        let [file, line] = secrets.map(|key| key.unwrap().fingerprint().as_ref().to_vec());
        assert_eq!(file, line);
        for (text, is) in [
            ("key one { algorithm hmac-sha256; };", "the key has no secret"),
            ("key a { secret \"eA==\"; }; key b { secret \"eA==\"; };", "there is more than one key"),
            ("key a { secret \"eA==\"; port 5; };", "\"port\" is nothing that a key has"),
        ] {
            assert_eq!(shown(TsigKey::from_file(text)), is, "{text}");
        }
    }
}
