//! The tree that the HTTP cases know.
//!
//! What a subject has beyond it, such as `/echo`, [`Need`](crate::Need) describes.

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
    future: bool,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Text(&'static str),
    Digits(usize),
    Pattern(usize),
    Verse(usize),
}

const fn file(path: &'static str, content: Content) -> File {
    File { path, content, future: false }
}

/// Every file of the tree, for a backend in memory. There is no other file in it; `list/` has no index.
pub const FILES: &[File] = &[
    file("hello.txt", Content::Text(HELLO)),
    file("digits.txt", Content::Text(DIGITS)),
    file("numbers.txt", Content::Digits(NUMBERS)),
    file("empty.txt", Content::Text("")),
    file("page.html", Content::Text("<!doctype html><title>page</title>\n")),
    file("big.bin", Content::Pattern(BIG)),
    file("dir/index.html", Content::Text(INDEX)),
    file("list/a.txt", Content::Text("a\n")),
    file("list/b.txt", Content::Text("b\n")),
    file("with space.txt", Content::Text("space\n")),
    file("coded.txt", Content::Verse(CODED)),
    file("login/hello.txt", Content::Text(HELLO)),
    File { path: "future.txt", content: Content::Text("later\n"), future: true },
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
/// How long `/coded.txt` is: text that is worth a content coding.
pub const CODED: usize = 8000;
/// Who may see `/login/hello.txt`, where the subject has [`Need::Login`](crate::Need::Login).
pub const USER: &str = "rope";
/// The password of [`USER`].
pub const PASSWORD: &str = "strand";
/// A file beside the root, that no request may reach: `SECRET` is its content.
pub const OUTSIDE: &str = "outside.txt";
/// What [`OUTSIDE`] holds.
pub const SECRET: &str = "outside of the root\n";

/// When every file but `future.txt` was last modified: 2020-02-02T02:02:02Z.
pub fn modified() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_580_608_922)
}

impl File {
    /// When it was last modified; for one of them that is in the year 2096.
    pub fn modified(&self) -> SystemTime {
        let later = if self.future { 4_000_000_000 - 1_580_608_922 } else { 0 };
        modified() + Duration::from_secs(later)
    }

    /// What it holds.
    pub fn content(&self) -> Vec<u8> {
        match self.content {
            Content::Text(text) => text.into(),
            Content::Digits(len) => (0..len).map(|at| b'0' + (at % 10) as u8).collect(),
            // 251 is prime, so that no power of two hides a shifted offset.
            Content::Pattern(len) => (0..len).map(|at| (at % 251) as u8).collect(),
            Content::Verse(len) => {
                b"a rope of strands of yarns of fibres\n".iter().copied().cycle().take(len).collect()
            }
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
        fs::File::options().write(true).open(&path)?.set_modified(file.modified())?;
    }
    fs::write(dir.join(OUTSIDE), SECRET)
}
