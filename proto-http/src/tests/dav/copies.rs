use ropewalk_core::data::files::layers::{Dots, Hide, Mounts, Ops, Permissions, Rule};
use ropewalk_core::data::files::{
    Caps, DirStream, FileHandle, FsError, ListOptions, Meta, Over, Place, Reach, Remove, SetMeta,
};

use super::*;

/// What is at a path of a tree, as a tree.
struct Within(Tree, VPath);

impl Within {
    fn at(&self, path: &VPath) -> VPath {
        path.under(&self.1).unwrap()
    }
}

#[async_trait::async_trait]
impl Files for Within {
    fn caps(&self) -> Caps {
        self.0.caps()
    }
    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta, FsError> {
        self.0.stat(&self.at(path), follow).await
    }
    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        self.0.list(&self.at(path), options).await
    }
    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        self.0.open(&self.at(path), how).await
    }
    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<(), FsError> {
        self.0.mkdir(&self.at(path), mode).await
    }
    async fn remove(&self, path: &VPath, what: Remove) -> Result<(), FsError> {
        self.0.remove(&self.at(path), what).await
    }
    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<(), FsError> {
        self.0.rename(&self.at(from), &self.at(to), over).await
    }
    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<(), FsError> {
        self.0.set(&self.at(path), facts, follow).await
    }
    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }
    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

async fn code_of(files: &Arc<dyn Files>, method: &str, from: &str, to: &str) -> u16 {
    let http = Http::new(Static::new(files.clone()).writable().dav());
    let said = say(http, request(method, from, &format!("Destination: {to}\r\n"), "")).await;
    status(&said).parse().unwrap()
}

/// Every path of a tree, in order.
async fn all(files: &Tree) -> Vec<String> {
    let (mut found, mut todo) = (Vec::new(), vec![VPath::ROOT]);
    while let Some(dir) = todo.pop() {
        let mut stream = files.list(&dir, ListOptions::default()).await.unwrap();
        for entry in stream.next_batch(1000).await.unwrap() {
            let path = dir.join(&entry.name).unwrap();
            found.push(path.to_string());
            if entry.meta.kind == ropewalk_core::data::files::Kind::Dir {
                todo.push(path);
            }
        }
    }
    found.sort();
    found
}

/// By whatever mounts: no copy finds what it has made, and none removes what it is of.
#[tokio::test]
async fn nothing_is_copied_into_itself_or_over_what_it_is_in() {
    let real =
        marked(Memory::new().with("/b/c/d/file", "1").with("/b/other", "2").with("/small/x/file", "3"));
    let within = |at: &str| Arc::new(Within(real.clone(), path(at))) as Arc<dyn Files>;
    let mounts: [(VPath, Arc<dyn Files>); 6] = [
        (path("/way/m/a"), within("/small")),
        (path("/small"), within("/small")),
        (path("/real"), real.clone()),
        (path("/deep"), within("/b/c")),
        (path("/top"), within("/b")),
        (path("/top/back"), within("/small")),
    ];
    let files: Arc<dyn Files> = Arc::new(Mounts::new(None, mounts));
    let before = all(&real).await;
    for (from, to) in [
        // Into a mount of what is only on the way to another.
        ("/way", "/small/new"),
        ("/way/m", "/small/x/new"),
        ("/way/m", "/real/small/new"),
        // Into what is mounted deep inside.
        ("/real/b", "/deep/new"),
        ("/real/b", "/deep/d/new"),
        ("/top", "/small/new"),
        ("/top", "/small/x"),
        // Over what it is in.
        ("/deep/d", "/real/b"),
        ("/deep/d/file", "/real/b"),
        ("/deep/d", "/real/b/c"),
    ] {
        for method in ["COPY", "MOVE"] {
            let code = code_of(&files, method, from, to).await;
            // What is mounted cannot be moved at all.
            assert!(code == 403 || method == "MOVE" && code == 409, "{method} {from} {to}: {code}");
            assert_eq!(all(&real).await, before, "{method} {from} {to}");
        }
    }
    assert_eq!(code_of(&files, "COPY", "/deep/d", "/small/x").await, 204);
    assert_eq!(code_of(&files, "MOVE", "/small/x", "/top/new").await, 201);
    assert_eq!(
        all(&real).await,
        ["/b", "/b/c", "/b/c/d", "/b/c/d/file", "/b/new", "/b/new/file", "/b/other", "/small"]
    );
}

