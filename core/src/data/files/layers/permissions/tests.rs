use proptest::prelude::*;

use super::*;
use crate::data::files::suite::{files_suite, memory};
use crate::data::files::{DotDot, Memory};

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

fn rule(path: &str, allow: Ops) -> Rule {
    Rule { path: path.parse().unwrap(), allow }
}

fn tree(rules: &[(&str, Ops)]) -> Permissions<Memory> {
    let memory = Memory::new()
        .with("/pub/file", "public")
        .with("/pub/drop/old", "old")
        .with("/ann/private", "ann's")
        .with("/bob/private", "bob's")
        .with("/log/today", "one ")
        .with("/secret", "secret");
    let rules: Vec<_> = rules.iter().map(|(path, allow)| rule(path, *allow)).collect();
    Permissions::new(memory, rules)
}

fn text<T>(result: Result<T>) -> &'static str {
    result.err().map_or("done", |error| error.text())
}

const DENIED: &str = "permission denied";
const MISSING: &str = "no such file or directory";
const LOOK: Ops = Ops(Ops::LIST.0 | Ops::READ.0);

async fn names(files: &impl Files, at: &str) -> Vec<String> {
    let mut stream = files.list(&path(at), ListOptions::default()).await.unwrap();
    let mut names = Vec::new();
    loop {
        let batch = stream.next_batch(1).await.unwrap();
        if batch.is_empty() {
            return names;
        }
        names.extend(batch.iter().map(|entry| entry.name.to_string()));
    }
}

async fn write(files: &impl Files, at: &str, how: Write, append: bool) -> Result<Meta> {
    let mut open = Open::write(how);
    open.append = append;
    let file = files.open(&path(at), &open).await?;
    file.write_at(0, Bytes::from_static(b"new")).await?;
    file.commit().await
}

#[tokio::test]
async fn a_tree_where_all_is_allowed_is_that_tree() {
    files_suite(|seeds| Box::new(Permissions::new(memory(seeds), [rule("/**", Ops::ALL)]))).await;
}

#[tokio::test]
async fn what_no_rule_allows_is_not_seen() {
    let files = tree(&[("/pub/**", LOOK), ("/ann/**", Ops::ALL)]);
    assert_eq!(names(&files, "/").await, ["ann", "pub"]);
    assert_eq!(names(&files, "/pub").await, ["drop", "file"]);
    for at in ["/bob", "/bob/private", "/secret", "/nothing"] {
        assert_eq!(text(files.stat(&path(at), true).await), MISSING, "{at}");
        assert_eq!(text(files.open(&path(at), &Open::read()).await), MISSING, "{at}");
        assert!(matches!(files.open_now(&path(at), &Open::read()), Some(Err(FsError::NotFound))), "{at}");
        assert_eq!(text(write(&files, at, Write::Replace, false).await), MISSING, "{at}");
        assert_eq!(text(files.remove(&path(at), Remove::Tree).await), MISSING, "{at}");
    }
}

#[tokio::test]
async fn each_operation_needs_its_own_permission() {
    let words = Ops::NAMES.map(|(_, op)| op);
    for one in words {
        let files = tree(&[("/pub/**", one), ("/**", LOOK)]);
        let may = |ops: Ops| if one.has(ops) { "done" } else { DENIED };
        let (file, new) = (path("/pub/file"), path("/pub/new"));
        assert_eq!(text(files.list(&path("/pub"), ListOptions::default()).await), may(Ops::LIST));
        assert_eq!(text(files.open(&file, &Open::read()).await), may(Ops::READ));
        assert_eq!(text(files.mkdir(&path("/pub/dir"), None).await), may(Ops::MKDIR));
        let time = SetMeta { mode: Some(0o600), ..SetMeta::default() };
        assert_eq!(text(files.set(&file, time, true).await), may(Ops::SET));
        let length = SetMeta { len: Some(3), ..SetMeta::default() };
        assert_eq!(text(files.set(&file, length, true).await), may(Ops::OVERWRITE));
        assert_eq!(text(files.symlink(&path("/pub/link"), b"file").await), may(Ops::LINK));
        assert_eq!(text(write(&files, "/pub/file", Write::Update, true).await), may(Ops::APPEND));
        for how in [Write::Update, Write::Replace] {
            assert_eq!(text(write(&files, "/pub/file", how, false).await), may(Ops::OVERWRITE), "{one:?}");
        }
        assert_eq!(text(write(&files, "/pub/new", Write::Replace, false).await), may(Ops::CREATE), "{one:?}");
        assert_eq!(text(files.rename(&file, &new, Over::Never).await), DENIED, "it is made and taken away");
        assert_eq!(text(files.remove(&file, Remove::File).await), may(Ops::DELETE));
    }
}

