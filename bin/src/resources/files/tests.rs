use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ropewalk_core::config::{Document, Registry};
use ropewalk_core::data::cred::{LoginError, Method, Principal, Profile};
use ropewalk_core::data::files::{FsError, ListOptions, NewLock, Open, Over, Remove, Write};
use tempfile::TempDir;

use super::*;
use crate::resources::{ACCOUNTS, TLS};

/// A folder with a configuration of files.
struct Place {
    dir: TempDir,
    resources: Resources,
}

fn read_in(dir: &Path, text: &str) -> Result<Resources, String> {
    let document = Document::new().text("ropewalk.toml", dir, text);
    let reading = document.read(&Registry::new().with_resource(ACCOUNTS).with_resource(FILES), |_| ());
    match reading.plan {
        Some(plan) => Ok(plan.resources),
        None => Err(reading.diagnostics.render(false)),
    }
}

impl Place {
    fn new(text: &str) -> Self {
        let dir = TempDir::new().unwrap();
        for folder in ["pub", "homes", "a"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        fs::write(dir.path().join("pub/file"), "public").unwrap();
        let resources = read_in(dir.path(), text).unwrap_or_else(|error| panic!("{error}"));
        Self { dir, resources }
    }

    fn everybody(&self, name: &str) -> Option<Arc<dyn Files>> {
        self.resources.get("files", name)
    }

    async fn as_seen_by(&self, name: &str, who: &Principal) -> Result<Arc<dyn Files>, LoginError> {
        self.resources.get::<dyn Realm<dyn Files>>("files", name).unwrap().avatar(who).await
    }
}

fn wrong(text: &str) -> String {
    let dir = TempDir::new().unwrap();
    for folder in ["pub", "homes", "a"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    read_in(dir.path(), text).err().unwrap_or_default()
}

fn person(name: &str) -> Principal {
    let staff = if name == "ann" { vec!["staff".parse().unwrap()] } else { Vec::new() };
    Principal::new(name.parse().unwrap(), staff, Method::Password)
}

fn guest() -> Principal {
    Principal::new("anonymous".parse().unwrap(), [], Method::Anonymous)
}

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

async fn put(files: &Arc<dyn Files>, at: &str, content: &'static [u8]) -> Result<(), FsError> {
    let file = files.open(&path(at), &Open::write(Write::Replace)).await?;
    file.write_at(0, Bytes::from_static(content)).await?;
    file.commit().await.map(drop)
}

async fn content(files: &Arc<dyn Files>, at: &str) -> Result<Vec<u8>, FsError> {
    let file = files.open(&path(at), &Open::read()).await?;
    Ok(file.read_at(0, BytesMut::with_capacity(99)).await?.to_vec())
}

async fn names(files: &Arc<dyn Files>, at: &str) -> Vec<String> {
    let mut listing = files.list(&path(at), ListOptions::default()).await.unwrap();
    let mut names = Vec::new();
    loop {
        let batch = listing.next_batch(99).await.unwrap();
        if batch.is_empty() {
            break;
        }
        names.extend(batch.iter().map(|entry| entry.name.to_string()));
    }
    names.sort();
    names
}

#[test]
fn the_example_is_right() {
    Place::new(&format!("[files.example]\n{}\n", FILES.example)).everybody("example").unwrap();
}

/// Whether the file could be locked.
async fn lock(files: &dyn Files, at: &str) -> bool {
    let place = files.place(&path(at)).unwrap();
    let (owner, timeout) = (Default::default(), Duration::from_secs(60));
    let wanted = NewLock { path: place.path, deep: false, exclusive: true, user: None, owner, timeout };
    place.marks.locks().lock(wanted).await.is_ok()
}

#[tokio::test]
async fn a_reload_ends_no_lock() {
    let tables = "[files.a]\npath = \"pub\"\n[files.home]\npath = \"homes/%u\"\n";
    let mut place = Place::new(tables);
    assert!(lock(&*place.everybody("a").unwrap(), "/file").await);
    assert!(lock(&*place.as_seen_by("home", &person("ann")).await.unwrap(), "/file").await);
    place.resources = Resources::default();
    let tables = tables.replace("files.a", "files.b").replace("homes/%u\"", "./homes/%u\"\nwrite = true");
    place.resources = read_in(place.dir.path(), &tables).unwrap();
    assert!(!lock(&*place.everybody("b").unwrap(), "/file").await);
    assert!(!lock(&*place.as_seen_by("home", &person("ann")).await.unwrap(), "/file").await);
    assert!(lock(&*place.as_seen_by("home", &person("bob")).await.unwrap(), "/file").await);
}

#[tokio::test]
async fn marks_are_in_the_store_at_the_top() {
    let place = Place::new("");
    let data = place.dir.path().join("data");
    ropewalk_store::accounts::Store::create(&data, Arc::default()).unwrap();
    let text = "store = \"data\"\n[files.a]\npath = \"pub\"\n[files.home]\npath = \"homes/%u\"\n";
    let document = Document::new().text("ropewalk.toml", place.dir.path(), text);
    let registry = Registry::new().with_resource(FILES);
    fs::write(data.join("files.db"), "no store, and by far long enough to be looked at").unwrap();
    let said = document.read(&registry, crate::settings::read).diagnostics.render(false);
    assert!(said.contains("files.db"), "{said}");
    fs::remove_file(data.join("files.db")).unwrap();
    let resources = document.read(&registry, crate::settings::read).plan.unwrap().resources;
    assert!(!data.join("files.db").exists(), "looking makes nothing");
    let place = Place { dir: place.dir, resources };
    assert!(lock(&*place.everybody("a").unwrap(), "/file").await);
    assert!(lock(&*place.as_seen_by("home", &person("ann")).await.unwrap(), "/file").await);
    let store = Store::open(&data).unwrap();
    for folder in ["pub", "homes/ann"] {
        let folder = place.dir.path().join(folder).canonicalize().unwrap();
        let locks = store.of(folder.as_os_str().as_encoded_bytes());
        assert_eq!(locks.locks().over(&path("/file"), false).await.unwrap().len(), 1, "{}", folder.display());
    }
}

#[tokio::test]
async fn a_lock_holds_by_whatever_name_the_folder_is_served() {
    let tables = "[files.a]\npath = \"pub\"\n[files.b]\npath = \"./pub\"\n[files.home]\npath = \"homes/%u\"\n\
                  [files.all]\nmounts = { \"/p\" = \"a\" }\n";
    let (place, again) = (Place::new(tables), Place::new(tables));
    let ann = place.as_seen_by("home", &person("ann")).await.unwrap();
    assert!(lock(&*place.everybody("a").unwrap(), "/file").await);
    for (files, at) in [("a", "/file"), ("b", "/file"), ("all", "/p/file")] {
        assert!(!lock(&*place.everybody(files).unwrap(), at).await, "{files}");
    }
    assert!(!lock(&*place.as_seen_by("b", &person("ann")).await.unwrap(), "/file").await);
    assert!(lock(&*again.everybody("a").unwrap(), "/file").await, "another folder is another");
    assert!(lock(&*ann, "/file").await);
    assert!(!lock(&*place.as_seen_by("home", &person("ann")).await.unwrap(), "/file").await);
    assert!(lock(&*place.as_seen_by("home", &person("bob")).await.unwrap(), "/file").await);
}

#[tokio::test]
async fn a_folder_is_read_only_unless_told() {
    let place = Place::new("[files.a]\npath = \"pub\"\n[files.b]\npath = \"pub\"\nwrite = true\n");
    let (a, b) = (place.everybody("a").unwrap(), place.everybody("b").unwrap());
    assert!(matches!(put(&a, "/new", b"x").await, Err(FsError::Unsupported)));
    put(&b, "/new", b"x").await.unwrap();
    assert_eq!(content(&a, "/new").await.unwrap(), b"x");
    assert_eq!(content(&place.as_seen_by("a", &guest()).await.unwrap(), "/file").await.unwrap(), b"public");
}

#[tokio::test]
async fn each_has_a_folder_of_their_own() {
    let place = Place::new("[files.home]\npath = \"homes/%u\"\nwrite = true\nquota = 10\n");
    assert!(place.everybody("home").is_none(), "it is nobody's");
    let ann = place.as_seen_by("home", &person("ann")).await.unwrap();
    put(&ann, "/mine", b"ann's").await.unwrap();
    let mode = fs::metadata(place.dir.path().join("homes/ann")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let bob = place.as_seen_by("home", &person("bob")).await.unwrap();
    assert!(names(&bob, "/").await.is_empty());
    // The quota is of each person, in all sessions.
    put(&bob, "/mine", b"0123456789").await.unwrap();
    let again = place.as_seen_by("home", &person("ann")).await.unwrap();
    assert!(matches!(put(&again, "/more", b"012345").await, Err(FsError::Quota)));
    put(&again, "/more", b"01234").await.unwrap();
    assert!(matches!(put(&ann, "/one", b"0").await, Err(FsError::Quota)));
    assert!(matches!(place.as_seen_by("home", &guest()).await, Err(LoginError::Refused)));
    // A link in the place of a folder leads nowhere.
    symlink("ann", place.dir.path().join("homes/carl")).unwrap();
    assert!(matches!(place.as_seen_by("home", &person("carl")).await, Err(LoginError::Local(_))));
}

#[tokio::test]
async fn an_account_says_which_folder_how_much_and_what_may_be_done() {
    let place = Place::new("[files.home]\npath = \"homes/%u\"\nwrite = true\nquota = 1\n");
    let profile = |home: &str, rights: Option<&str>| {
        let (home, rights) = (Some(home.to_owned()), rights.map(str::to_owned));
        person("dora").with_profile(Arc::new(Profile { home, quota: Some(5), rights }))
    };
    let dora = place.as_seen_by("home", &profile("shared", Some("list, create"))).await.unwrap();
    put(&dora, "/new", b"01234").await.unwrap();
    assert_eq!(fs::read(place.dir.path().join("homes/shared/new")).unwrap(), b"01234");
    assert!(matches!(put(&dora, "/more", b"0").await, Err(FsError::Quota)));
    assert!(matches!(content(&dora, "/new").await, Err(FsError::Denied)));
    // Who shares a folder shares what it may have.
    let shared = Profile { home: Some("shared".into()), quota: Some(5), rights: None };
    let erik = place.as_seen_by("home", &person("erik").with_profile(Arc::new(shared))).await.unwrap();
    assert!(matches!(put(&erik, "/more", b"0").await, Err(FsError::Quota)));
    erik.remove(&path("/new"), Remove::File).await.unwrap();
    put(&dora, "/more", b"0123").await.unwrap();
    assert!(matches!(put(&erik, "/rest", b"01").await, Err(FsError::Quota)));
    for home in ["..", "", "a/b", ".", "../homes/ann"] {
        let seen = place.as_seen_by("home", &profile(home, None)).await;
        assert!(matches!(seen, Err(LoginError::Local(_))), "{home}");
    }
    let seen = place.as_seen_by("home", &profile("shared", Some("everything"))).await;
    assert!(matches!(seen, Err(LoginError::Local(_))));
}

#[tokio::test]
async fn rules_are_for_persons_groups_guests_and_everybody() {
    let place = Place::new(
        "[files.a]\npath = \"pub\"\nwrite = true\n\
         rules = [\n\
           { path = \"/**\", allow = \"all\", who = [\"bob\", \"@staff\"] },\n\
           { path = \"/**\", allow = [\"list\", \"read\", \"create\"], who = \"*\" },\n\
           { path = \"/**\", allow = [\"list\", \"read\"] },\n\
         ]\n",
    );
    for (who, may_make, may_remove) in [
        (Some(person("ann")), true, true),
        (Some(person("bob")), true, true),
        (Some(person("carl")), true, false),
        (Some(guest()), false, false),
        (None, false, false),
    ] {
        let files = match &who {
            Some(who) => place.as_seen_by("a", who).await.unwrap(),
            None => place.everybody("a").unwrap(),
        };
        assert_eq!(content(&files, "/file").await.unwrap(), b"public", "{who:?}");
        assert_eq!(put(&files, "/new", b"x").await.is_ok(), may_make, "{who:?}");
        let moved = files.rename(&path("/file"), &path("/file"), Over::File).await;
        assert_eq!(moved.is_ok(), may_remove, "{who:?}");
        fs::remove_file(place.dir.path().join("pub/new")).ok();
    }
    symlink("file", place.dir.path().join("pub/link")).unwrap();
    let everybody = place.everybody("a").unwrap();
    assert!(matches!(content(&everybody, "/link").await, Err(FsError::Loop)), "links are ways around rules");
}

#[tokio::test]
async fn trees_are_mounted_whichever_is_named_first() {
    let place = Place::new(
        "[files.all]\nmounts = { \"/pub\" = \"public\", \"/home\" = \"z\" }\n\
         [files.public]\npath = \"pub\"\n[files.z]\npath = \"homes/%u\"\nwrite = true\n\
         [files.both]\nmounts = { \"/\" = \"public\", \"/a\" = \"a\" }\n[files.a]\npath = \"a\"\nwrite = true\n",
    );
    assert!(place.everybody("all").is_none(), "a part of it is somebody's own");
    let ann = place.as_seen_by("all", &person("ann")).await.unwrap();
    assert_eq!(names(&ann, "/").await, ["home", "pub"]);
    put(&ann, "/home/mine", b"ann's").await.unwrap();
    assert_eq!(fs::read(place.dir.path().join("homes/ann/mine")).unwrap(), b"ann's");
    assert_eq!(content(&ann, "/pub/file").await.unwrap(), b"public");
    assert!(put(&ann, "/pub/new", b"x").await.is_err());
    let guest = place.as_seen_by("all", &guest()).await.unwrap();
    assert_eq!(names(&guest, "/").await, ["pub"], "guests have no home");
    let both = place.everybody("both").unwrap();
    assert_eq!(names(&both, "/").await, ["a", "file"]);
    put(&both, "/a/new", b"x").await.unwrap();
}

#[test]
fn mistakes_are_told_at_once() {
    let said = wrong(
        "[files.a]\npath = \"missing\"\nrate = 0\nresume = \"never\"\n\
         rules = [{ path = \"x\", allow = [\"fly\"], who = [\"a b\"] }, { allow = \"read\", pth = \"/\" }]\n",
    );
    for message in [
        "missing: No such file or directory",
        "a rate is more than zero",
        "`resume` is one of `atomic`, `in-place`",
        "a pattern begins with \"/\"",
        "what may be done is one of list,",
        "a name has no spaces",
        "`path` is missing",
        "unknown key `pth`",
    ] {
        assert!(said.contains(message), "{message:?} is not in:\n{said}");
    }
}

#[test]
fn what_does_not_go_together_is_wrong() {
    let public = "[files.pub]\npath = \"pub\"\n";
    for (text, message) in [
        ("[files.a]\n", "files have a `path`, or `mounts`"),
        ("[files.a]\npath = \"pub\"\nmounts = { \"/x\" = \"pub\" }\n", "give one of them"),
        ("[files.a]\nmounts = { \"/x\" = \"nothing\" }\n", "there is no [files.nothing]"),
        ("[files.a]\nmounts = { \"x\" = \"pub\" }\n", "does not begin with \"/\""),
        ("[files.a]\nmounts = { \"/x\" = \"pub\", \"/x/\" = \"pub\" }\n", "is there twice"),
        ("[files.a]\nmounts = { \"/x/..\" = \"pub\" }\n", "a path holds `..`"),
        ("[files.a]\nmounts = { \"/x\" = \"pub\" }\nwrite = true\n", "says `write` for itself"),
        ("[files.a]\nmounts = { \"/x\" = \"a\" }\n", "[files.a]"),
        ("[files.a]\npath = \"pub\"\nlinks = \"contained\"\nrules = []\n", "ways around `rules`"),
        (
            "[files.a]\nmounts = { \"/x\" = \"pub\" }\nrules = [{ path = \"/**\", allow = \"read\" }]\n",
            "[files.pub] needs `links = \"none\"`",
        ),
        ("[files.a]\npath = \"homes/%u/files\"\n", "`%u` is the whole last part"),
        ("[files.a]\npath = \"homes/x%u\"\n", "`%u` is the whole last part"),
    ] {
        let said = wrong(&format!("{public}{text}"));
        assert!(said.contains(message), "{message:?} is not in:\n{said}\nof {text}");
    }
}

#[tokio::test]
async fn what_is_being_written_at_a_reload_counts_on() {
    let tables = "[files.a]\npath = \"a\"\nwrite = true\nquota = \"10\"\n\
                  [files.home]\npath = \"homes/%u\"\nwrite = true\nquota = \"10\"\n\
                  [files.all]\nmounts = { \"/a\" = \"a\" }\nquota = \"5\"\n";
    let place = Place::new(tables);
    let again = read_in(place.dir.path(), &tables.replace("\"10\"", "\"12\"")).unwrap();
    let (old, ann) = (place.everybody("a").unwrap(), person("ann"));
    let home = place.as_seen_by("home", &ann).await.unwrap();
    let mut writing = Vec::new();
    for files in [&old, &home] {
        let file = files.open(&path("/half"), &Open::write(Write::Replace)).await.unwrap();
        file.write_at(0, Bytes::from_static(b"12345678")).await.unwrap();
        writing.push(file);
    }
    let place = Place { resources: again, ..place };
    let mut files = vec![place.everybody("a").unwrap(), place.as_seen_by("home", &ann).await.unwrap()];
    for files in &files {
        assert!(matches!(put(files, "/more", b"12345").await, Err(FsError::Quota)));
        put(files, "/more", b"1234").await.unwrap();
    }
    files.push(place.as_seen_by("home", &person("bob")).await.unwrap());
    put(&files[2], "/own", b"123456789012").await.unwrap();
    // What a tree of several has, the limit of that tree is for.
    assert!(matches!(put(&place.everybody("all").unwrap(), "/a/b", b"12").await, Err(FsError::Quota)));
    writing.into_iter().for_each(drop);
    put(&files[0], "/more", b"12345678").await.unwrap();
}

#[tokio::test]
async fn accounts_keys_and_the_configuration_in_a_served_folder_are_nobodys_to_see() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str| dir.path().join(name);
    fs::create_dir(file("conf.d")).unwrap();
    let made = ropewalk_core::tls::self_signed(&["localhost".to_owned()]).unwrap();
    made.write(&file("cert.pem"), &file("key.pem")).unwrap();
    fs::write(file("htpasswd"), "").unwrap();
    fs::write(file("conf.d/more.toml"), "[tls.main]\ncert = \"../cert.pem\"\nkey = \"../key.pem\"\n")
        .unwrap();
    let text = "[accounts.people]\nfile = \"htpasswd\"\n[files.all]\npath = \".\"\nwrite = true\n";
    fs::write(file("ropewalk.toml"), text).unwrap();
    let registry = Registry::new().with_resource(TLS).with_resource(ACCOUNTS).with_resource(FILES);
    let reading = Document::new().file(&file("ropewalk.toml")).read(&registry, |_| ());
    let plan = reading.plan.unwrap_or_else(|| panic!("{}", reading.diagnostics.render(false)));
    let files = plan.resources.get::<dyn Files>("files", "all").unwrap();
    for name in ["/ropewalk.toml", "/conf.d/more.toml", "/htpasswd", "/key.pem"] {
        let hidden = files.stat(&path(name), true).await;
        assert!(matches!(hidden, Err(FsError::NotFound)), "{name}: {hidden:?}");
        assert!(put(&files, name, b"mine").await.is_err(), "{name}");
    }
    assert!(files.stat(&path("/cert.pem"), true).await.is_ok(), "which everybody is shown anyway");
}

#[tokio::test]
async fn a_store_in_a_served_folder_is_nobodys_to_see() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("sub/open")).unwrap();
    let store = dir.path().join("sub/all [our] accounts*");
    ropewalk_store::accounts::Store::create(&store, Arc::default()).unwrap();
    let text = "[accounts.people]\nstore = \"sub/all [our] accounts*\"\n[files.all]\npath = \".\"\nwrite = true\n\
                [files.ruled]\npath = \"sub\"\nwrite = true\nrules = [{ path = \"/**\", allow = [\"all\"] }]\n";
    let resources = read_in(dir.path(), text).unwrap();
    for (name, sub) in [("all", "/sub"), ("ruled", "")] {
        let ann = resources.get::<dyn Realm<dyn Files>>("files", name).unwrap().avatar(&person("ann")).await;
        for files in [resources.get::<dyn Files>("files", name).unwrap(), ann.unwrap_or_else(|_| panic!())] {
            let at = |below: &str| format!("{sub}/all [our] accounts*{below}");
            let hidden = files.stat(&path(&at("/core.db")), true).await;
            assert!(matches!(hidden, Err(FsError::NotFound)), "{name}");
            assert!(put(&files, &at("/core.db"), b"mine").await.is_err());
            assert!(put(&files, &at(""), b"mine").await.is_err());
            let dir = path(if sub.is_empty() { "/" } else { sub });
            let listed = files.list(&dir, ListOptions::default()).await.unwrap().next_batch(9).await.unwrap();
            assert_eq!(listed.iter().map(|entry| entry.name.to_string()).collect::<Vec<_>>(), ["open"]);
            // Nor does it go with what it is in.
            assert!(files.remove(&dir, Remove::Tree).await.is_err());
            assert!(sub.is_empty() || files.rename(&dir, &path("/new"), Over::Never).await.is_err());
            put(&files, &format!("{sub}/open/file"), b"seen").await.unwrap();
        }
    }
    assert!(store.join("core.db").exists());
}
