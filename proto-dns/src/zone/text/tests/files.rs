//! Zones in files, and `$INCLUDE` (RFC 1035 §5.1).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// Reads `zone/main` of a folder that has these files: what was told, and the records with where they were.
fn read(files: &[(&str, &str)], more: impl Fn(&Path)) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("zone/sub")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    more(folder.path());
    let mut records = Vec::new();
    let origin: Name = "example.".parse().unwrap();
    let mut sink = |record: RecordRef<'_>, at: Place| {
        records.push(format!("{record} at {}:{}:{}", at.file, at.line, at.column));
    };
    let reading = read_file(&folder.path().join("zone/main"), Some(origin.view()), &mut sink);
    let base = folder.path().join("zone").display().to_string() + "/";
    (reading.problems.iter().map(|problem| problem.to_string().replace(&base, "")).collect(), records)
}

#[test]
fn an_included_file_leaves_origin_and_owner_but_not_ttl() {
    let (problems, records) = read(
        &[
            ("zone/main", "$TTL 1\na TXT 1\n$INCLUDE sub/b sub ; more\n  TXT 3\n$INCLUDE \"sub/b\"\n"),
            ("zone/sub/b", "$TTL 2\nb TXT 2\n$ORIGIN c\n$INCLUDE c\n"),
            ("zone/sub/c", " TXT 4\n"),
        ],
        |_| (),
    );
    assert_eq!(problems, [""; 0]);
    assert_eq!(
        records,
        [
            "a.example. 1 IN TXT \"1\" at 0:2:1",
            "b.sub.example. 2 IN TXT \"2\" at 1:2:1",
            "b.sub.example. 2 IN TXT \"4\" at 2:1:2",
            "a.example. 2 IN TXT \"3\" at 0:4:3",
            "b.example. 2 IN TXT \"2\" at 3:2:1",
            "b.example. 2 IN TXT \"4\" at 4:1:2",
        ]
    );
}

#[test]
fn a_fault_is_told_with_its_file() {
    let (problems, _) = read(
        &[("zone/main", "$TTL 1\n$INCLUDE sub/b\na A\n"), ("zone/sub/b", "x A 1.2.3.4\ny A 1.2.3\n")],
        |_| (),
    );
    assert_eq!(
        problems,
        ["sub/b:2:5: an IPv4 address is expected", "main:3:4: an IPv4 address is missing here"]
    );
}

#[test]
fn no_file_outside_the_folder_is_read() {
    for path in ["../secret", "sub/../../secret", "link", "sub/up/secret", "/etc/passwd"] {
        let (problems, records) =
            read(&[("secret", "a 1 A 1.2.3.4\n"), ("zone/main", &format!("$INCLUDE {path}\n"))], |folder| {
                symlink("../secret", folder.join("zone/link")).unwrap();
                symlink("../..", folder.join("zone/sub/up")).unwrap();
            });
        assert_eq!(problems, ["main:1:10: a file outside the folder of the zone"], "{path}");
        assert!(records.is_empty());
    }
}

#[test]
fn files_do_not_include_themselves_nor_too_deep() {
    let (problems, _) = read(&[("zone/main", "$INCLUDE b\n"), ("zone/b", "$INCLUDE sub/../main\n")], |_| ());
    assert_eq!(problems, ["b:1:10: a file that includes itself"]);
    let names: Vec<_> =
        (0..12).map(|depth| (format!("zone/{depth}"), format!("$INCLUDE {}\n", depth + 1))).collect();
    let mut files: Vec<_> = names.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("zone/main", "$INCLUDE 0\n"));
    let (problems, _) = read(&files, |_| ());
    assert_eq!(problems, ["7:1:10: more than 8 files within each other, or 1000 in all"]);
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let (problems, _) = read(&[], |_| ());
    assert_eq!(problems, ["main: cannot be read: No such file or directory (os error 2)"]);
    let (problems, _) = read(&[("zone/main", "$INCLUDE none\n")], |_| ());
    assert_eq!(problems, ["main:1:10: none: No such file or directory (os error 2)"]);
}
