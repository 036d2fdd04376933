use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::diagnostic::Severity;
use super::typed::{Found, FromValue, Wrong};
use super::value::Data;

/// A secret's file may have this many octets.
const MAX: u64 = 64 * 1024;

/// A password or key: `{ file = "…" }`, `{ env = "…" }`, `{ credential = "…" }` (a credential that systemd passes),
/// or, with a warning, the text itself. It is wiped when dropped, and never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret itself, without a final line break.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl FromValue for Secret {
    fn describe() -> String {
        "secret".into()
    }

    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        let secret = match &found.value.data {
            Data::Table(_) => from_source(found)?,
            _ => {
                found.notes.mask(found.value.at.clone());
                let text = found.text()?;
                if !found.is_typed() {
                    found.notes.push(
                        found.value.at.clone(),
                        Severity::Warning,
                        "a secret stands in the configuration itself".into(),
                        Some(
                            "write `{ file = \"…\" }`, `{ env = \"…\" }` or `{ credential = \"…\" }`".into(),
                        ),
                    );
                }
                Zeroizing::new(text.to_owned())
            }
        };
        found.notes.witness("secret", secret.as_bytes());
        Ok(Self(secret))
    }

    fn to_toml(&self) -> String {
        "\"…\"".into()
    }
}

fn from_source(found: &Found<'_>) -> Result<Zeroizing<String>, Vec<Wrong>> {
    let expected = "expected exactly one of `file`, `env` and `credential`";
    let table = found.value.as_table().ok_or_else(|| found.wrong(expected))?;
    let mut entries = table.iter();
    let (Some((source, entry)), None) = (entries.next(), entries.next()) else {
        found.value.leaves(&mut |leaf| found.notes.mask(leaf.at.clone()));
        return Err(found.wrong(expected));
    };
    let inner = Found { value: &entry.value, notes: found.notes };
    let read = match source.as_str() {
        "file" => from_file(&PathBuf::from_value(&inner)?),
        "env" => {
            let name = inner.text()?;
            std::env::var(name).map(Zeroizing::new).map_err(|e| format!("environment variable {name}: {e}"))
        }
        "credential" => {
            let name = inner.text()?;
            match std::env::var_os("CREDENTIALS_DIRECTORY") {
                _ if name.contains('/') || name.starts_with('.') => {
                    Err("this is not a credential's name".into())
                }
                Some(dir) => from_file(&Path::new(&dir).join(name)),
                None => Err("systemd passed no credentials (CREDENTIALS_DIRECTORY is not set)".into()),
            }
        }
        _ => {
            found.value.leaves(&mut |leaf| found.notes.mask(leaf.at.clone()));
            Err(expected.into())
        }
    };
    read.map_err(|message| inner.wrong(message))
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let fail = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    let file = File::open(path).map_err(fail)?;
    let mode = file.metadata().map_err(fail)?.permissions().mode() & 0o777;
    if mode & !0o640 != 0 {
        return Err(format!(
            "{} has mode {mode:04o}: a secret's file may not be wider than 0640",
            path.display()
        ));
    }
    let mut text = Zeroizing::new(String::new());
    let length = file.take(MAX + 1).read_to_string(&mut text).map_err(fail)?;
    if length as u64 > MAX {
        return Err(format!("{} has more than {MAX} octets", path.display()));
    }
    let end = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text).len();
    text.truncate(end);
    Ok(text)
}

/// Whether a key's name says that its value is a secret.
pub(super) fn sounds_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["pass", "pwd", "secret", "token", "key", "credential", "pin"].iter().any(|word| key.contains(word))
}
