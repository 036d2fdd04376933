use std::fmt::Write as _;

use ropewalk_core::data::cred::{LoginError, Memory as People, Principal, Realm};
use ropewalk_core::data::files::layers::{Mounts, Ops, Permissions, Rule};

use ropewalk_core::data::files::{
    Caps, DirStream, FileHandle, FsError, ListOptions, Meta, Place, PropName, Reach,
};

use super::*;
use crate::{Auth, Logins, Pattern, Site};

pub(super) const LOCK: &str = "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope>\
                    <D:locktype><D:write/></D:locktype><D:owner>ann &amp; co</D:owner></D:lockinfo>";
const SHARED: &str = "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:shared/></D:lockscope>\
                      <D:locktype><D:write/></D:locktype></D:lockinfo>";

fn token(answer: &str) -> &str {
    field(answer, "lock-token").unwrap_or_else(|| panic!("no token in {answer}"))
}

#[tokio::test]
async fn a_lock_keeps_others_out_and_is_discovered() {
    let files = tree();
    let locked = ask(&files, "LOCK", "/a", "Timeout: Second-100\r\n", LOCK).await;
    assert_eq!(status(&locked), "200");
    let token = token(&locked);
    assert!(locked.contains("<owner xmlns=\"DAV:\">ann &amp; co</owner>"), "{locked}");
    assert!(
        locked.contains("<D:timeout>Second-99</D:timeout>") || locked.contains("Second-100<"),
        "{locked}"
    );
    let found = ask(&files, "PROPFIND", "/", "Depth: 1\r\n", "").await;
    assert!(
        found.contains(token.trim_matches(['<', '>'])) && found.contains("<D:lockroot><D:href>/a</D:href>"),
        "{found}"
    );
    for (method, fields) in [
        ("PUT", ""),
        ("DELETE", ""),
        ("MOVE", "Destination: /b\r\n"),
        ("PUT", "If: (Not <urn:uuid:other>)\r\n"),
    ] {
        assert_eq!(code(&files, method, "/a", fields).await, 423, "{method}");
    }
    assert_eq!(code(&files, "COPY", "/dir/b", "Destination: /a\r\n").await, 423);
    assert_eq!(code(&files, "COPY", "/a", "Destination: /free\r\n").await, 201, "to read is not to write");
    let again = ask(&files, "LOCK", "/a", "", SHARED).await;
    assert_eq!(status(&again), "423");
    assert!(again.contains("<D:no-conflicting-lock><D:href>/a</D:href>"), "{again}");
    assert_eq!(code(&files, "PUT", "/a", &format!("If: ({token})\r\n")).await, 204);
    assert_eq!(code(&files, "PUT", "/free", &format!("If: </a> ({token})\r\n")).await, 204);
    assert_eq!(code(&files, "PUT", "/free", &format!("If: ({token})\r\n")).await, 412);
    assert_eq!(code(&files, "UNLOCK", "/free", &format!("Lock-Token: {token}\r\n")).await, 409);
    assert_eq!(code(&files, "UNLOCK", "/a", &format!("Lock-Token: {token}\r\n")).await, 204);
    assert_eq!(code(&files, "PUT", "/a", "").await, 204);
}

/// Sends this with its content held back, locks `/a` or `/dir`, and sends the content.
async fn locked_meanwhile(files: &Tree, method: &str, target: &str, fields: &str, content: &str) -> String {
    let mut peer = Peer::of(http(files));
    let length = content.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n");
    peer.send(format!("{head}Expect: 100-continue\r\n{fields}\r\n")).await;
    assert!(peer.until("\r\n\r\n").await.starts_with("HTTP/1.1 100"));
    let (first, rest) = content.split_at(length - 12);
    peer.send(first).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let lock = if target == "/a" { "/a" } else { "/dir" };
    assert_eq!(status(&ask(files, "LOCK", lock, "", LOCK).await), "200");
    peer.send(rest).await;
    peer.io.shutdown().await.unwrap();
    peer.rest().await
}

