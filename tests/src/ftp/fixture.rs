//! The tree that the FTP cases know, and who may log in to it.

use std::path::Path;
use std::{fs, io};

/// Who logs in, unless the subject says otherwise.
pub const USER: &str = "rope";
/// The password of [`USER`].
pub const PASSWORD: &str = "strand";
/// The folder in which cases that need [`Need::Upload`](crate::Need::Upload) make what they want. They leave it there.
pub const UPLOAD: &str = "upload";

/// What `hello.txt` holds.
pub const HELLO: &str = "Hello, rope!\n";
/// What `lines.txt` holds, its lines ended by LF: what a Unix host has for a text.
pub const LINES: &str = "one\ntwo\n\nfour\n";
/// What `digits.txt` holds: the octet at an offset is the offset's last digit.
pub const DIGITS: &str = "0123456789012345678901234567890123456789";
/// How long `big.bin` is.
pub const BIG: usize = 4 * 1024 * 1024;
/// A name in UTF-8.
pub const NAME_IN_UTF8: &str = "gr\u{fc}n.txt";

/// One file of the tree.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct File {
    /// Its path below the root, without a slash at the front.
    pub path: &'static str,
    text: Option<&'static str>,
}

const fn file(path: &'static str, text: &'static str) -> File {
    File { path, text: Some(text) }
}

/// Every file of the tree, for a backend in memory. Beside them there is the folder [`UPLOAD`].
pub const FILES: &[File] = &[
    file("hello.txt", HELLO),
    file("lines.txt", LINES),
    file("digits.txt", DIGITS),
    file("empty.txt", ""),
    file("with space.txt", "space\n"),
    file(NAME_IN_UTF8, "green\n"),
    file("dir/inner.txt", "inner\n"),
    file("dir/sub/deep.txt", "deep\n"),
    File { path: "big.bin", text: None },
];

impl File {
    /// What it holds.
    pub fn content(&self) -> Vec<u8> {
        match self.text {
            Some(text) => text.into(),
            // 251 is prime, so that no power of two hides a shifted offset.
            None => (0..BIG).map(|at| (at % 251) as u8).collect(),
        }
    }
}

/// Writes the tree into `dir/ftp`, which a server under test then shows as the root of who logs in.
///
/// # Errors
/// Where `dir` cannot be written to.
pub fn write(dir: &Path) -> io::Result<()> {
    let root = dir.join("ftp");
    fs::create_dir_all(root.join(UPLOAD))?;
    for file in FILES {
        let path = root.join(file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, file.content())?;
    }
    Ok(())
}