/// What may not be copied whole, or not be moved, takes nobody's place.
#[tokio::test]
async fn what_fails_leaves_what_it_was_to_replace() {
    let look = Ops::LIST | Ops::READ;
    for (name, rules) in [
        ("not all can be read", vec![("/dir/sub/**", Ops::LIST), ("/**", Ops::ALL)]),
        ("it may not be renamed", vec![("/dir/**", look), ("/**", Ops::ALL)]),
        ("nothing may be made", vec![("/target/**", Ops::ALL - Ops::MKDIR - Ops::CREATE), ("/**", Ops::ALL)]),
    ] {
        let real = marked(
            Memory::new()
                .with("/dir/b", "b")
                .with("/dir/sub/c", "c")
                .with("/target/old", "old")
                .with("/file", "f"),
        );
        let before = all(&real).await;
        let rules: Vec<_> =
            rules.iter().map(|(at, allow)| Rule { path: at.parse().unwrap(), allow: *allow }).collect();
        let ruled: Arc<dyn Files> = Arc::new(Permissions::new(real.clone(), rules.clone()));
        let one = Arc::new(Permissions::new(real.clone(), rules.clone()));
        let other = Arc::new(Permissions::new(real.clone(), rules));
        let mounts: [(VPath, Arc<dyn Files>); 2] = [(path("/one"), one), (path("/other"), other)];
        let two: Arc<dyn Files> = Arc::new(Mounts::new(None, mounts));
        for (files, from, to) in
            [(&ruled, "/dir", "/target"), (&ruled, "/dir", "/file"), (&two, "/one/dir", "/other/target")]
        {
            for method in ["COPY", "MOVE"] {
                if method == "COPY" && name == "it may not be renamed"
                    || name == "nothing may be made" && to == "/file"
                {
                    continue;
                }
                let code = code_of(files, method, from, to).await;
                assert!([207, 403].contains(&code), "{name}: {method} {from} {to}: {code}");
                assert_eq!(all(&real).await, before, "{name}: {method} {from} {to}");
            }
        }
    }
}

/// A move from one mount to another removes what it has copied, and nothing else.
#[tokio::test]
async fn what_is_not_shown_is_not_lost_when_what_it_is_in_is_moved_to_another_mount() {
    let real = marked(
        Memory::new()
            .with("/dir/.git/head", "ref")
            .with("/dir/sub/.env", "hidden")
            .with("/dir/sub/seen", "seen")
            .with("/dir/other/seen", "seen")
            .with_link("/dir/link", "sub")
            .with_dir("/to"),
    );
    let hidden = |tree: Within| Arc::new(Hide::new(tree, Dots::Hide)) as Arc<dyn Files>;
    let mounts = [
        (path("/from"), hidden(Within(real.clone(), VPath::ROOT))),
        (path("/to"), hidden(Within(real.clone(), path("/to")))),
    ];
    let files: Arc<dyn Files> = Arc::new(Mounts::new(None, mounts));
    assert_eq!(code_of(&files, "MOVE", "/from/dir", "/to/dir").await, 207);
    assert_eq!(
        all(&real).await,
        [
            "/dir",
            "/dir/.git",
            "/dir/.git/head",
            "/dir/link",
            "/dir/sub",
            "/dir/sub/.env",
            "/to",
            "/to/dir",
            "/to/dir/other",
            "/to/dir/other/seen",
            "/to/dir/sub",
            "/to/dir/sub/seen"
        ]
    );
    assert_eq!(code_of(&files, "MOVE", "/to/dir", "/from/new").await, 201);
    assert!(!all(&real).await.contains(&"/to/dir".to_owned()));
}

/// A tree in which no file called `stuck` is ever copied.
struct Stuck(Within);

#[async_trait::async_trait]
impl Files for Stuck {
    fn caps(&self) -> Caps {
        self.0.caps()
    }
    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta, FsError> {
        self.0.stat(path, follow).await
    }
    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        self.0.list(path, options).await
    }
    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        if path.file_name().is_some_and(|name| name.as_bytes() == b"stuck") {
            std::future::pending::<()>().await;
        }
        self.0.open(path, how).await
    }
    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<(), FsError> {
        self.0.mkdir(path, mode).await
    }
    async fn remove(&self, path: &VPath, what: Remove) -> Result<(), FsError> {
        self.0.remove(path, what).await
    }
    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<(), FsError> {
        self.0.rename(from, to, over).await
    }
    fn rights(&self, path: &VPath, reach: Reach) -> Ops {
        self.0.rights(path, reach)
    }
    fn place(&self, path: &VPath) -> Option<Place> {
        self.0.place(path)
    }
}

#[tokio::test]
async fn what_was_to_be_replaced_has_its_place_again_when_the_request_is_cut() {
    let real =
        marked(Memory::new().with("/dir/stuck", "b").with("/dir/sub/c", "c").with("/target/old", "old"));
    let before = all(&real).await;
    let files: Arc<dyn Files> = Arc::new(Stuck(Within(real.clone(), VPath::ROOT)));
    let mut peer = Peer::of(Http::new(Static::new(files).writable().dav()));
    peer.send(request("COPY", "/dir", "Destination: /target\r\n", "")).await;
    while !all(&real).await.iter().any(|path| path.starts_with("/target.replaced-")) {
        tokio::task::yield_now().await;
    }
    // As when the connection is cut.
    drop(peer);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(all(&real).await, before);
}
