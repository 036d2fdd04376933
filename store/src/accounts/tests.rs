use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use ropewalk_core::Address;
use ropewalk_core::data::cred::{
    Authenticator as _, Credential as Said, LoginError, Method, Name, Origin, Principal, Profile, Step,
};
use tempfile::TempDir;
use tokio::time::{advance, pause};

use super::*;

struct Fixture {
    store: Store,
    dir: TempDir,
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn new(text: &str, password: Option<&str>) -> NewAccount {
    let password = password.map(|text| text.as_bytes().to_vec().into());
    NewAccount { name: name(text), groups: Vec::new(), profile: Profile::default(), password, scram: false }
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("data"), Arc::default()).unwrap();
        let groups = vec![name("staff"), name("web")];
        let profile = Profile { home: Some("people/ann".into()), quota: Some(1 << 40), rights: None };
        store.add(NewAccount { groups, profile, ..new("ann", Some("swordfish")) }).await.unwrap();
        store.add(new("bob", Some("tuna"))).await.unwrap();
        store.add(new("cid", None)).await.unwrap();
        Self { store, dir }
    }

    /// The same store, as another process has it.
    fn again(&self) -> Store {
        Store::open(self.dir.path().join("data"), Arc::default()).unwrap()
    }

    async fn login(&self, said: Said<'_>, service: &str) -> Option<Principal> {
        login(&self.store, said, service).await
    }

    async fn password(&self, user: &str, password: &str) -> Option<Principal> {
        self.login(Said::Password { user, password: password.as_bytes() }, "web").await
    }
}