#[tokio::test]
async fn a_lock_that_is_made_while_content_comes_holds() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"new\"\r\n\r\nx\r\n--b--\r\n";
    for (method, target, fields, content) in [
        ("PUT", "/a", "", "a new content"),
        ("PATCH", "/a", "X-Update-Range: append\r\n", " and the rest"),
        ("PATCH", "/a", "X-Update-Range: bytes=1-\r\n", " and the rest"),
        ("POST", "/dir/", "Content-Type: multipart/form-data; boundary=b\r\n", form),
    ] {
        let files = tree();
        assert_eq!(
            status(&locked_meanwhile(&files, method, target, fields, content).await),
            "423",
            "{method}"
        );
        assert_eq!(kept(&files, "/a").await.unwrap(), "old", "{method}");
        assert_eq!(kept(&files, "/dir/new").await, None);
    }
}

#[tokio::test]
async fn what_is_not_there_is_locked_by_making_it() {
    let files = tree();
    let locked = ask(&files, "LOCK", "/new", "Depth: 0\r\n", LOCK).await;
    assert_eq!(status(&locked), "201");
    assert_eq!(kept(&files, "/new").await.unwrap(), "");
    assert_eq!(code(&files, "PUT", "/new", "").await, 423);
    assert_eq!(code(&files, "PUT", "/new", &format!("If: ({})\r\n", token(&locked))).await, 204);
    assert_eq!(status(&ask(&files, "LOCK", "/none/new", "", LOCK).await), "409");
    assert_eq!(status(&ask(&files, "LOCK", "/a/new", "", LOCK).await), "409");
    assert_eq!(status(&ask(&files, "LOCK", "/a", "Depth: 1\r\n", LOCK).await), "400");
    assert_eq!(status(&ask(&files, "LOCK", "/a", "", "<a/>").await), "400");
}

#[tokio::test]
async fn a_locked_collection_keeps_its_members() {
    let files = tree();
    let deep = ask(&files, "LOCK", "/dir", "Depth: infinity\r\n", LOCK).await;
    for (method, target) in [
        ("PUT", "/dir/b"),
        ("PUT", "/dir/new"),
        ("DELETE", "/dir/sub/c"),
        ("MKCOL", "/dir/x"),
        ("DELETE", "/dir"),
    ] {
        assert_eq!(code(&files, method, target, "").await, 423, "{method} {target}");
    }
    assert_eq!(status(&ask(&files, "LOCK", "/dir/b", "", LOCK).await), "423");
    let found = ask(&files, "PROPFIND", "/dir/b", "Depth: 0\r\n", "").await;
    assert!(found.contains("<D:lockroot><D:href>/dir/</D:href>"), "{found}");
    let unlock = format!("Lock-Token: {}\r\n", token(&deep));
    assert_eq!(code(&files, "UNLOCK", "/dir/b", &unlock).await, 204);
    let flat = ask(&files, "LOCK", "/dir", "Depth: 0\r\n", LOCK).await;
    assert_eq!(code(&files, "PUT", "/dir/b", "").await, 204, "what is in a file is its own");
    assert_eq!(code(&files, "PUT", "/dir/new", "").await, 423, "a new name is of the directory");
    assert_eq!(code(&files, "PUT", "/dir/new", &format!("If: </dir> ({})\r\n", token(&flat))).await, 201);
}

#[tokio::test]
async fn what_is_locked_inside_is_told_by_name() {
    let files = tree();
    let locked = ask(&files, "LOCK", "/dir/sub/c", "", LOCK).await;
    for (method, fields) in [("DELETE", ""), ("MOVE", "Destination: /z\r\n")] {
        let said = ask(&files, method, "/dir", fields, "").await;
        assert_eq!(status(&said), "207", "{method}");
        assert!(said.contains("<D:href>/dir/sub/c</D:href><D:status>HTTP/1.1 423 Locked"), "{said}");
    }
    assert_eq!(kept(&files, "/dir/b").await.unwrap(), "b", "nothing has gone");
    let said = ask(&files, "LOCK", "/dir", "", LOCK).await;
    assert!(status(&said) == "207" && said.contains("424 Failed Dependency"), "{said}");
    let tagged = format!("If: </dir/sub/c> ({})\r\n", token(&locked));
    assert_eq!(code(&files, "DELETE", "/dir", &tagged).await, 204);
    assert_eq!(code(&files, "MKCOL", "/dir", "").await, 201);
    assert_eq!(code(&files, "PUT", "/dir/sub", "").await, 201, "the lock has gone with the file");
}

