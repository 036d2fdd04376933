use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, lchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::gethostname;
use ropewalk_core::app::Privileges;
use ropewalk_core::data::cred::{Hashing, Name};
use ropewalk_core::tls::{CertSource, LocalCa};
use ropewalk_core::{Error, Result};
use ropewalk_store::accounts::{NewAccount, Scram, Store, generate_password};

use super::suite::Suite;
use crate::commands::cert::LOCAL;

/// The account that a first `up` makes.
pub(super) const ADMIN: &str = "admin";
/// What a configuration says that `up` has made.
pub(super) const MARK: &str = "Made by `ropewalk up`";
/// The accounts of `dev`.
const DEMO: [(&str, &str); 2] = [("ann", "ann-rope"), ("bob", "bob-rope")];

/// Somebody whose password may be shown.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) password: String,
}

/// Makes what is missing of a store with an account, an authority with a certificate, and folders; last of all the configuration,
/// so that whatever fails before it can be begun again.
/// All of it belongs to `owner`, by name or number, if there is one.
pub(super) fn make(config: &Path, data: &Path, suite: &Suite, owner: Option<&str>) -> Result<Person> {
    folder(data, 0o700)?;
    let certificate = certificate(data, suite)?;
    folder(&data.join("files/shared"), 0o755)?;
    folder(&data.join("files/private"), 0o700)?;
    let admin = admin(data)?;
    let store = format!("store = {}\n", quoted(data)?);
    let own = format!(
        "# {MARK}, which leaves it alone from now on. `ropewalk check` looks it over, and
# `ropewalk config explain KEY` says what a key means.

# Where this server keeps what is its own; `ropewalk status` asks it there.\n{store}
# Whoever tries to guess a login is shut out for a while, but for this machine; `ropewalk ban ls` lists them.
[defender]\n\n"
    );
    let text = own + &text(&store, data, &certificate, suite)?;
    fs::write(config, text).map_err(|e| failed("write", config, e))?;
    if let Some(owner) = owner {
        let (uid, gid) = Privileges { uid: Some(owner.into()), ..Privileges::default() }.ids()?;
        give(data, uid, gid)
            .and_then(|()| give(config, uid, gid))
            .map_err(|e| failed("give away", data, e))?;
    }
    Ok(admin)
}

/// Gives a file, or a folder with all that is in it, to this user and group. Links are given, not followed.
fn give(path: &Path, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    lchown(path, uid, gid)?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}

/// The account that can come in at first. One that an interrupted `up` left behind gets another password: nobody saw its first.
fn admin(data: &Path) -> Result<Person> {
    let name: Name = ADMIN.parse().map_err(|e| Error::local("no name").caused_by(e))?;
    let password = generate_password()?;
    let octets = || Some(password.as_bytes().to_vec().into());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.map_err(|e| Error::local("cannot start").caused_by(e))?.block_on(async {
        let store = Store::create(data, Arc::new(Hashing::new()))?;
        if store.show(&name).await?.is_some() {
            return store.set_password(&name, octets(), Scram::AsBefore).await;
        }
        let (groups, profile) = (vec![name.clone()], Default::default());
        store.add(NewAccount { name: name.clone(), groups, profile, password: octets(), scram: false }).await
    })?;
    Ok(Person { name: ADMIN, password: password.to_string() })
}

/// What `dev` runs. The folder is removed with it.
pub(super) struct Demo {
    pub(super) config: String,
    pub(super) people: Vec<Person>,
    pub(super) folder: Folder,
}

/// Makes what [`make`] makes, in a folder that lasts as long as the process, with accounts that everybody knows.
pub(super) fn demo(suite: &Suite) -> Result<Demo> {
    let of_all = Folder::new()?;
    let data = &of_all.0;
    let certificate = certificate(data, suite)?;
    folder(&data.join("files/shared"), 0o755)?;
    folder(&data.join("files/private"), 0o700)?;
    let users: Vec<_> =
        DEMO.iter().map(|(name, password)| format!("{:?}", format!("{name}:{password}"))).collect();
    let config = text(&format!("users = [{}]\n", users.join(", ")), data, &certificate, suite)?;
    let people = DEMO.map(|(name, password)| Person { name, password: password.into() }).into();
    Ok(Demo { config, people, folder: of_all })
}