async fn login(store: &Store, said: Said<'_>, service: &str) -> Option<Principal> {
    match store.verify(said, &Origin::new(&Address::Memory, service)).await {
        Ok(Step::Done(who)) => Some(who),
        Ok(_) => None,
        Err(LoginError::Refused) => None,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn the_right_password_gives_name_groups_and_profile() {
    let f = Fixture::new().await;
    let ann = f.password("ann", "swordfish").await.unwrap();
    assert_eq!((ann.name().as_str(), ann.method()), ("ann", Method::Password));
    assert!(ann.is_in("staff") && ann.is_in("web") && !ann.is_in("root"));
    let profile = ann.profile().unwrap();
    assert_eq!((profile.home.as_deref(), profile.quota), (Some("people/ann"), Some(1 << 40)));
    assert_eq!(f.password("bob", "tuna").await.unwrap().groups(), []);
}

#[tokio::test]
async fn a_name_finds_the_account_however_a_keyboard_makes_it() {
    let f = Fixture::new().await;
    f.store.add(new("ju\u{308}rg", Some("tuna"))).await.unwrap();
    for user in ["j\u{fc}rg", "ju\u{308}rg"] {
        assert_eq!(f.password(user, "tuna").await.unwrap().name().as_str(), "j\u{fc}rg");
    }
    assert!(f.store.add(new("j\u{fc}rg", None)).await.is_err(), "it is there");
}

#[tokio::test]
async fn every_refusal_is_the_same_answer_after_the_same_work() {
    let f = Fixture::new().await;
    f.store.change(&name("bob"), Change { disabled: Some(true), ..Change::default() }).await.unwrap();
    let hashing = &f.store.0.hashing;
    let long = "n".repeat(255);
    for (user, password) in [
        ("ann", "swordfist"),
        ("ann", ""),
        ("Ann", "swordfish"),
        ("nobody", "swordfish"),
        ("not/a name", "swordfish"),
        ("", ""),
        (&long, "x"),
        ("bob", "tuna"),
        ("bob", "salmon"),
        ("cid", ""),
        ("cid", "swordfish"),
        ("ann", "abcd-efgh-jkmn-pqrs-tvwx-yz0123"),
    ] {
        let before = hashing.computed();
        assert_eq!(f.password(user, password).await, None, "{user} {password}");
        assert_eq!(hashing.computed() - before, 1, "{user} {password}");
    }
    let (before, too_long) = (hashing.computed(), "x".repeat(1025));
    assert_eq!(f.password("ann", &too_long).await, None);
    assert_eq!(f.password("nobody", &too_long).await, None);
    assert_eq!(hashing.computed(), before);
}

#[tokio::test]
async fn a_login_that_is_repeated_is_not_hashed_again_until_the_password_changes() {
    let f = Fixture::new().await;
    let hashing = &f.store.0.hashing;
    assert!(f.password("ann", "swordfish").await.is_some());
    let before = hashing.computed();
    assert!(f.password("ann", "swordfish").await.is_some());
    assert_eq!(hashing.computed(), before);
    let new = Some(b"haddock".to_vec().into());
    f.store.set_password(&name("ann"), new, Scram::AsBefore).await.unwrap();
    assert!(f.password("ann", "swordfish").await.is_none());
    assert!(f.password("ann", "haddock").await.is_some());
    f.store.set_password(&name("ann"), None, Scram::AsBefore).await.unwrap();
    assert!(f.password("ann", "haddock").await.is_none());
}

#[tokio::test]
async fn what_another_process_changes_counts_within_a_second() {
    let f = Fixture::new().await;
    let other = f.again();
    assert!(f.password("ann", "swordfish").await.is_some());
    pause();
    other.change(&name("ann"), Change { disabled: Some(true), ..Change::default() }).await.unwrap();
    advance(Duration::from_secs(1)).await;
    assert!(f.password("ann", "swordfish").await.is_none());
    other.change(&name("ann"), Change { disabled: Some(false), ..Change::default() }).await.unwrap();
    other
        .change(&name("ann"), Change { groups: Some(vec![name("ops")]), ..Change::default() })
        .await
        .unwrap();
    advance(Duration::from_secs(1)).await;
    let ann = f.password("ann", "swordfish").await.unwrap();
    assert_eq!(ann.groups(), [name("ops")]);
    other.remove(&name("ann")).await.unwrap();
    advance(Duration::from_secs(1)).await;
    assert!(f.password("ann", "swordfish").await.is_none());
}

#[tokio::test]
async fn an_app_password_is_good_for_its_services_only() {
    let f = Fixture::new().await;
    let cid = name("cid");
    let mail = f.store.add_app_password(&cid, "phone", vec![name("mail"), name("web")]).await.unwrap();
    let any = f.store.add_app_password(&cid, "laptop", Vec::new()).await.unwrap();
    let at = |password: &str, service: &'static str| {
        let password = password.as_bytes().to_vec();
        let store = f.store.clone();
        async move { login(&store, Said::Password { user: "cid", password: &password }, service).await.is_some() }
    };
    for (service, by_mail) in [("mail", true), ("web", true), ("ftp", false), ("", false)] {
        assert_eq!(at(&mail, service).await, by_mail, "{service}");
        assert!(at(&any, service).await, "{service}");
    }
    assert!(at(&mail.replace('-', ""), "mail").await);
    assert!(f.password("ann", &any).await.is_none(), "it is one account's");
    f.store.remove_credential(&cid, &[CredentialKind::AppPassword], "laptop").await.unwrap();
    assert!(!at(&any, "mail").await);
    f.store.change(&cid, Change { disabled: Some(true), ..Change::default() }).await.unwrap();
    assert!(!at(&mail, "mail").await);
}

#[tokio::test]
async fn a_use_is_written_down_once_an_hour() {
    let f = Fixture::new().await;
    let cid = name("cid");
    let token = f.store.add_token(&cid, "ci").await.unwrap();
    let used = async || f.store.show(&cid).await.unwrap().unwrap().credentials.first().and_then(|c| c.used);
    assert_eq!(used().await, None);
    let who = f.login(Said::Token { token: token.as_bytes() }, "web").await.unwrap();
    assert_eq!((who.name().as_str(), who.method()), ("cid", Method::Token));
    // After this write, the one that nobody waited for has been done.
    f.store.change(&cid, Change::default()).await.unwrap();
    let first = used().await.unwrap();
    assert!(now() - first < 60);
    let set = |to: i64| f.store.change_with(move |db| db.execute("UPDATE credential SET used = ?1", [to]));
    for (last, again) in [(now() - 1800, false), (now() - 4000, true), (now() + 4000, true)] {
        set(last).await.unwrap();
        f.login(Said::Token { token: token.as_bytes() }, "web").await.unwrap();
        f.store.change(&cid, Change::default()).await.unwrap();
        assert_eq!(used().await.unwrap() != last, again, "{}", last - now());
    }
}

#[tokio::test]
async fn certificates_and_tokens_are_their_owners_unless_disabled() {
    let f = Fixture::new().await;
    let (ann, bob) = (name("ann"), name("bob"));
    f.store.add_certificate(&ann, "card", [7; 32]).await.unwrap();
    let who = f.login(Said::Certificate { sha256: &[7; 32] }, "web").await.unwrap();
    assert_eq!((who.name(), who.method()), (&ann, Method::Certificate));
    assert!(who.is_in("staff"));
    assert!(f.login(Said::Certificate { sha256: &[8; 32] }, "web").await.is_none());
    assert!(f.login(Said::Token { token: &[7; 32] }, "web").await.is_none());
    let theirs = f.store.add_certificate(&bob, "card", [7; 32]).await.unwrap_err();
    assert!(theirs.to_string().contains("an account's already"));
    f.store.change(&ann, Change { disabled: Some(true), ..Change::default() }).await.unwrap();
    assert!(f.login(Said::Certificate { sha256: &[7; 32] }, "web").await.is_none());
}

#[tokio::test]
async fn an_account_that_is_removed_takes_with_it_all_that_opened_it() {
    let f = Fixture::new().await;
    let ann = name("ann");
    let token = f.store.add_token(&ann, "ci").await.unwrap();
    f.store.add_certificate(&ann, "card", [7; 32]).await.unwrap();
    f.store.remove(&ann).await.unwrap();
    assert!(f.login(Said::Token { token: token.as_bytes() }, "web").await.is_none());
    f.store.add(new("ann", Some("other"))).await.unwrap();
    let account = f.store.show(&ann).await.unwrap().unwrap();
    assert_eq!((account.groups.len(), account.credentials.len()), (0, 0));
    assert!(f.login(Said::Certificate { sha256: &[7; 32] }, "web").await.is_none());
}

#[tokio::test]
async fn what_is_kept_is_shown_without_secrets() {
    let f = Fixture::new().await;
    let ann = name("ann");
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann@home";
    let added = f.store.add_ssh_key(&ann, None, key).await.unwrap();
    let secret = f.store.add_app_password(&ann, "phone", vec![name("mail")]).await.unwrap();
    let names: Vec<_> = f.store.list().await.unwrap().into_iter().map(|a| a.name.to_string()).collect();
    assert_eq!(names, ["ann", "bob", "cid"]);
    let account = f.store.show(&ann).await.unwrap().unwrap();
    let [app, ssh] = account.credentials.as_slice() else { panic!("{account:?}") };
    assert_eq!(
        (app.kind, app.label.as_str(), &app.services),
        (CredentialKind::AppPassword, "phone", &vec![name("mail")])
    );
    assert_eq!(
        (ssh.label.as_str(), ssh.content.as_deref(), ssh.sha256),
        ("ann@home", Some(key), added.sha256)
    );
    assert!(account.password && account.scram.is_none() && now() - account.created < 60);
    assert!(!format!("{account:?}").contains(&**secret));
    assert_eq!(f.store.show(&name("dan")).await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let f = Fixture::new().await;
    let (ann, dan) = (name("ann"), name("dan"));
    let no_dan = "there is no account \"dan\"";
    let why = |answer: Result<()>| answer.unwrap_err().to_string();
    assert_eq!(why(f.store.add(new("ann", None)).await), "there is an account \"ann\" already");
    assert!(f.password("ann", "swordfish").await.is_some(), "and it stays as it was");
    assert_eq!(why(f.store.change(&dan, Change::default()).await), no_dan);
    assert_eq!(why(f.store.remove(&dan).await), no_dan);
    assert_eq!(why(f.store.set_password(&dan, None, Scram::Off).await), no_dan);
    assert_eq!(why(f.store.add_certificate(&dan, "x", [1; 32]).await), no_dan);
    let apps = &[CredentialKind::AppPassword];
    assert_eq!(why(f.store.remove_credential(&dan, apps, "x").await), no_dan);
    assert_eq!(
        why(f.store.remove_credential(&ann, apps, "x").await),
        "the account \"ann\" has nothing called \"x\""
    );
    f.store.add_certificate(&ann, "x", [1; 32]).await.unwrap();
    let twice = why(f.store.add_certificate(&ann, "x", [2; 32]).await);
    assert_eq!(twice, "the account \"ann\" has something called \"x\" already");
    for label in ["", "a\nb", &"x".repeat(101)] {
        assert!(why(f.store.add_certificate(&ann, label, [3; 32]).await).contains("a label is"));
    }
    let empty = Some(Vec::new().into());
    assert!(why(f.store.set_password(&ann, empty, Scram::Off).await).contains("1 to 1024 octets"));
    let huge = Change { quota: Some(Some(u64::MAX)), ..Change::default() };
    assert!(why(f.store.change(&ann, huge).await).contains("quota"));
}

#[tokio::test]
async fn one_account_has_a_bounded_number_of_credentials() {
    let f = Fixture::new().await;
    let ann = name("ann");
    for n in 0..=255 {
        f.store.add_certificate(&ann, &n.to_string(), [n; 32]).await.unwrap();
    }
    let more = f.store.add_token(&ann, "more").await.unwrap_err();
    assert!(more.to_string().contains("as many as one may have"));
}

#[tokio::test]
async fn scram_is_kept_where_it_is_switched_on_and_nobody_is_told_apart() {
    let f = Fixture::new().await;
    let from = Origin::new(&Address::Memory, "mail");
    let scram = async |user: &str| f.store.scram(&name(user), &from).await;
    assert!(matches!(scram("ann").await, Err(LoginError::Unsupported)), "nobody has one");

    let password = || Some(b"pencil".to_vec().into());
    f.store.set_password(&name("ann"), password(), Scram::On).await.unwrap();
    let known = scram("ann").await.unwrap();
    assert_eq!((known.iterations, known.salt.len(), known.stored_key.len()), (ITERATIONS, 16, 32));
    assert_eq!(f.store.show(&name("ann")).await.unwrap().unwrap().scram, Some(ITERATIONS));

    for user in ["nobody", "bob"] {
        let (one, two) = (scram(user).await.unwrap(), scram(user).await.unwrap());
        assert_eq!((one.iterations, one.salt.len(), &one.salt), (ITERATIONS, 16, &two.salt), "{user}");
        assert_eq!(one.stored_key, two.stored_key);
        assert_ne!(one.stored_key[..], one.server_key[..]);
    }
    assert_ne!(scram("nobody").await.unwrap().salt, scram("bob").await.unwrap().salt);

    f.store.change(&name("ann"), Change { disabled: Some(true), ..Change::default() }).await.unwrap();
    assert_ne!(scram("ann").await.unwrap().stored_key, known.stored_key, "who is disabled is nobody");
    f.store.change(&name("ann"), Change { disabled: Some(false), ..Change::default() }).await.unwrap();
    assert_eq!(scram("ann").await.unwrap().stored_key, known.stored_key);

    f.store.set_password(&name("ann"), password(), Scram::AsBefore).await.unwrap();
    let renewed = scram("ann").await.unwrap();
    assert_ne!(renewed.salt, known.salt, "a new password has a new salt");
    f.store.set_password(&name("ann"), password(), Scram::Off).await.unwrap();
    assert_eq!(f.store.show(&name("ann")).await.unwrap().unwrap().scram, None);
}

#[tokio::test]
async fn a_name_or_password_that_looks_like_sql_is_only_text() {
    let f = Fixture::new().await;
    let odd = "x';DROP-TABLE-account;--";
    f.store.add(new(odd, Some("' OR 1=1 --"))).await.unwrap();
    assert!(f.password(odd, "' OR 1=1 --").await.is_some());
    assert!(f.password("' OR 1=1 --", "x").await.is_none());
    assert_eq!(f.store.list().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_store_of_the_first_version_is_brought_to_this_one_with_all_that_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = Schema { id: SCHEMA.id, steps: &[include_str!("../../migrations/core/1.sql")] };
    let old = Database::open(dir.path().join(FILE), &first).unwrap();
    let ann = "INSERT INTO account (name, created) VALUES ('ann', 1); \
               INSERT INTO membership (account, team) VALUES ('ann', 'staff')";
    old.write(|db| db.execute_batch(ann)).await.unwrap();
    drop(old);
    let store = Store::open(dir.path(), Arc::default()).unwrap();
    let account = store.show(&name("ann")).await.unwrap().unwrap();
    assert_eq!((account.groups, account.created), (vec![name("staff")], 1));
    assert_eq!(store.bans().await.unwrap(), []);
    let refused = Database::open(dir.path().join(FILE), &first).map(drop).unwrap_err();
    assert!(refused.chain().contains("newer"), "{}", refused.chain());
}

#[test]
fn a_store_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a/data");
    drop(Store::create(&data, Arc::default()).unwrap());
    let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
    assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
    drop(Store::create(&data, Arc::default()).unwrap());
}

#[test]
fn a_folder_that_others_may_write_to_is_refused_and_one_they_may_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(Store::create(&data, Arc::default()).unwrap());
    let (fine, told, refused) = ([0o700, 0o750], [0o755], [0o770, 0o702, 0o777]);
    for mode in fine.into_iter().chain(told).chain(refused) {
        let (opens, is_told) = (!refused.contains(&mode), !fine.contains(&mode));
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(mode)).unwrap();
        let says = format!("mode {mode:04o} is wider than 0750 and the folder holds secrets (chmod 700 ");
        match Store::open(&data, Arc::default()) {
            Ok(store) => {
                let told = store.warning();
                assert!(opens && told.is_some() == is_told, "{mode:o}: {told:?}");
                assert!(told.is_none_or(|told| told.contains(&says)), "{mode:o}");
            }
            Err(error) => assert!(!opens && error.to_string().contains(&says), "{mode:o}: {error}"),
        }
        assert_eq!(Store::create(&data, Arc::default()).is_ok(), opens, "{mode:o}");
    }
}