#[tokio::test]
async fn a_lock_is_refreshed_by_its_token_alone() {
    let files = tree();
    let locked = ask(&files, "LOCK", "/a", "Timeout: Second-10\r\n", LOCK).await;
    let fields = format!("If: ({})\r\nTimeout: Infinite\r\n", token(&locked));
    let said = ask(&files, "LOCK", "/a", &fields, "").await;
    assert_eq!(status(&said), "200");
    assert!(said.contains("<D:timeout>Second-3599<") || said.contains("<D:timeout>Second-3600<"), "{said}");
    assert_eq!(code(&files, "LOCK", "/a", "").await, 400);
    assert_eq!(code(&files, "LOCK", "/a", "If: (<urn:uuid:other>)\r\n").await, 412);
}

#[tokio::test]
async fn shared_locks_are_beside_each_other() {
    let files = tree();
    let one = ask(&files, "LOCK", "/a", "", SHARED).await;
    let two = ask(&files, "LOCK", "/a", "", SHARED).await;
    assert_eq!((status(&one), status(&two)), ("200", "200"));
    assert_ne!(token(&one), token(&two));
    assert_eq!(status(&ask(&files, "LOCK", "/a", "", LOCK).await), "423");
    assert_eq!(code(&files, "PUT", "/a", "").await, 423);
    assert_eq!(code(&files, "PUT", "/a", &format!("If: ({})\r\n", token(&two))).await, 204);
}

/// A tree for two people who log in.
fn for_two(files: &Tree) -> Http {
    let people = ["ann:a", "bob:b"]
        .iter()
        .fold(People::new().unwrap(), |people, who| people.user(who.parse().unwrap()));
    let logins = Arc::new(Logins::new(Arc::new(people), "test"));
    let site = Site::new(Static::new(files.clone()).writable().dav());
    Http::new(site.auth(Auth::new(logins, [Pattern::every()]).without_tls()))
}

const ANN: &str = "Authorization: Basic YW5uOmE=\r\n";
const BOB: &str = "Authorization: Basic Ym9iOmI=\r\n";

#[tokio::test]
async fn a_lock_is_of_whom_made_it_alone() {
    let files = tree();
    let locked = say(for_two(&files), request("LOCK", "/a", ANN, LOCK)).await;
    assert_eq!(status(&locked), "200");
    let token = token(&locked);
    let put = |who: &str| request("PUT", "/a", &format!("{who}If: ({token})\r\n"), "1");
    assert_eq!(status(&say(for_two(&files), put(BOB)).await), "423");
    let unlock = |who: &str| request("UNLOCK", "/a", &format!("{who}Lock-Token: {token}\r\n"), "");
    assert_eq!(status(&say(for_two(&files), unlock(BOB)).await), "403");
    assert_eq!(status(&say(for_two(&files), put(ANN)).await), "204");
    assert_eq!(status(&say(for_two(&files), unlock(ANN)).await), "204");
}

/// The same tree for everybody, each at a place of their own.
struct Own(Tree);

#[async_trait::async_trait]
impl Realm<dyn Files> for Own {
    async fn avatar(&self, who: &Principal) -> Result<Arc<dyn Files>, LoginError> {
        match who.name().as_str() {
            "carl" => Err(LoginError::Refused),
            // Whoever has only the right to look.
            "dora" => {
                let rule = Rule { path: "/**".parse().unwrap(), allow: Ops::LIST | Ops::READ };
                Ok(Arc::new(Permissions::new(self.0.clone(), [rule])))
            }
            name => {
                let files: Arc<dyn Files> = self.0.clone();
                Ok(Arc::new(Mounts::new(None, [(path(&format!("/of-{name}")), files)])))
            }
        }
    }
}

