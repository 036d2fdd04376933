use super::forward::*;

/// A tree without the names that are nobody's business.
///
/// They are not listed, and whoever asks for one, or for something below it, is told [`FsError::NotFound`], as of a name
/// that is not there. Files that are still being written (part files: [`is_part`](super::is_part)), and
/// [what a server keeps for itself](OWN), are always hidden.
///
/// What links say is not looked at: one with a plain name that leads to a hidden one is a way to it that somebody made.
pub struct Hide<F> {
    files: F,
    dots: Dots,
}

/// The folder with accounts, keys and all else that `ropewalk up` keeps: no tree that it lies in shows it to anybody.
pub const OWN: &str = "ropewalk-data";

/// What becomes of names that begin with a dot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dots {
    /// They are hidden, but for `/.well-known` (RFC 8615).
    #[default]
    Hide,
    /// They are shown.
    Show,
}

impl<F: Files> Hide<F> {
    /// `files`, without what is to be hidden.
    pub fn new(files: F, dots: Dots) -> Self {
        Self { files, dots }
    }

    fn hides(&self, path: &VPath) -> bool {
        path.names().enumerate().any(|(depth, name)| self.dots.hides(name, depth == 0))
    }

    fn seen(&self, path: &VPath) -> Result<()> {
        if self.hides(path) { Err(FsError::NotFound) } else { Ok(()) }
    }

    /// Whether something may get this name: what would vanish at once may not.
    fn named(&self, path: &VPath) -> Result<()> {
        if self.hides(path) { Err(FsError::Denied) } else { Ok(()) }
    }
}

impl Dots {
    fn hides(self, name: &[u8], at_root: bool) -> bool {
        if !name.starts_with(b".") {
            return name == OWN.as_bytes();
        }
        let well_known = at_root && name == b".well-known";
        (self == Self::Hide && !well_known) || super::is_part(name)
    }
}

#[async_trait]
impl<F: Files> Files for Hide<F> {
    forward!(caps, place to files);

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        self.seen(path)?;
        self.files.stat(path, follow).await
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        self.seen(path)?;
        let stream = self.files.list(path, options).await?;
        Ok(Box::new(Seen { stream, dots: self.dots, at_root: *path == VPath::ROOT }))
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        if how.write.is_some() { self.named(path) } else { self.seen(path) }?;
        self.files.open(path, how).await
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        match if how.write.is_some() { self.named(path) } else { self.seen(path) } {
            Ok(()) => self.files.open_now(path, how),
            Err(error) => Some(Err(error)),
        }
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        self.named(path)?;
        self.files.mkdir(path, mode).await
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        self.seen(path)?;
        self.files.remove(path, what).await
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.seen(from)?;
        self.named(to)?;
        self.files.rename(from, to, over).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.seen(from)?;
        self.named(to)?;
        self.files.copy(from, to, over).await
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        self.seen(path)?;
        self.files.set(path, facts, follow).await
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        self.named(path)?;
        self.files.symlink(path, target).await
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        self.seen(from)?;
        self.named(to)?;
        self.files.hardlink(from, to).await
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes> {
        self.seen(path)?;
        self.files.readlink(path).await
    }

    async fn space(&self, path: &VPath) -> Result<Space> {
        self.seen(path)?;
        self.files.space(path).await
    }

    fn rights(&self, path: &VPath, reach: Reach) -> Ops {
        if self.hides(path) { Ops::NONE } else { self.files.rights(path, reach) }
    }
}

/// A listing without what is hidden.
struct Seen {
    stream: Box<dyn DirStream>,
    dots: Dots,
    at_root: bool,
}

