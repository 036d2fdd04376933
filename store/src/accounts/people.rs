use std::collections::BTreeMap;

use ropewalk_core::data::cred::{Name, Profile};
use ropewalk_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use zeroize::Zeroizing;

use super::credential::{self, Credential};
use super::row::forget;
use super::scram::Verifier;
use super::{Store, now};

/// What is known of somebody, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The name.
    pub name: Name,
    /// Whether nobody can log in as this.
    pub disabled: bool,
    /// The groups, by name.
    pub groups: Vec<Name>,
    /// What it says of its owner's files.
    pub profile: Profile,
    /// Whether it has a password.
    pub password: bool,
    /// The iteration count of its SCRAM verifier, where it has one.
    pub scram: Option<u32>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// What opens it besides the password, by kind and label.
    pub credentials: Vec<Credential>,
}

/// An account to be made.
#[derive(Debug)]
pub struct NewAccount {
    /// The name.
    pub name: Name,
    /// The groups.
    pub groups: Vec<Name>,
    /// What it says of its owner's files.
    pub profile: Profile,
    /// The password, of 1 to [`LONGEST_PASSWORD`](ropewalk_core::data::cred::LONGEST_PASSWORD) octets.
    pub password: Option<Zeroizing<Vec<u8>>>,
    /// Whether a SCRAM verifier is kept of it.
    pub scram: bool,
}

/// What is to become of an account's SCRAM verifier when it gets a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scram {
    /// It has one if it had one.
    AsBefore,
    /// It has one.
    On,
    /// It has none.
    Off,
}

/// What is to be another; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Whether nobody can log in.
    pub disabled: Option<bool>,
    /// All groups.
    pub groups: Option<Vec<Name>>,
    /// The home, or that there is none.
    pub home: Option<Option<String>>,
    /// The quota, or that there is none.
    pub quota: Option<Option<u64>>,
    /// The rights, or that there are none.
    pub rights: Option<Option<String>>,
}

impl Store {
    /// Makes an account.
    ///
    /// # Errors
    /// Where there is one of that name, and where the password is none.
    pub async fn add(&self, new: NewAccount) -> Result<()> {
        let NewAccount { name, groups, profile, password, scram } = new;
        let made = Made::of(self, password, scram).await?;
        let taken = Error::local(format!("there is an account {name:?} already"));
        let quota = quota(profile.quota)?;
        let write = move |db: &Connection| {
            let row = params![name.as_str(), profile.home, quota, profile.rights, now()];
            let sql = "INSERT INTO account (name, home, quota, rights, created) VALUES (?1, ?2, ?3, ?4, ?5) \
                       ON CONFLICT (name) DO NOTHING";
            if db.execute(sql, row)? == 0 {
                return Ok(false);
            }
            made.write(db, &name)?;
            join(db, &name, &groups)?;
            Ok(true)
        };
        if self.change_with(write).await? { Ok(()) } else { Err(taken) }
    }

    /// Gives an account another password, or none.
    ///
    /// # Errors
    /// Where there is no such account, and where the password is none.
    pub async fn set_password(
        &self,
        name: &Name,
        password: Option<Zeroizing<Vec<u8>>>,
        scram: Scram,
    ) -> Result<()> {
        let keeps = match scram {
            Scram::On => true,
            Scram::Off => false,
            Scram::AsBefore => self.show(name).await?.is_some_and(|account| account.scram.is_some()),
        };
        let made = Made::of(self, password, keeps).await?;
        let of = name.clone();
        let there = self.change_with(move |db| Ok(made.write(db, &of)? != 0)).await?;
        if there { Ok(()) } else { Err(unknown(name)) }
    }

    /// Changes an account.
    ///
    /// # Errors
    /// Where there is no such account.
    pub async fn change(&self, name: &Name, change: Change) -> Result<()> {
        let of = name.clone();
        let limit = change.quota.map(quota).transpose()?;
        let write = move |db: &Connection| {
            let set = |column: &str, to: &dyn rusqlite::ToSql| {
                db.execute(
                    &format!("UPDATE account SET {column} = ?2 WHERE name = ?1"),
                    params![of.as_str(), to],
                )
            };
            let there = "SELECT 1 FROM account WHERE name = ?1";
            if db.query_row(there, [of.as_str()], |_| Ok(())).optional()?.is_none() {
                return Ok(false);
            }
            if let Some(disabled) = change.disabled {
                set("disabled", &i64::from(disabled))?;
            }
            if let Some(home) = change.home {
                set("home", &home)?;
            }
            if let Some(quota) = limit {
                set("quota", &quota)?;
            }
            if let Some(rights) = change.rights {
                set("rights", &rights)?;
            }
            if let Some(groups) = change.groups {
                db.execute("DELETE FROM membership WHERE account = ?1", [of.as_str()])?;
                join(db, &of, &groups)?;
            }
            Ok(true)
        };
        if self.change_with(write).await? { Ok(()) } else { Err(unknown(name)) }
    }