fn each_their_own(files: &Tree) -> Http {
    let people = ["ann:a", "bob:b", "carl:c", "dora:d"].iter();
    let people = people.fold(People::new().unwrap(), |people, who| people.user(who.parse().unwrap()));
    let logins = Arc::new(Logins::new(Arc::new(people), "test"));
    let everybody = Arc::new(Mounts::new(None, []));
    let site = Site::new(Static::new(everybody).people(Arc::new(Own(files.clone()))).writable().dav());
    Http::new(site.auth(Auth::new(logins, [Pattern::every()]).without_tls()))
}

#[tokio::test]
async fn one_lock_holds_for_two_people_with_two_mounts() {
    let files = tree();
    let ask = async |method: &str, target: &str, fields: &str, body: &str| {
        say(each_their_own(&files), request(method, target, fields, body)).await
    };
    let locked = ask("LOCK", "/of-ann/a", ANN, LOCK).await;
    assert_eq!(status(&locked), "200", "{locked}");
    let put = ask("PUT", "/of-bob/a", BOB, "bob's").await;
    assert_eq!(status(&put), "423");
    assert!(put.contains("<D:href>/of-bob/a</D:href>"), "{put}");
    let found = ask("PROPFIND", "/of-bob/", &format!("{BOB}Depth: 1\r\n"), "").await;
    assert!(found.contains("<D:lockroot><D:href>/of-bob/a</D:href>"), "{found}");
    let fields = format!("{ANN}If: ({})\r\n", token(&locked));
    assert_eq!(status(&ask("PUT", "/of-ann/a", &fields, "ann's").await), "204");
    assert_eq!(kept(&files, "/a").await.unwrap(), "ann's");
    assert_eq!(status(&ask("GET", "/of-bob/a", ANN, "").await), "404", "each sees their own");
    let carl = "Authorization: Basic Y2FybDpj\r\n";
    assert_eq!(status(&ask("GET", "/of-ann/a", carl, "").await), "403");
}

#[tokio::test]
async fn who_may_only_read_can_neither_lock_nor_give_properties() {
    let files = tree();
    let dora = "Authorization: Basic ZG9yYTpk\r\n";
    let set = "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><p>1</p></D:prop></D:set></D:propertyupdate>";
    for (method, target, fields, body) in [
        ("LOCK", "/a", "", LOCK),
        ("LOCK", "/dir", "", LOCK),
        ("LOCK", "/new", "", LOCK),
        ("PROPPATCH", "/a", "", set),
        ("PUT", "/a", "", "x"),
        ("DELETE", "/a", "", ""),
        ("MKCOL", "/new", "", ""),
        ("COPY", "/a", "Destination: /new\r\n", ""),
        ("MOVE", "/a", "Destination: /new\r\n", ""),
        ("PATCH", "/a", "X-Update-Range: append\r\n", "x"),
    ] {
        let request = request(method, target, &format!("{dora}{fields}"), body);
        assert_eq!(status(&say(each_their_own(&files), request).await), "403", "{method} {target}");
    }
    let found = ask(&files, "PROPFIND", "/", "Depth: 1\r\n", "").await;
    assert!(!found.contains("activelock") && !found.contains("/new"), "{found}");
    let read = say(each_their_own(&files), request("GET", "/a", dora, "")).await;
    assert_eq!((status(&read), content(&read)), ("200", "old"));
}