#[test]
fn a_store_is_not_made_by_asking_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let error = Store::open(dir.path(), Arc::default()).unwrap_err().to_string();
    assert!(error.starts_with("there is no store in"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    std::fs::write(dir.path().join(FILE), "[user.ann]\n").unwrap();
    assert!(Store::open(dir.path(), Arc::default()).is_err());
    assert!(Store::create(dir.path(), Arc::default()).is_err());
    assert_eq!(std::fs::read_to_string(dir.path().join(FILE)).unwrap(), "[user.ann]\n");
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(Store::create(&file, Arc::default()).unwrap_err().to_string().contains("is no folder"));
}

#[tokio::test]
async fn what_another_process_changed_is_seen_at_once_where_that_is_told() {
    let it = Fixture::new().await;
    let gone = || {
        let db = rusqlite::Connection::open(it.dir.path().join("data/core.db")).unwrap();
        db.execute("UPDATE account SET disabled = 1 WHERE name = 'bob'", []).unwrap();
    };
    assert!(it.password("bob", "tuna").await.is_some());
    gone();
    forget();
    assert!(it.password("bob", "tuna").await.is_none());
}

#[tokio::test]
async fn a_password_is_the_same_however_a_keyboard_makes_its_letters() {
    let it = Fixture::new().await;
    it.store.add(NewAccount { scram: true, ..new("dan", Some("gro\u{df}er u\u{308}ber")) }).await.unwrap();
    assert!(it.password("dan", "gro\u{df}er \u{fc}ber").await.is_some());
    assert!(it.password("dan", "gro\u{df}er u\u{308}ber").await.is_some());
    assert!(it.password("dan", "gro\u{df}er uber").await.is_none());
}

#[tokio::test]
async fn a_name_from_before_names_were_prepared_is_found_and_keeps_what_it_had() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::create(dir.path(), Arc::default()).unwrap());
    let db = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    for (name, created) in [("u\u{308}ber", 1), ("bo\u{308}b", 2), ("b\u{f6}b", 3), ("zoe", 4)] {
        let sql = "INSERT INTO account (name, created) VALUES (?1, ?2)";
        db.execute(sql, rusqlite::params![name, created]).unwrap();
        let sql = "INSERT INTO membership VALUES (?1, ?2), (?1, 'staff')";
        db.execute(sql, [name, "gro\u{308}up"]).unwrap();
        let sql = "INSERT INTO credential (kind, hash, account, label, created) VALUES ('app', randomblob(32), ?1, 'phone', 0)";
        db.execute(sql, [name]).unwrap();
    }
    drop(db);
    let store = Store::open(dir.path(), Arc::default()).unwrap();
    let found = store.show(&name("\u{fc}ber")).await.unwrap().unwrap();
    assert_eq!(found.created, 1);
    assert_eq!(found.profile.home.as_deref(), Some("u\u{308}ber"), "where the files are");
    assert_eq!(found.groups, [name("gr\u{f6}up"), name("staff")]);
    // Which of two is meant is not for us to say.
    assert_eq!(store.show(&name("b\u{f6}b")).await.unwrap().unwrap().created, 3);
    let zoe = store.show(&name("zoe")).await.unwrap().unwrap();
    assert_eq!((zoe.created, zoe.profile.home), (4, None));
    let db = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    let kept: i64 = db.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 4);
    let sql = "SELECT count(*) FROM credential WHERE account = ?1";
    let keys: i64 = db.query_row(sql, ["\u{fc}ber"], |row| row.get(0)).unwrap();
    assert_eq!(keys, 1);
}
