//! The tree that the HTTP cases know.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// One file of the tree.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct File {
    /// Its path below the root, without a slash at the front.
    pub path: &'static str,
    content: Content,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Text(&'static str),
    Digits(usize),
    Pattern(usize),
}

/// Every file of the tree, for a backend in memory. There is no other file in it; `list/` has no index.
pub const FILES: &[File] = &[
    File { path: "hello.txt", content: Content::Text(HELLO) },
    File { path: "digits.txt", content: Content::Text(DIGITS) },
    File { path: "numbers.txt", content: Content::Digits(NUMBERS) },
    File { path: "empty.txt", content: Content::Text("") },
    File { path: "page.html", content: Content::Text("<!doctype html><title>page</title>\n") },
    File { path: "big.bin", content: Content::Pattern(BIG) },
    File { path: "dir/index.html", content: Content::Text(INDEX) },
    File { path: "list/a.txt", content: Content::Text("a\n") },
    File { path: "list/b.txt", content: Content::Text("b\n") },
    File { path: "with space.txt", content: Content::Text("space\n") },
];

/// What `/hello.txt` holds.
pub const HELLO: &str = "Hello, rope!\n";
/// What `/digits.txt` holds: the octet at an offset is the offset's last digit.
pub const DIGITS: &str = "0123456789012345678901234567890123456789";
/// How long `/numbers.txt` is, which goes on like `/digits.txt`: far enough that nobody joins its ranges.
pub const NUMBERS: usize = 8000;
/// What `/dir/` shows.
pub const INDEX: &str = "<!doctype html><title>index of dir</title>\n";
/// How long `/big.bin` is.
pub const BIG: usize = 1024 * 1024;
/// A file beside the root, that no request may reach: `SECRET` is its content.
pub const OUTSIDE: &str = "outside.txt";
/// What [`OUTSIDE`] holds.
pub const SECRET: &str = "outside of the root\n";

/// When every file was last modified: 2020-02-02T02:02:02Z.
pub fn modified() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_580_608_922)
}

impl File {
    /// What it holds.
    pub fn content(&self) -> Vec<u8> {
        match self.content {
            Content::Text(text) => text.into(),
            Content::Digits(len) => (0..len).map(|at| b'0' + (at % 10) as u8).collect(),
            // 251 is prime, so that no power of two hides a shifted offset.
            Content::Pattern(len) => (0..len).map(|at| (at % 251) as u8).collect(),
        }
    }
}

/// Writes the tree into `dir/root`, which a server under test then serves at `/`, and a file that it must not
/// serve beside it.
///
/// # Errors
/// Where `dir` cannot be written to.
pub fn write(dir: &Path) -> io::Result<()> {
    let root = dir.join("root");
    for file in FILES {
        let path = root.join(file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, file.content())?;
        fs::File::options().write(true).open(&path)?.set_modified(modified())?;
    }
    fs::write(dir.join(OUTSIDE), SECRET)
}
