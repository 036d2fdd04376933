use ropewalk_core::data::cred::Name;
use ropewalk_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension as _, params};
use zeroize::Zeroizing;

use super::people::unknown;
use super::secret::{self, sha256};
use super::ssh_key::SshKey;
use super::{Store, now};

/// Letters of the longest label.
const LONGEST_LABEL: usize = 100;
/// What one account may have, of all kinds together.
const MOST: i64 = 256;

/// Something that opens an account besides its password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credential {
    /// What it is.
    pub kind: CredentialKind,
    /// What its owner calls it; no two of a kind have the same.
    pub label: String,
    /// The SHA-256 of the secret, the certificate or the key.
    pub sha256: [u8; 32],
    /// Of an SSH key: its line, as in `authorized_keys`.
    pub content: Option<String>,
    /// The services that it is good for, by name; all where there is none.
    pub services: Vec<Name>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it was last used, to the hour, in seconds since 1970.
    pub used: Option<i64>,
}

/// What opens an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// A password for one program, made here.
    AppPassword,
    /// A token, made here.
    Token,
    /// A client certificate.
    Certificate,
    /// An SSH public key.
    SshKey,
}

impl CredentialKind {
    const ALL: [Self; 4] = [Self::AppPassword, Self::Token, Self::Certificate, Self::SshKey];

    /// The name in files and listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::AppPassword => "app",
            Self::Token => "token",
            Self::Certificate => "certificate",
            Self::SshKey => "ssh",
        }
    }
}

/// What came of an attempt to add one.
enum Added {
    Yes,
    NoAccount,
    SameLabel,
    SameSecret,
    TooMany,
}

impl Credential {
    /// Whether its hash may be shown: of a certificate or a key, it is how these are told apart.
    pub fn is_public(&self) -> bool {
        matches!(self.kind, CredentialKind::Certificate | CredentialKind::SshKey)
    }
}

impl Store {
    /// Makes an app password, which is good for the services of these names, or for all; it is shown this once.
    ///
    /// # Errors
    /// Where there is no such account, and where it has one of that label.
    pub async fn add_app_password(
        &self,
        name: &Name,
        label: &str,
        services: Vec<Name>,
    ) -> Result<Zeroizing<String>> {
        let text = secret::generate_password()?;
        let hash = secret::app_hash(text.as_bytes());
        let hash = hash.ok_or_else(|| Error::local("an app password is not what it was made as"))?;
        self.add_credential(name, CredentialKind::AppPassword, label, hash, None, services).await?;
        Ok(text)
    }

    /// Makes a token; it is shown this once.
    ///
    /// # Errors
    /// As for an [app password](Self::add_app_password).
    pub async fn add_token(&self, name: &Name, label: &str) -> Result<Zeroizing<String>> {
        let text = secret::token()?;
        let hash = sha256(text.as_bytes());
        self.add_credential(name, CredentialKind::Token, label, hash, None, Vec::new()).await?;
        Ok(text)
    }

    /// Lets in whoever has this client certificate, by the SHA-256 of its DER encoding.
    ///
    /// # Errors
    /// Where there is no such account, where it has one of that label, and where the certificate is somebody's.
    pub async fn add_certificate(&self, name: &Name, label: &str, sha256: [u8; 32]) -> Result<()> {
        self.add_credential(name, CredentialKind::Certificate, label, sha256, None, Vec::new()).await
    }

    /// Lets in whoever has this SSH key, a line as in a `.pub` file; the label is its comment where none is given.
    ///
    /// # Errors
    /// As for a [certificate](Self::add_certificate), and where the line is no SSH public key.
    pub async fn add_ssh_key(&self, name: &Name, label: Option<&str>, line: &str) -> Result<SshKey> {
        let key: SshKey = line.parse()?;
        let label = label.unwrap_or(if key.comment.is_empty() { "key" } else { &key.comment }).to_owned();
        let content = Some(key.to_string());
        self.add_credential(name, CredentialKind::SshKey, &label, key.sha256, content, Vec::new()).await?;
        Ok(key)
    }

