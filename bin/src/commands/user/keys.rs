//! What opens an account besides its password.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ropewalk_core::config::Registry;
use ropewalk_core::data::cred::Name;
use ropewalk_core::tls::PeerCertificate;
use ropewalk_core::{Error, Result};
use ropewalk_store::accounts::{Credential, CredentialKind, Store};

use super::around::Around;
use super::{known, password, revoke, show};

/// Octets of the largest file that is looked at for a key.
const LARGEST: u64 = 1024 * 1024;

const KEYS: &[CredentialKind] = &[CredentialKind::Certificate, CredentialKind::SshKey, CredentialKind::Token];
const APPS: &[CredentialKind] = &[CredentialKind::AppPassword];

/// `ropewalk user keys`.
#[derive(Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// List somebody's keys.
    Ls {
        /// Whose.
        name: Name,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Add a key.
    Add {
        /// Whose.
        name: Name,
        /// The file with a line of an SSH public key, such as `id_ed25519.pub`; `-` is standard input.
        #[arg(required_unless_present_any = ["certificate", "token"])]
        file: Option<PathBuf>,
        /// A client certificate instead: its PEM file, or the SHA-256 of its DER in 64 hexadecimal digits.
        #[arg(long, value_name = "FILE|SHA256", conflicts_with = "file", requires = "label")]
        certificate: Option<String>,
        /// A new token instead, which is printed this once.
        #[arg(long, conflicts_with_all = ["file", "certificate"], requires = "label")]
        token: bool,
        /// What to call it; for an SSH key its comment if none is given.
        #[arg(long)]
        label: Option<String>,
    },
    /// Remove the keys that are called so.
    Rm {
        /// Whose.
        name: Name,
        /// What it is called.
        label: String,
    },
}

/// `ropewalk user apppw`.
#[derive(Args)]
pub(super) struct AppArgs {
    #[command(subcommand)]
    command: AppCommand,
}

#[derive(Subcommand)]
enum AppCommand {
    /// List somebody's app passwords, without their secrets.
    Ls {
        /// Whose.
        name: Name,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make an app password, and print it this once.
    Add {
        /// Whose.
        name: Name,
        /// What to call it, such as the program that it is for.
        #[arg(long)]
        label: String,
        /// A service that it is good for, by its name in the configuration; may be repeated. All if none is given.
        #[arg(long = "service", value_name = "NAME")]
        services: Vec<Name>,
    },
    /// Remove the app password that is called so.
    Rm {
        /// Whose.
        name: Name,
        /// What it is called.
        label: String,
    },
}

pub(super) async fn run(args: KeysArgs, store: &Store) -> Result<()> {
    match args.command {
        KeysCommand::Ls { name, json } => list(store, &name, KEYS, json).await,
        KeysCommand::Rm { name, label } => remove(store, &name, KEYS, &label).await,
        KeysCommand::Add { name, certificate: Some(certificate), label: Some(label), .. } => {
            store.add_certificate(&name, &label, fingerprint(&certificate)?).await
        }
        KeysCommand::Add { name, token: true, label: Some(label), .. } => {
            let token = store.add_token(&name, &label).await?;
            password::once("the token", &token);
            Ok(())
        }
        KeysCommand::Add { name, file, label, .. } => {
            let text = read(&file.unwrap_or_else(|| "-".into()))?;
            let key = store.add_ssh_key(&name, label.as_deref(), &text).await?;
            outln!("{}", key.fingerprint());
            Ok(())
        }
    }
}

pub(super) async fn run_apps(args: AppArgs, store: &Store, registry: &Registry) -> Result<()> {
    match args.command {
        AppCommand::Ls { name, json } => list(store, &name, APPS, json).await,
        AppCommand::Rm { name, label } => remove(store, &name, APPS, &label).await,
        AppCommand::Add { name, label, services } => {
            if !services.is_empty() {
                check(&services, Around::of(store.dir(), registry).as_ref())?;
            }
            let text = store.add_app_password(&name, &label, services).await?;
            password::once("the app password", &text);
            Ok(())
        }
    }
}

/// Nobody knows which of the connections that are open were opened with it: all of them end.
async fn remove(store: &Store, name: &Name, kinds: &'static [CredentialKind], label: &str) -> Result<()> {
    store.remove_credential(name, kinds, label).await?;
    revoke(store, name);
    Ok(())
}

/// Whether there are services of these names, as far as is known.
fn check(services: &[Name], around: Option<&Around>) -> Result<()> {
    match around.map(|around| around.unknown(services)) {
        Some(Some(unknown)) => Err(Error::local(unknown)),
        Some(None) => Ok(()),
        None => {
            eprintln!(
                "warning: no server runs on this store and ropewalk.toml is not about it: nobody knows whether there is such a service"
            );
            Ok(())
        }
    }
}

async fn list(store: &Store, name: &Name, kinds: &[CredentialKind], json: bool) -> Result<()> {
    let mut all: Vec<Credential> = known(store, name).await?.credentials;
    all.retain(|one| kinds.contains(&one.kind));
    if json {
        show::credentials_as_json(&all)
    } else {
        show::credentials(&all)
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    let failed = |e| Error::local(format!("cannot read {}", file.display())).caused_by(e);
    let mut text = String::new();
    match file.as_os_str() == "-" {
        true => std::io::stdin().take(LARGEST).read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|opened| opened.take(LARGEST).read_to_string(&mut text)),
    }
    .map_err(failed)?;
    Ok(text)
}

/// Of a certificate in a file, or as it is written.
fn fingerprint(certificate: &str) -> Result<[u8; 32]> {
    if let Some(written) = sha256(certificate) {
        return Ok(written);
    }
    let file = Path::new(certificate);
    let read = PeerCertificate::from_pem(read(file)?.as_bytes());
    read.map(|certificate| certificate.fingerprint).map_err(|e| e.during(file.display().to_string()))
}

/// 64 hexadecimal digits, as openssl writes them with colons or as others do without.
fn sha256(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text.bytes().filter(|octet| *octet != b':').collect();
    let digits: [u8; 64] = digits.try_into().ok()?;
    let mut octets = [0; 32];
    for (octet, pair) in octets.iter_mut().zip(digits.as_chunks::<2>().0) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| !pair.contains('+'))?, 16)
            .ok()?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_written_with_or_without_colons() {
        let plain = "01aF".repeat(16);
        let colons = ["01", "af"].repeat(16).join(":");
        assert_eq!(sha256(&plain).unwrap()[..2], [0x01, 0xaf]);
        assert_eq!(sha256(&plain), sha256(&colons));
        for text in ["", "01", &"0g".repeat(32), &"+1".repeat(32), &"00".repeat(33)] {
            assert_eq!(sha256(text), None, "{text}");
        }
    }
}
