//! What fsspec, in Python, asks of every file system: of one tree, over FTP and over WebDAV. The tests are fsspec's own, run by
//! `tests/external/fsspec_suite.py`.

use std::process::{Command, Stdio};

use crate::clients::missing;

/// A Python that has it: from `target/peers`, where CI installs it, or the path.
fn python() -> Option<Command> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers/bin/python");
    for python in [own, "python3"] {
        let mut has = Command::new(python);
        has.args(["-c", "import pytest, webdav4.fsspec"]).stderr(Stdio::null());
        if has.status().is_ok_and(|status| status.success()) {
            return Some(Command::new(python));
        }
    }
    missing("Python's fsspec and webdav4");
    None
}

/// Has the tests run whose names begin so.
fn passes(tests: &str) {
    let Some(mut python) = python() else { return };
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/external/fsspec_suite.py"));
    python.args([env!("CARGO_BIN_EXE_ropewalk"), "--tb=short", "-k", tests]).stdin(Stdio::null());
    // It ends by itself where it takes too long.
    let done = python.output().unwrap();
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(done.status.success(), "{}", said.concat());
}

#[test]
fn what_fsspec_asks_of_a_file_system_holds_over_ftp() {
    passes("TestFtp");
}

#[test]
fn what_fsspec_asks_of_a_file_system_holds_over_webdav() {
    passes("TestWebdav");
}