/// A folder to drop things in: nobody sees or changes what others put there.
#[tokio::test]
async fn what_is_there_is_not_touched_where_only_new_files_may_be_made() {
    let files = tree(&[("/pub/drop/*", Ops::CREATE), ("/**", LOOK)]);
    for how in [Write::Update, Write::Replace, Write::CreateNew] {
        let refused = if how == Write::CreateNew { FsError::Exists.text() } else { DENIED };
        assert_eq!(text(write(&files, "/pub/drop/old", how, false).await), refused, "{how:?}");
        let at = format!("/pub/drop/{how:?}");
        let first = files.open(&path(&at), &Open::write(how)).await.unwrap();
        assert_eq!(text(write(&files, &at, how, false).await), "done", "{how:?}");
        assert_eq!(text(first.commit().await), FsError::Exists.text(), "the other was first");
    }
    assert_eq!(text(files.open(&path("/pub/drop/old"), &Open::read()).await), DENIED);
    let mut both = Open::write(Write::CreateNew);
    both.read = true;
    assert_eq!(text(files.open(&path("/pub/drop/x"), &both).await), DENIED);
}

#[tokio::test]
async fn who_may_only_append_cuts_nothing_off() {
    let files = tree(&[("/log/*", Ops::APPEND), ("/**", LOOK)]);
    let mut how = Open::write(Write::Update);
    how.append = true;
    let file = files.open(&path("/log/today"), &how).await.unwrap();
    file.write_at(0, Bytes::from_static(b"two")).await.unwrap();
    let cut = SetMeta { len: Some(0), ..SetMeta::default() };
    assert_eq!(text(file.set(cut).await), DENIED);
    assert_eq!(file.commit().await.unwrap().len, 7);
    assert_eq!(text(write(&files, "/log/new", Write::Update, true).await), DENIED);
}

#[tokio::test]
async fn a_directory_is_removed_or_moved_only_if_all_in_it_may_be() {
    let all = [("/pub/drop/**", LOOK), ("/**", Ops::ALL)];
    let files = tree(&all);
    assert_eq!(text(files.remove(&path("/pub"), Remove::Tree).await), DENIED);
    assert_eq!(text(files.rename(&path("/pub"), &path("/new"), Over::Never).await), DENIED);
    assert_eq!(text(files.rename(&path("/ann"), &path("/pub/drop/ann"), Over::Never).await), DENIED);
    assert_eq!(text(files.rename(&path("/ann"), &path("/new"), Over::Never).await), "done");
    assert_eq!(text(files.remove(&path("/new"), Remove::Tree).await), "done");
    // A rule that a general one comes before says nothing.
    let files = tree(&[("/**", Ops::ALL), ("/pub/drop/**", LOOK)]);
    assert_eq!(text(files.remove(&path("/pub"), Remove::Tree).await), "done");
}