    /// Removes an account, and all that opens it.
    ///
    /// # Errors
    /// Where there is no such account.
    pub async fn remove(&self, name: &Name) -> Result<()> {
        let of = name.clone();
        let write = move |db: &Connection| db.execute("DELETE FROM account WHERE name = ?1", [of.as_str()]);
        if self.change_with(write).await? == 0 { Err(unknown(name)) } else { Ok(()) }
    }

    /// An account.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn show(&self, name: &Name) -> Result<Option<Account>> {
        Ok(self.accounts(Some(name.clone())).await?.pop())
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(&self) -> Result<Vec<Account>> {
        self.accounts(None).await
    }

    async fn accounts(&self, one: Option<Name>) -> Result<Vec<Account>> {
        let read = move |db: &Connection| {
            // One state for the three questions.
            let db = db.unchecked_transaction()?;
            let one = one.as_ref().map(Name::as_str);
            let mut all = BTreeMap::new();
            let sql = "SELECT name, disabled, home, quota, rights, password IS NOT NULL, scram_iterations, created \
                       FROM account WHERE ?1 IS NULL OR name = ?1";
            for account in db.prepare_cached(sql)?.query_map([one], account)? {
                let account = account?;
                all.insert(account.name.as_str().to_owned(), account);
            }
            let sql = "SELECT account, team FROM membership WHERE ?1 IS NULL OR account = ?1 ORDER BY team";
            let mut statement = db.prepare_cached(sql)?;
            for pair in statement.query_map([one], |row| Ok((row.get::<_, String>(0)?, name(row, 1)?)))? {
                let (of, group) = pair?;
                all.entry(of).and_modify(|account| account.groups.push(group));
            }
            for (of, credential) in credential::of(&db, one)? {
                all.entry(of).and_modify(|account| account.credentials.push(credential));
            }
            Ok(all.into_values().collect())
        };
        self.database().await?.read(read).await
    }

    /// Writes, and forgets what was read before.
    pub(super) async fn change_with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.database().await?.write(work).await;
        forget();
        done
    }
}

/// What is kept of a password.
struct Made {
    hash: Option<String>,
    scram: Option<(Verifier, [u8; 32])>,
}

impl Made {
    async fn of(store: &Store, password: Option<Zeroizing<Vec<u8>>>, scram: bool) -> Result<Self> {
        let Some(password) = password else { return Ok(Self { hash: None, scram: None }) };
        let hash = Some(store.0.hashing.hash(password.clone()).await?);
        let scram = if scram { Some(Verifier::make(password).await?) } else { None };
        Ok(Self { hash, scram })
    }

    /// How many accounts have it now.
    fn write(self, db: &Connection, name: &Name) -> rusqlite::Result<usize> {
        let scram = self.scram.as_ref();
        if let Some((_, key)) = scram {
            // What unknown users are given verifiers by.
            let sql =
                "INSERT INTO setting (name, content) VALUES ('scram', ?1) ON CONFLICT (name) DO NOTHING";
            db.execute(sql, [key])?;
        }
        let scram = scram.map(|(verifier, _)| verifier);
        let sql = "UPDATE account SET password = ?2, scram_iterations = ?3, scram_salt = ?4, scram_stored = ?5, \
                   scram_server = ?6 WHERE name = ?1";
        db.execute(
            sql,
            params![
                name.as_str(),
                self.hash,
                scram.map(|s| s.iterations),
                scram.map(|s| s.salt),
                scram.map(|s| *s.stored_key),
                scram.map(|s| *s.server_key),
            ],
        )
    }
}

fn join(db: &Connection, name: &Name, groups: &[Name]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO membership (account, team) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    for group in groups {
        db.execute(sql, [name.as_str(), group.as_str()])?;
    }
    Ok(())
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        name: name(row, 0)?,
        disabled: row.get(1)?,
        groups: Vec::new(),
        profile: profile(row, 2)?,
        password: row.get(5)?,
        scram: row.get(6)?,
        created: row.get(7)?,
        credentials: Vec::new(),
    })
}

/// Home, quota and rights, in this and the next two columns.
pub(super) fn profile(row: &Row<'_>, at: usize) -> rusqlite::Result<Profile> {
    let quota: Option<i64> = row.get(at + 1)?;
    Ok(Profile { home: row.get(at)?, quota: quota.map(i64::unsigned_abs), rights: row.get(at + 2)? })
}

/// A column that holds a name.
pub(super) fn name(row: &Row<'_>, at: usize) -> rusqlite::Result<Name> {
    let text = row.get_ref(at)?.as_str()?;
    text.parse()
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, Box::new(e)))
}

fn quota(octets: Option<u64>) -> Result<Option<i64>> {
    let signed = octets.map(i64::try_from).transpose();
    signed.map_err(|e| Error::local("a quota is at most 2^63-1 octets").caused_by(e))
}

pub(super) fn unknown(name: &Name) -> Error {
    Error::local(format!("there is no account {name:?}"))
}
