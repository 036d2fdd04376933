use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::table::Table;
use super::{Authenticator, Credential, Hashing, LoginError, Origin, Step, accounts, htpasswd};
use crate::{Error, Result};

/// Octets of the largest file of accounts.
const LARGEST: u64 = 16 * 1024 * 1024;
/// A file is looked at no more often than this.
const EVERY: Duration = Duration::from_secs(1);

/// How a file of accounts is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Ropewalk's own, in TOML. Besides the password, which is an argon2id hash, everything may be left out;
    /// an account that has certificates or tokens needs no password. A token has to be long and random, such as
    /// 32 octets of `/dev/urandom` in base64: its hash is a quick one.
    ///
    /// ```toml
    /// [user.ann]
    /// password = "$argon2id$v=19$m=19456,t=2,p=1$…$…"
    /// groups = ["staff"]
    /// certificates = ["…"]    # SHA-256 of the DER, 64 hexadecimal digits
    /// tokens = ["…"]          # SHA-256 of each token, 64 hexadecimal digits
    /// disabled = false
    /// ```
    Toml,
    /// Apache's: `name:hash` lines with bcrypt (`htpasswd -B`), argon2id, apr1 or `{SHA}`. Plain text and crypt(3)
    /// are refused.
    Htpasswd,
}

/// A thing that is wrong in a file, and the line that it is in. It repeats no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) what: String,
}

/// The accounts of a file.
///
/// A login finds the file as it was at most a second before. A change that is a mistake, or a file that is
/// gone, is logged as an error and leaves the accounts as they were.
///
/// Every refusal costs one hash. A name that nobody has costs as much as the dearest hash in the file, so where
/// hashes of several costs stand side by side, a patient listener can tell names with cheap ones; keep one kind.
pub struct Accounts {
    file: Arc<Watched>,
    hashing: Arc<Hashing>,
}

/// A file, and what it said when it was last read without a mistake.
struct Watched {
    path: PathBuf,
    format: Format,
    table: ArcSwap<Table>,
    seen: Mutex<Seen>,
}

/// When the file was looked at, and what it looked like.
struct Seen {
    at: Instant,
    stamp: Option<Stamp>,
}

/// Inode, size and time of change: another one is another content.
type Stamp = (u64, u64, i64, i64);

impl Accounts {
    /// The accounts of this file. Reads it, so this may block.
    ///
    /// # Errors
    /// Where it cannot be read; and all its mistakes at once, each on a line that begins with the path and the
    /// number of the line.
    pub fn open(path: impl Into<PathBuf>, format: Format, hashing: Arc<Hashing>) -> Result<Self> {
        let path = path.into();
        let seen = Mutex::new(Seen { at: Instant::now(), stamp: Some(stamp(&path)?) });
        let table = ArcSwap::from_pointee(load(&path, format)?);
        Ok(Self { file: Arc::new(Watched { path, format, table, seen }), hashing })
    }

    /// The accounts, read again if it is time and the file has changed.
    async fn table(&self) -> Arc<Table> {
        if self.file.is_due() {
            let file = Arc::clone(&self.file);
            if let Err(error) = spawn_blocking(move || file.look()).await {
                Error::local("accounts could not be read again").caused_by(error).log("accounts");
            }
        }
        self.file.table.load_full()
    }
}

