//! Keys of zones in a folder, in the form that other programs make and read too: `Kexample.org.+013+12345.key` has the
//! DNSKEY record, and the file beside it that ends in `.private` what nobody else may read.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use ropewalk_core::tls::{read_secret, replace_secret};
use ropewalk_core::{Error, Result};
use zeroize::Zeroizing;

use super::{Algorithm, SigningKey};
use crate::wire::rdata::Text;
use crate::wire::{NameRef, Type};
use crate::zone::text;

/// The key of the zone at `origin`; `None` if the folder has none, or is not there. Blocks.
///
/// # Errors
/// If it cannot be read, is open to others, is that of another zone, or if there are several.
pub fn find(folder: &Path, origin: NameRef<'_>) -> Result<Option<SigningKey>> {
    let failed = |error| Error::local(format!("cannot read {}", folder.display())).caused_by(error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let (before, mut found) = (format!("K{}+", plain(origin)), Vec::new());
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(&before) && name.ends_with(".private") {
            found.push(path);
        }
    }
    found.sort();
    match &found[..] {
        [] => Ok(None),
        [one] => read(one, origin).map(Some),
        [one, other, ..] => Err(Error::local(format!(
            "{} and {} are both keys of {origin}: one signs a zone, and the other is to be taken away",
            one.display(),
            other.display()
        ))),
    }
}

/// The same; where there is none, one is made, and is on the disk when this returns.
///
/// # Errors
/// Also if it is of another algorithm, or cannot be written.
pub fn open(folder: &Path, origin: NameRef<'_>, algorithm: Algorithm) -> Result<SigningKey> {
    make(folder)?;
    // Of several processes one makes it.
    let _turn = lock(folder)?;
    match find(folder, origin)? {
        Some(key) if key.algorithm() == algorithm => Ok(key),
        Some(key) => Err(Error::local(format!(
            "{origin} has a key of {} in {}, which the parent may have a DS of: `algorithm` cannot be {algorithm} before \
             that DS is gone and the key is taken away",
            key.algorithm(),
            folder.display()
        ))),
        None => {
            let key = SigningKey::generate(algorithm)?;
            write(folder, origin, &key)?;
            tracing::info!(zone = %origin, %algorithm, tag = key.tag(), folder = %folder.display(), "key made to sign a zone with");
            Ok(key)
        }
    }
}

/// The turn to change a folder, which ends where this is dropped. Blocks.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    let failed = |error| Error::local(format!("cannot lock {}", folder.display())).caused_by(error);
    let file = File::open(folder).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// Makes a folder for its owner, and those that it is in.
fn make(folder: &Path) -> Result<()> {
    let failed = |error| Error::local(format!("cannot make {}", folder.display())).caused_by(error);
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), make)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let parent = parent.unwrap_or(Path::new("."));
    give(folder, parent).and_then(|()| File::open(parent)?.sync_all()).map_err(failed)
}

/// Where root makes something in somebody's folder, it is for that person.
fn give(path: &Path, folder: &Path) -> io::Result<()> {
    let (owner, made) = (folder.metadata()?, path.metadata()?);
    let is_other = made.uid() == 0 && owner.uid() != 0;
    if is_other { chown(path, Some(owner.uid()), Some(owner.gid())) } else { Ok(()) }
}

/// Writes a file of this folder, whole and on the disk, with this mode.
pub(crate) fn put(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    replace_secret(path, content)?;
    let failed = |error| Error::local(format!("cannot write {}", path.display())).caused_by(error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    give(path, folder).map_err(failed)?;
    if mode == 0o600 {
        Ok(())
    } else {
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)
    }
}

fn write(folder: &Path, origin: NameRef<'_>, key: &SigningKey) -> Result<()> {
    let algorithm = key.algorithm();
    let name = format!("K{}+{:03}+{:05}", plain(origin), algorithm.number(), key.tag());
    let dnskey = Text { rtype: Type::DNSKEY, rdata: key.dnskey() };
    let public = format!("{} 3600 IN DNSKEY {dnskey}\n", origin.to_lower());
    let private = Zeroizing::new(format!(
        "Private-key-format: v1.3\nAlgorithm: {} ({})\nPrivateKey: {}\n",
        algorithm.number(),
        algorithm.mnemonic(),
        *Zeroizing::new(BASE64.encode(&key.private()?))
    ));
    // The private part is what makes it a key.
    put(&folder.join(format!("{name}.key")), public.as_bytes(), 0o644)?;
    put(&folder.join(format!("{name}.private")), private.as_bytes(), 0o600)
}

fn read(path: &Path, origin: NameRef<'_>) -> Result<SigningKey> {
    let wrong = |path: &Path, what: &str| Error::local(format!("{}: {what}", path.display()));
    let content = read_secret(path)?;
    let content = std::str::from_utf8(&content).map_err(|_| wrong(path, "this is no text"))?;
    let field = |name: &str| {
        content.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let number = field("Algorithm").and_then(|text| text.split_ascii_whitespace().next());
    let algorithm = number.unwrap_or_default().parse::<Algorithm>().map_err(|why| wrong(path, &why))?;
    let private =
        field("PrivateKey").and_then(|text| BASE64.decode(text.as_bytes()).ok()).map(Zeroizing::new);
    let private = private.ok_or_else(|| wrong(path, "there is no `PrivateKey`, in base64"))?;
    let public = path.with_extension("key");
    let records = dnskeys(&public)?;
    let [(owner, dnskey)] = &records[..] else {
        return Err(wrong(&public, "it has not one DNSKEY record"));
    };
    if owner.view() != origin {
        return Err(wrong(&public, &format!("this is a key of {owner}, and not of {origin}")));
    }
    let no_key =
        "this is not the DNSKEY of the private part beside it, as a key that signs all of a zone (flags 257)";
    SigningKey::of(algorithm, &private, dnskey).ok_or_else(|| wrong(&public, no_key))
}

fn dnskeys(path: &Path) -> Result<Vec<(crate::wire::Name, Box<[u8]>)>> {
    let failed = |error| Error::local(format!("cannot read {}", path.display())).caused_by(error);
    let content = fs::read(path).map_err(failed)?;
    let records = text::records(&path.display().to_string(), &content, Some(NameRef::ROOT));
    let records = records.map_err(|problems| {
        Error::local(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    let keys = records.into_iter().filter(|record| record.rtype == Type::DNSKEY);
    Ok(keys.map(|record| (record.name, record.rdata)).collect())
}

/// A name as others write it in the names of files: in small letters, and without what means something there.
pub(crate) fn plain(name: NameRef<'_>) -> String {
    let mut out = String::new();
    for octet in name.to_lower().to_string().bytes() {
        match octet {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(octet.into()),
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

/// The file of a zone with this ending.
pub(crate) fn beside(folder: &Path, origin: NameRef<'_>, ending: &str) -> PathBuf {
    folder.join(format!("{}{ending}", plain(origin)))
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