#[async_trait]
impl DirStream for Seen {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Entry>> {
        loop {
            let mut batch = self.stream.next_batch(max).await?;
            if batch.is_empty() {
                return Ok(batch);
            }
            batch.retain(|entry| !self.dots.hides(entry.name.as_bytes(), self.at_root));
            // An empty batch would be the end.
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::sync::Arc;

    use bytes::BytesMut;

    use super::super::one::One;
    use super::*;
    use crate::data::files::{DotDot, Memory, Write};

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    fn tree() -> Memory {
        Memory::new()
            .with("/seen", "1")
            .with("/.hidden", "2")
            .with("/.git/config", "3")
            .with("/dir/.env", "4")
            .with("/dir/seen", "5")
            .with("/.well-known/acme", "6")
            .with("/dir/.well-known", "7")
            .with("/.seen.0123456789abcdef.part", "8")
    }

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

    #[tokio::test]
    async fn dot_files_are_neither_listed_nor_found() {
        let files = Hide::new(tree(), Dots::Hide);
        assert_eq!(names(&files, "/").await, [".well-known", "dir", "seen"]);
        assert_eq!(names(&files, "/dir").await, ["seen"]);
        for at in ["/.hidden", "/.git", "/.git/config", "/dir/.env", "/dir/.well-known", "/.nothing"] {
            let (at, read) = (path(at), Open::read());
            assert!(matches!(files.open(&at, &read).await.err(), Some(FsError::NotFound)), "{at}");
            assert!(matches!(files.open_now(&at, &read), Some(Err(FsError::NotFound))), "{at}");
            assert!(matches!(files.stat(&at, false).await, Err(FsError::NotFound)), "{at}");
            assert!(
                matches!(files.list(&at, ListOptions::default()).await.err(), Some(FsError::NotFound)),
                "{at}"
            );
            assert!(matches!(files.remove(&at, Remove::Tree).await, Err(FsError::NotFound)), "{at}");
            assert!(
                matches!(files.rename(&path("/seen"), &at, Over::File).await, Err(FsError::Denied)),
                "{at}"
            );
            let made = files.open(&at, &Open::write(Write::Replace)).await;
            assert!(matches!(made.err(), Some(FsError::Denied)), "{at}");
        }
        assert!(files.open(&path("/.well-known/acme"), &Open::read()).await.is_ok());
    }

    #[tokio::test]
    async fn what_a_server_keeps_for_itself_is_hidden_wherever_it_lies() {
        let tree = Memory::new().with("/ropewalk-data/core.db", "x").with("/a/ropewalk-data/ca/ca.key", "x");
        for files in [Hide::new(tree.clone(), Dots::Hide), Hide::new(tree.clone(), Dots::Show)] {
            assert_eq!(names(&files, "/").await, ["a"]);
            for at in ["/ropewalk-data", "/ropewalk-data/core.db", "/a/ropewalk-data/ca/ca.key"] {
                assert!(matches!(files.stat(&path(at), true).await, Err(FsError::NotFound)), "{at}");
                assert!(files.open(&path(at), &Open::read()).await.is_err(), "{at}");
            }
        }
    }

    #[tokio::test]
    async fn part_files_are_hidden_even_where_dot_files_are_shown() {
        let files = Hide::new(tree(), Dots::Show);
        assert_eq!(names(&files, "/").await, [".git", ".hidden", ".well-known", "dir", "seen"]);
        assert!(files.open(&path("/.git/config"), &Open::read()).await.is_ok());
        let part = path("/.seen.0123456789abcdef.part");
        assert!(matches!(files.stat(&part, false).await, Err(FsError::NotFound)));
    }

    #[tokio::test]
    async fn the_descriptor_and_the_ways_not_to_wait_pass_through() {
        let file = Arc::new(File::open("/dev/null").unwrap());
        let files = Hide::new(One(file.clone()), Dots::Hide);
        let now = files.open_now(&path("/one"), &Open::read()).expect("no waiting").unwrap();
        let later = files.open(&path("/one"), &Open::read()).await.unwrap();
        for handle in [now, later] {
            assert_eq!(FileHandle::as_fd(&*handle).map(|fd| fd.as_raw_fd()), Some(file.as_raw_fd()));
            assert!(handle.read_now(0, &mut BytesMut::new()).is_some());
        }
        assert_eq!(files.caps(), Caps::RANDOM_READ);
    }
}