#[tokio::test]
async fn locks_are_not_without_end() {
    let files = tree();
    let mut requests = String::new();
    for number in 0..1001 {
        let _ = write!(requests, "{}", request("LOCK", &format!("/{number}"), "", LOCK));
    }
    let mut peer = Peer::of(http(&files));
    let mut last = String::new();
    for request in requests.split_inclusive("</D:lockinfo>") {
        peer.send(request).await;
        let head = peer.until("\r\n\r\n").await;
        let length: usize = field(&head, "content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        tokio::io::AsyncReadExt::read_exact(&mut peer.io, &mut body).await.unwrap();
        last = head;
    }
    assert_eq!(status(&last), "507");
    assert_eq!(kept(&files, "/999").await.unwrap(), "");
    assert_eq!(kept(&files, "/1000").await, None, "what could not be locked was not made");
}

/// A tree whose folder may only be read is held up by nobody, though another tree over the same folder may be written.
#[tokio::test]
async fn what_may_not_be_written_is_not_locked_and_has_no_properties_set() {
    struct ReadOnly(Tree);

    #[async_trait::async_trait]
    impl Files for ReadOnly {
        fn caps(&self) -> Caps {
            Caps::RANDOM_READ | Caps::REAL_DIRS
        }
        async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta, FsError> {
            self.0.stat(path, follow).await
        }
        async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
            self.0.list(path, options).await
        }
        async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>, FsError> {
            if how.write.is_some() { Err(FsError::Unsupported) } else { self.0.open(path, how).await }
        }
        fn place(&self, path: &VPath) -> Option<Place> {
            self.0.place(path)
        }
        fn rights(&self, _: &VPath, _: Reach) -> Ops {
            Ops::of(self.caps())
        }
    }

    let files = tree();
    let mounts: [(VPath, Arc<dyn Files>); 2] =
        [(path("/ro"), Arc::new(ReadOnly(files.clone()))), (path("/rw"), Arc::new(files.clone()))];
    let both = Arc::new(Mounts::new(None, mounts));
    let ask = async |method: &str, target: &str, body: &str| {
        say(
            Http::new(Static::new(both.clone()).writable().dav()),
            request(method, target, "Depth: 0\r\n", body),
        )
        .await
    };
    let patch = "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><x xmlns='urn:x'>1</x></D:prop></D:set></D:propertyupdate>";
    for at in ["/ro/a", "/ro/new", "/ro/dir/", "/ro/"] {
        assert_eq!(status(&ask("LOCK", at, LOCK).await), "403", "{at}");
        let options = ask("OPTIONS", at, "").await;
        assert_eq!(field(&options, "allow"), Some("GET, HEAD, OPTIONS, PROPFIND, COPY"), "{at}");
        assert_eq!(field(&options, "dav"), Some("1, 3"), "{at}");
        if at != "/ro/new" {
            assert_eq!(status(&ask("PROPPATCH", at, patch).await), "403", "{at}");
            let found = ask("PROPFIND", at, "").await;
            assert!(found.contains("<D:supportedlock></D:supportedlock>"), "{found}");
        }
    }
    for at in ["/rw/a", "/rw/new", "/rw/dir/b"] {
        let options = ask("OPTIONS", at, "").await;
        assert!(field(&options, "allow").unwrap().ends_with("COPY, MOVE, LOCK, UNLOCK"), "{options}");
        assert_eq!(field(&options, "dav"), Some("1, 2, 3, sabredav-partialupdate"), "{at}");
        let put = ask("PUT", at, "x").await;
        assert!(["201", "204"].contains(&status(&put)), "nothing is in the way of {at}: {put}");
        assert!(!ask("PROPFIND", at, "").await.contains("urn:x"), "{at}");
    }
}