/// The certificate's file, with its key in it: for this machine as seen from itself, and by its name where others come.
fn certificate(data: &Path, suite: &Suite) -> Result<PathBuf> {
    let authority = LocalCa::open(&data.join("ca"))?;
    let mut names = LOCAL.map(str::to_owned).to_vec();
    let host = gethostname().ok().and_then(|name| name.into_string().ok());
    names.extend(host.filter(|name| suite.is_public() && !names.contains(name)));
    match authority.keep(&names)? {
        CertSource::Files { cert, .. } => Ok(cert),
        _ => Err(Error::local("the authority keeps no files")),
    }
}

/// The configuration.
fn text(accounts: &str, data: &Path, certificate: &Path, suite: &Suite) -> Result<String> {
    let certificate = quoted(certificate)?;
    let zone = quoted(&zone(data)?)?;
    let shared = quoted(&data.join("files/shared"))?;
    let private = quoted(&data.join("files/private/%u"))?;
    let (http, https, ftp, admin) =
        (suite.plain("http"), suite.tls("http"), suite.plain("ftp"), suite.plain("admin"));
    let (udp, tcp, dot, quic) = (suite.udp("dns"), suite.plain("dns"), suite.tls("dns"), suite.quic("dns"));
    Ok(format!(
        "# Who may come in, by every protocol: `ropewalk user`.
[accounts.main]
{accounts}
# A certificate of the authority beside it. Your own: `cert` and `key`.
[tls.main]
cert = {certificate}
key = {certificate}

# Everybody's files.
[files.shared]
path = {shared}
write = true

# Each person's own.
[files.private]
path = {private}
write = true

# Both as one tree, which is the same over HTTP, WebDAV and FTP.
[files.main]
mounts = {{ \"/shared\" = \"shared\", \"/private\" = \"private\" }}

# Names, as others ask for them. This one is for trials (RFC 6761), and also says where the services below are.
[zones.main]
zone = [{{ origin = \"up.test\", file = {zone}, derived = {{ addresses = [\"127.0.0.1\", \"::1\"] }} }}]

[[service]]
kind = \"http\"
listen = [{http:?}, {https:?}]
files = \"main\"
write = true
dav = true
archive = true
auth = [{{ accounts = \"main\" }}]

[[service]]
kind = \"ftp\"
listen = [{ftp:?}]
files = \"main\"
accounts = \"main\"
tls = \"main\"
tls_required = {}

[[service]]
kind = \"dns\"
listen = [{udp:?}, {tcp:?}, {dot:?}, {quic:?}]
zones = \"main\"

# Health and metrics.
[admin]
listen = {admin:?}
",
        // A password does not travel in the clear.
        suite.is_public()
    ))
}

/// The file of a small zone, to begin with; one that is there already stays.
fn zone(data: &Path) -> Result<PathBuf> {
    let file = data.join("zones/up.test.zone");
    folder(&data.join("zones"), 0o755)?;
    let written = match fs::File::create_new(&file) {
        Ok(mut new) => new.write_all(ZONE.as_bytes()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    };
    written.map_err(|e| failed("write", &file, e))?;
    Ok(file)
}

/// A zone with a little of everything.
const ZONE: &str = "; A change of this file counts within seconds.
$ORIGIN up.test.
$TTL 1h
@       SOA   ns hostmaster 1 2h 30m 2w 5m
        NS    ns
        A     127.0.0.1
        AAAA  ::1
        MX    10 mail
        TXT   \"made by ropewalk up\"
ns      A     127.0.0.1
        AAAA  ::1
mail    A     127.0.0.1
www     CNAME @
*.box   A     127.0.0.1
";

/// A path as a TOML string.
fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| Error::local(format!("{} is not UTF-8", path.display())))?;
    Ok(toml::Value::from(text).to_string())
}

/// Makes a folder, and those on the way, where it is missing.
fn folder(path: &Path, mode: u32) -> Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|e| failed("make the folder", path, e))
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    Error::local(format!("cannot {what} {}", path.display())).caused_by(error)
}

/// A folder of this process alone, which is removed when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("ropewalk-dev-{}", std::process::id()));
        // One that a process of this number left behind.
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &path, e)),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&path).map_err(|e| failed("make the folder", &path, e))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("warning: cannot remove {}: {error}", self.0.display());
        }
    }
}