    /// Takes away what has this label.
    ///
    /// # Errors
    /// Where there is no such account, or nothing of these kinds and that label.
    pub async fn remove_credential(
        &self,
        name: &Name,
        kinds: &'static [CredentialKind],
        label: &str,
    ) -> Result<()> {
        let (of, labelled) = (name.clone(), label.to_owned());
        let write = move |db: &Connection| {
            let sql = "DELETE FROM credential WHERE account = ?1 AND kind = ?2 AND label = ?3";
            let one = |kind: &CredentialKind| db.execute(sql, [of.as_str(), kind.name(), &labelled]);
            kinds.iter().map(one).sum::<rusqlite::Result<usize>>()
        };
        if self.change_with(write).await? > 0 {
            return Ok(());
        }
        match self.show(name).await? {
            None => Err(unknown(name)),
            Some(_) => Err(Error::local(format!("the account {name:?} has nothing called {label:?}"))),
        }
    }

    async fn add_credential(
        &self,
        name: &Name,
        kind: CredentialKind,
        label: &str,
        hash: [u8; 32],
        content: Option<String>,
        services: Vec<Name>,
    ) -> Result<()> {
        if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
            return Err(Error::local(
                "a label is 1 to 100 characters long, none of them a control character",
            ));
        }
        let (of, labelled) = (name.clone(), label.to_owned());
        let services = services.iter().map(Name::as_str).collect::<Vec<_>>().join(" ");
        let write = move |db: &Connection| {
            let count =
                "SELECT (SELECT count(*) FROM credential WHERE account = name) FROM account WHERE name = ?1";
            match db.query_row(count, [of.as_str()], |row| row.get::<_, i64>(0)).optional()? {
                None => return Ok(Added::NoAccount),
                Some(MOST..) => return Ok(Added::TooMany),
                Some(_) => {}
            }
            let same = "SELECT 1 FROM credential WHERE account = ?1 AND kind = ?2 AND label = ?3";
            if db.query_row(same, [of.as_str(), kind.name(), &labelled], |_| Ok(())).optional()?.is_some() {
                return Ok(Added::SameLabel);
            }
            let sql = "INSERT INTO credential (kind, hash, account, label, content, services, created) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (kind, hash) DO NOTHING";
            let row = params![kind.name(), hash, of.as_str(), labelled, content, services, now()];
            Ok(if db.execute(sql, row)? == 0 { Added::SameSecret } else { Added::Yes })
        };
        let why = match self.change_with(write).await? {
            Added::Yes => return Ok(()),
            Added::NoAccount => return Err(unknown(name)),
            Added::SameLabel => format!("the account {name:?} has something called {label:?} already"),
            Added::SameSecret => "this is an account's already".into(),
            Added::TooMany => format!("the account {name:?} has as many as one may have ({MOST})"),
        };
        Err(Error::local(why))
    }
}

/// All credentials of one account, or of all, with the account's name; in the order of kinds and labels.
pub(super) fn of(db: &Connection, one: Option<&str>) -> rusqlite::Result<Vec<(String, Credential)>> {
    let sql = "SELECT account, kind, label, hash, content, services, created, used FROM credential \
               WHERE ?1 IS NULL OR account = ?1 ORDER BY kind, label";
    let mut statement = db.prepare_cached(sql)?;
    let mut all = Vec::new();
    let mut rows = statement.query([one])?;
    while let Some(row) = rows.next()? {
        let kind: String = row.get(1)?;
        // A kind that only a newer version knows opens nothing here.
        let Some(kind) = CredentialKind::ALL.into_iter().find(|known| known.name() == kind) else { continue };
        let services: String = row.get(5)?;
        let credential = Credential {
            kind,
            label: row.get(2)?,
            sha256: row.get(3)?,
            content: row.get(4)?,
            services: services.split(' ').filter_map(|service| service.parse().ok()).collect(),
            created: row.get(6)?,
            used: row.get(7)?,
        };
        all.push((row.get(0)?, credential));
    }
    Ok(all)
}