#[tokio::test]
async fn nothing_is_moved_to_where_more_may_be_done_with_it() {
    let hidden = Ops::LIST | Ops::RENAME | Ops::LINK | Ops::CREATE;
    let files = tree(&[("/ann/**", hidden), ("/**", Ops::ALL)]);
    let (private, out) = (path("/ann/private"), path("/pub/out"));
    for result in [
        files.rename(&private, &out, Over::Never).await,
        files.hardlink(&private, &out).await,
        files.copy(&private, &out, Over::Never).await,
    ] {
        assert_eq!(text(result), DENIED);
    }
    assert_eq!(text(files.rename(&private, &path("/ann/renamed"), Over::Never).await), "done");
}

#[tokio::test]
async fn without_overwriting_a_rename_stops_at_what_is_there() {
    let files = tree(&[("/pub/**", Ops::CREATE | Ops::RENAME | LOOK), ("/**", LOOK)]);
    let rename = files.rename(&path("/pub/file"), &path("/pub/drop/old"), Over::Posix).await;
    assert_eq!(text(rename), FsError::Exists.text());
    let copy = files.copy(&path("/secret"), &path("/pub/file"), Over::File).await;
    assert_eq!(text(copy), FsError::Exists.text());
}

/// What becomes of everything that can be asked of a path, in the order of the methods.
async fn asked(files: &impl Files, at: &str) -> Vec<String> {
    let (at, other) = (path(at), path("/open/other"));
    let mut said = Vec::new();
    let mut say = |what: &str, answer: &str| said.push(format!("{what}: {answer}"));
    for follow in [false, true] {
        say("stat", text(files.stat(&at, follow).await));
        let facts = SetMeta { mode: Some(0o600), ..SetMeta::default() };
        say("set", text(files.set(&at, facts, follow).await));
    }
    say("set length", text(files.set(&at, SetMeta { len: Some(3), ..SetMeta::default() }, true).await));
    say("list", text(files.list(&at, ListOptions::default()).await));
    say("read", text(files.open(&at, &Open::read()).await));
    say("read now", files.open_now(&at, &Open::read()).map_or(MISSING, |opened| text(opened)));
    for how in [Write::Update, Write::Replace, Write::CreateNew] {
        for append in [false, true] {
            let mut open = Open::write(how);
            open.append = append;
            say("write", text(files.open(&at, &open).await));
        }
    }
    say("mkdir", text(files.mkdir(&at, None).await));
    for what in [Remove::File, Remove::EmptyDir, Remove::Tree] {
        say("remove", text(files.remove(&at, what).await));
    }
    for over in [Over::Never, Over::File, Over::Posix] {
        say("rename from", text(files.rename(&at, &path("/open/new"), over).await));
        say("rename to", text(files.rename(&other, &at, over).await));
        say("copy from", text(files.copy(&at, &path("/open/new"), over).await));
        say("copy to", text(files.copy(&other, &at, over).await));
    }
    say("symlink", text(files.symlink(&at, b"other").await));
    say("hardlink from", text(files.hardlink(&at, &path("/open/new")).await));
    say("hardlink to", text(files.hardlink(&other, &at).await));
    say("readlink", text(files.readlink(&at).await));
    say("space", text(files.space(&at).await));
    said
}