impl Watched {
    /// Whether the caller is to look. Not while somebody does: a file system that hangs costs one thread.
    fn is_due(&self) -> bool {
        let mut seen = match self.seen.try_lock() {
            Ok(seen) => seen,
            Err(TryLockError::Poisoned(seen)) => seen.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let now = Instant::now();
        let due = now.duration_since(seen.at) >= EVERY;
        if due {
            seen.at = now;
        }
        due
    }

    /// Reads the file if it is not as it was. A file that stays away or wrong is told of once.
    fn look(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.path);
        let was = std::mem::replace(&mut seen.stamp, now.as_ref().ok().copied());
        if was == seen.stamp {
            return;
        }
        match now.and_then(|_| load(&self.path, self.format)) {
            Ok(table) => {
                self.table.store(Arc::new(table));
                tracing::info!(path = %self.path.display(), "accounts have changed");
            }
            Err(error) => error.during("accounts stay as they were").log("accounts"),
        }
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("path", &self.file.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl Authenticator for Accounts {
    async fn verify(&self, credential: Credential<'_>, from: &Origin<'_>) -> Result<Step, LoginError> {
        self.table().await.verify(&self.hashing, credential, from).await
    }
}

/// Taken before the content is read, so that a change in between is seen the next time.
fn stamp(path: &Path) -> Result<Stamp> {
    let meta = std::fs::metadata(path).map_err(|e| unreadable(path, e))?;
    Ok((meta.ino(), meta.size(), meta.ctime(), meta.ctime_nsec()))
}

fn load(path: &Path, format: Format) -> Result<Table> {
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    let mode = file.metadata().map_err(|e| unreadable(path, e))?.mode();
    if mode & 0o026 != 0 {
        let mode = format_args!("{:o}", mode & 0o777);
        tracing::warn!(path = %path.display(), %mode, "others may read or change the accounts: chmod 640");
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(|e| unreadable(path, e))?;
    if text.len() as u64 > LARGEST {
        return Err(Error::local(format!("{}: over 16 MiB", path.display())));
    }
    let parsed = match format {
        Format::Toml => accounts::parse(&text),
        Format::Htpasswd => htpasswd::parse(&text),
    };
    parsed.map_err(|mut mistakes| {
        mistakes.sort_by_key(|mistake| mistake.line);
        let line = |m: &Mistake| format!("{}:{}: {}", path.display(), m.line, m.what);
        Error::local(mistakes.iter().map(line).collect::<Vec<_>>().join("\n"))
    })
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::local(format!("cannot read {}", path.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::Address;

    const ANN: &str = "ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n";
    const BOB: &str = "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n";

    struct Fixture {
        accounts: Accounts,
        path: PathBuf,
        _dir: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("htpasswd");
            std::fs::write(&path, ANN).unwrap();
            let accounts = Accounts::open(&path, Format::Htpasswd, Arc::default()).unwrap();
            Self { accounts, path, _dir: dir }
        }

        async fn knows(&self, user: &str) -> bool {
            let credential = Credential::Password { user, password: b"password" };
            match self.accounts.verify(credential, &Origin::new(&Address::Memory, "test")).await {
                Ok(Step::Done(who)) => who.name().as_str() == user,
                Err(LoginError::Refused) => false,
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_counts_within_a_second() {
        let files = Fixture::new();
        assert!(files.knows("ann").await && !files.knows("bob").await);
        std::fs::write(&files.path, format!("{ANN}{BOB}")).unwrap();
        assert!(!files.knows("bob").await, "the file is not looked at for every login");
        advance(EVERY).await;
        assert!(files.knows("bob").await);
        std::fs::write(&files.path, BOB).unwrap();
        advance(EVERY).await;
        assert!(!files.knows("ann").await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_wrong_or_gone_leaves_the_accounts_as_they_were() {
        let files = Fixture::new();
        std::fs::write(&files.path, format!("{BOB}cid:plain\n")).unwrap();
        advance(EVERY).await;
        assert!(files.knows("ann").await && !files.knows("bob").await);
        std::fs::remove_file(&files.path).unwrap();
        advance(EVERY).await;
        assert!(files.knows("ann").await);
        std::fs::write(&files.path, BOB).unwrap();
        advance(EVERY).await;
        assert!(files.knows("bob").await && !files.knows("ann").await);
    }

    #[tokio::test]
    async fn a_hash_that_was_made_here_logs_in_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounts.toml");
        let hashing = Arc::new(Hashing::new());
        let hash = hashing.hash(b"sword fish".to_vec().into()).await.unwrap();
        let text = format!("[user.ann]\npassword = \"{hash}\"\ngroups = [\"staff\"]\n");
        std::fs::write(&path, text).unwrap();
        let accounts = Accounts::open(&path, Format::Toml, hashing).unwrap();
        let from = Origin::new(&Address::Memory, "test");
        let login = |password| accounts.verify(Credential::Password { user: "ann", password }, &from);
        let Step::Done(ann) = login(b"sword fish").await.unwrap();
        assert!(ann.is_in("staff") && !ann.is_guest());
        assert!(matches!(login(b"sword fist").await, Err(LoginError::Refused)));
    }

    #[test]
    fn mistakes_are_told_with_path_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounts.toml");
        let open = || Accounts::open(&path, Format::Toml, Arc::default()).map(drop);
        assert!(open().unwrap_err().chain().contains("No such file"));
        std::fs::write(&path, "[user.ann]\npasword = \"x\"\ndisabled = 1\n").unwrap();
        let text = open().unwrap_err().to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        for (line, number) in lines.iter().zip([1, 2, 3]) {
            assert!(line.starts_with(&format!("{}:{number}: ", path.display())), "{text}");
        }
    }
}
