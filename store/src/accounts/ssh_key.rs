use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ropewalk_core::Error;

use super::secret::sha256;

/// Octets of the longest line that is taken for a key.
const LONGEST: usize = 16 * 1024;
/// The kinds of keys that are taken: DSA is none of them, nor is RSA under 2,048 bits.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// An SSH public key, from a line `KIND BASE64 COMMENT`. It is written as such a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    kind: String,
    base64: String,
    /// What stands behind it.
    pub comment: String,
    /// The hash of the key itself.
    pub sha256: [u8; 32],
}

impl SshKey {
    /// The fingerprint, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(self.sha256))
    }
}

impl FromStr for SshKey {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self, Error> {
        let not = || {
            Error::local(
                "this is no SSH public key: it is a line such as `ssh-ed25519 AAAA… ann@example.org`",
            )
        };
        let line = line.trim();
        if line.len() > LONGEST || line.chars().any(char::is_control) {
            return Err(not());
        }
        let (kind, rest) = line.split_once(' ').ok_or_else(not)?;
        let (base64, comment) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
        if !KINDS.contains(&kind) {
            return Err(not());
        }
        let blob = STANDARD.decode(base64).map_err(|_| not())?;
        let mut rest = blob.as_slice();
        // RFC 4253 §6.6: it begins with its own kind. RFC 8332 §3 says what else is in one of RSA.
        if string(&mut rest) != Some(kind.as_bytes()) || rest.is_empty() {
            return Err(not());
        }
        if kind == "ssh-rsa" {
            let modulus = string(&mut rest).and_then(|_| string(&mut rest)).ok_or_else(not)?;
            if modulus.iter().skip_while(|octet| **octet == 0).count() < 256 {
                return Err(Error::local(
                    "an RSA key has 2048 bits or more: make another with `ssh-keygen -t ed25519`",
                ));
            }
        }
        Ok(Self {
            kind: kind.into(),
            base64: base64.into(),
            comment: comment.trim().into(),
            sha256: sha256(&blob),
        })
    }
}

impl fmt::Display for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind, self.base64, self.comment)
    }
}

/// A string of RFC 4251 §5, off the front.
fn string<'a>(blob: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let (string, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *blob = rest;
    Some(string)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann@example.org";

    #[test]
    fn a_key_is_read_and_written_the_same() {
        let key: SshKey = format!("  {KEY}\n").parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        assert_eq!(key.comment, "ann@example.org");
        assert!(key.fingerprint().starts_with("SHA256:") && !key.fingerprint().ends_with('='));
        let (bare, _) = KEY.rsplit_once(' ').unwrap();
        assert_eq!(bare.parse::<SshKey>().unwrap().comment, "");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let swapped = KEY.replacen("ssh-ed25519", "ssh-rsa", 1);
        for line in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 ",
            "ssh-ed25519 AAAA",
            "ssh-ed25519 not-base64 ann",
            "ssh-dss AAAAB3NzaC1kc3MAAAAB ann",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            &format!("{KEY}\n{KEY}"),
            &swapped,
        ] {
            assert!(line.parse::<SshKey>().is_err(), "{line}");
        }
    }

    #[test]
    fn a_short_rsa_key_is_refused() {
        let rsa = |octets: u32| {
            let mut blob = b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01".to_vec();
            blob.extend((octets + 1).to_be_bytes());
            blob.push(0);
            blob.extend(vec![0x81; octets as usize]);
            format!("ssh-rsa {} x", STANDARD.encode(blob)).parse::<SshKey>()
        };
        assert!(rsa(256).is_ok());
        assert!(rsa(128).unwrap_err().to_string().contains("2048 bits"));
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "(ssh-rsa|ssh-ed25519) [A-Za-z0-9+/]{0,80}={0,2} ?\\PC{0,10}") {
            if let Ok(key) = line.parse::<SshKey>() {
                prop_assert_eq!(key.to_string().parse::<SshKey>().unwrap(), key);
            }
        }
    }
}