/// Whatever later rules allow, and whatever is asked: what is closed is as if it were not there.
#[tokio::test]
async fn what_a_rule_closes_is_told_by_nothing() {
    let memory = || {
        Memory::new()
            .with("/open/other", "")
            .with("/open/shut.key", "12345")
            .with("/closed/file", "12345")
            .with("/closed/sub/deep", "12345")
            .with("/half/file", "12345")
            .with("/half/dir/inner", "12345")
    };
    let closing = [("/closed/**", Ops::NONE), ("/half/*", Ops::NONE), ("/**/*.key", Ops::NONE)];
    for all in [LOOK, Ops::ALL] {
        let files = || {
            let rules: Vec<_> =
                closing.iter().chain(&[("/**", all)]).map(|(at, ops)| rule(at, *ops)).collect();
            Permissions::new(memory(), rules)
        };
        let seen = files();
        assert_eq!(names(&seen, "/").await, ["half", "open"]);
        assert_eq!(names(&seen, "/open").await, ["other"]);
        for (there, missing) in [
            ("/closed", "/closed/none"),
            ("/closed/file", "/closed/none"),
            ("/closed/sub", "/closed/none"),
            ("/closed/sub/deep", "/closed/none"),
            ("/half/file", "/half/none"),
            ("/open/shut.key", "/open/none.key"),
        ] {
            assert_eq!(asked(&files(), there).await, asked(&files(), missing).await, "{there}");
            for answer in asked(&files(), there).await {
                assert!(
                    answer.ends_with(MISSING) || answer.ends_with("to: permission denied"),
                    "{there} {answer}"
                );
            }
            // Of a file, also that nothing can be below it.
            let (below, nothing) = (format!("{there}/x"), format!("{missing}/x"));
            for at in [&below, &nothing] {
                assert_eq!(text(seen.stat(&path(at), true).await), MISSING, "{at}");
                assert_eq!(text(seen.open(&path(at), &Open::read()).await), MISSING, "{at}");
                assert_eq!(text(seen.list(&path(at), ListOptions::default()).await), MISSING, "{at}");
            }
        }
        // A directory is on the way to what is open in it, and shows that alone.
        assert_eq!(names(&seen, "/half").await, ["dir"]);
        assert_eq!(text(seen.stat(&path("/half/dir/inner"), true).await), "done");
        // It does not say either whether it is empty for others.
        for at in ["/half", "/open"] {
            assert_eq!(text(seen.remove(&path(at), Remove::EmptyDir).await), DENIED, "{at}");
        }
    }
}

#[test]
fn rights_are_those_of_the_first_rule() {
    let files = tree(&[
        ("/drop/*.txt", Ops::CREATE),
        ("/drop/*", Ops::NONE),
        ("/shut/**", Ops::NONE),
        ("/pub/*/in/**", Ops::ALL),
        ("/**", LOOK),
    ]);
    let rights = |at: &str, reach| files.rights(&path(at), reach);
    assert_eq!(rights("/drop", Reach::Here), LOOK);
    assert_eq!(rights("/drop", Reach::Inside), Ops::CREATE);
    assert_eq!(rights("/drop/x", Reach::Here), Ops::NONE);
    assert_eq!(rights("/drop/x.txt", Reach::Here), Ops::CREATE);
    for reach in [Reach::Here, Reach::Inside, Reach::Below] {
        assert_eq!(rights("/shut", reach), Ops::NONE, "{reach:?}");
    }
    assert_eq!(rights("/pub", Reach::Inside), LOOK);
    assert_eq!((rights("/", Reach::Throughout), rights("/pub", Reach::Throughout)), (Ops::NONE, LOOK));
    assert!(rights("/pub", Reach::Below).has(Ops::CREATE) && rights("/", Reach::Below).has(Ops::DELETE));
    assert_eq!(rights("/pub/a/in", Reach::Inside), Ops::of(files.caps()), "no more than the tree can");
    assert_eq!(Ops::of(Caps::RANDOM_READ | Caps::REAL_DIRS), LOOK);
}

proptest! {
    /// The first pattern that matches decides, whatever comes after it.
    #[test]
    fn what_is_allowed_agrees_with_a_naive_model(
        rules in prop::collection::vec(("/([ab*]{1,2}|\\*\\*)(/[ab*]|/\\*\\*)?", 0u16..1024), 0..5),
        at in "(/[ab]){0,3}/?",
    ) {
        let at = path(&format!("/{at}"));
        let rules: Vec<_> = rules.iter().map(|(path, ops)| rule(path, Ops(*ops))).collect();
        let mut expected = Ops::NONE;
        for rule in rules.iter().rev() {
            if rule.path.matches(&at) {
                expected = rule.allow;
            }
        }
        prop_assert_eq!(allowed(&rules, &at), expected);
        for (_, op) in Ops::NAMES {
            prop_assert_eq!(matches!(verdict(&rules, &at, op), Verdict::May), expected.has(op));
        }
    }
}