#[tokio::test]
async fn a_lock_of_all_that_is_below_is_for_who_may_write_all_of_it() {
    let real = tree();
    let rule = |at: &str, allow| Rule { path: at.parse().unwrap(), allow };
    let look = Ops::LIST | Ops::READ;
    for (rules, depth, expected) in [
        (vec![rule("/**", Ops::ALL)], "infinity", "200"),
        (vec![rule("/dir/sub/**", look), rule("/**", Ops::ALL)], "infinity", "403"),
        (vec![rule("/dir/sub/**", look), rule("/**", Ops::ALL)], "0", "200"),
        (vec![rule("/**", look | Ops::SET)], "infinity", "403"),
    ] {
        let ruled = Permissions::new(real.clone(), rules);
        let http = Http::new(Static::new(Arc::new(ruled)).writable().dav());
        let said = say(http, request("LOCK", "/dir", &format!("Depth: {depth}\r\n"), LOCK)).await;
        assert_eq!(status(&said), expected, "{depth}");
        if let Some(token) = field(&said, "lock-token") {
            let unlock = format!("Lock-Token: {token}\r\n");
            assert_eq!(code(&real, "UNLOCK", "/dir", &unlock).await, 204);
        }
    }
}

/// Gives what is there a property of this value.
async fn mark(files: &impl Files, at: &str, value: &'static str) {
    let place = files.place(&path(at)).unwrap();
    let name = PropName { namespace: "urn:x".into(), local: "p".into() };
    let value = format!("<p xmlns=\"urn:x\">{value}</p>").into();
    place.marks.props().change(&place.path, &[(name, Some(value))]).await.unwrap();
}

#[tokio::test]
async fn what_needs_a_login_is_told_to_those_who_show_it_alone() {
    let files = marked(Memory::new().with("/seen", "").with("/private/doc", "").with("/secret.key", ""));
    for at in ["/seen", "/private", "/secret.key"] {
        mark(&files, at, "glad").await;
    }
    let people = People::new().unwrap().user("ann:a".parse().unwrap());
    let logins = Arc::new(Logins::new(Arc::new(people), "test"));
    let paths: [Pattern; 2] = ["/private/*", "/secret.key"].map(|path| path.parse().unwrap());
    let site = || {
        let site = Site::new(Static::new(files.clone()).writable().dav());
        Http::new(site.auth(Auth::new(Arc::clone(&logins), paths.clone()).without_tls()))
    };
    let wrong = "Authorization: Basic YW5uOng=\r\n";
    for (who, all) in [("", false), (wrong, false), (ANN, true)] {
        let found = say(site(), request("PROPFIND", "/", &format!("{who}Depth: 1\r\n"), "")).await;
        assert_eq!(status(&found), "207");
        assert_eq!(found.matches("glad").count(), if all { 3 } else { 1 }, "{who}{found}");
        let listed = say(site(), request("GET", "/", &format!("{who}Accept: text/html\r\n"), "")).await;
        for told in [&found, &listed] {
            assert!(told.contains("seen"), "{told}");
            assert!(told.contains("private") == all && told.contains("secret.key") == all, "{who}{told}");
        }
    }
}

#[tokio::test]
async fn properties_are_for_those_who_may_read_what_they_are_of() {
    let files = tree();
    mark(&files, "/a", "glad").await;
    for (allow, seen) in [(Ops::LIST, false), (Ops::LIST | Ops::READ, true)] {
        let ruled = Permissions::new(files.clone(), [Rule { path: "/**".parse().unwrap(), allow }]);
        let http = Http::new(Static::new(Arc::new(ruled)).writable().dav());
        let found = say(http, request("PROPFIND", "/", "Depth: 1\r\n", "")).await;
        assert!(found.contains("<D:href>/a</D:href>"), "{found}");
        assert_eq!(found.contains("glad"), seen, "{found}");
    }
}

#[tokio::test]
async fn who_holds_a_lock_is_told_to_those_who_say_who_they_are() {
    let files = tree();
    let locked = say(for_two(&files), request("LOCK", "/a", ANN, LOCK)).await;
    assert_eq!(status(&locked), "200");
    for method in ["PUT", "LOCK"] {
        let refused = say(for_two(&files), request(method, "/a", BOB, LOCK)).await;
        assert!(status(&refused) == "423" && refused.contains("It is locked by ann, for "), "{refused}");
        let refused = ask(&files, method, "/a", "", LOCK).await;
        assert!(refused.contains("It is locked by somebody, for "), "{refused}");
        assert!(!refused.contains("ann, for"), "{refused}");
    }
}
