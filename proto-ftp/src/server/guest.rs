use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ropewalk_core::data::files::{
    Caps, DirStream, Entry, FileHandle, Files, FsError, Kind, ListOptions, Meta, Name, Open, Ops, Over,
    Place, Reach, Remove, SetMeta, Space, VPath, Write,
};

/// What nobody in particular gets to see: a tree that is read and not written, but for one directory where new files may
/// be left, and nothing can be read or listed.
///
/// So a drop box spreads nothing: what one guest leaves, another does not get, by whatever links or mounts lead into it.
#[derive(Clone)]
pub(super) struct Guest {
    files: Arc<dyn Files>,
    incoming: Option<VPath>,
}

/// Links on one way at most.
const LINKS: usize = 40;

/// Where a path really is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spot {
    Outside,
    /// It is the drop box.
    Box,
    /// It is in the drop box.
    Inside,
}

/// What a guest's tree can do at most.
const READS: [Caps; 5] =
    [Caps::RANDOM_READ, Caps::REAL_DIRS, Caps::CASE_SENSITIVE, Caps::ETAG, Caps::CREATE_NEW];

impl Guest {
    pub(super) fn new(files: Arc<dyn Files>, incoming: Option<VPath>) -> Self {
        Self { files, incoming }
    }

    fn is_incoming(&self, path: &VPath) -> bool {
        self.incoming.as_ref().is_some_and(|incoming| path.is_within(incoming))
    }

    /// Where it really is, with the link that it may be itself followed or not.
    async fn spot(&self, path: &VPath, follow: bool) -> Result<Spot, FsError> {
        let Some(incoming) = &self.incoming else { return Ok(Spot::Outside) };
        let real = match path.parent() {
            Some(parent) if !follow => {
                let name = path.file_name().ok_or(FsError::BadName)?;
                self.real(&parent).await?.join(&name)?
            }
            _ => self.real(path).await?,
        };
        if real.is_within(incoming) {
            return Ok(if real == *incoming { Spot::Box } else { Spot::Inside });
        }
        // By another mount it has another path, but is the same.
        let Some(id) = self.files.stat(incoming, true).await.ok().and_then(|meta| meta.id) else {
            return Ok(Spot::Outside);
        };
        let mut at = Some(real.clone());
        while let Some(dir) = at {
            if self.files.stat(&dir, false).await.is_ok_and(|meta| meta.id == Some(id)) {
                return Ok(if dir == real { Spot::Box } else { Spot::Inside });
            }
            at = dir.parent();
        }
        Ok(Spot::Outside)
    }

    /// The path without links, as far as it is there.
    async fn real(&self, path: &VPath) -> Result<VPath, FsError> {
        let mut todo: Vec<Bytes> = path.names().rev().map(Bytes::copy_from_slice).collect();
        let (mut at, mut links) = (VPath::ROOT, 0);
        while let Some(name) = todo.pop() {
            if name == ".." {
                at = at.parent().unwrap_or(VPath::ROOT);
                continue;
            }
            let next = at.join(&Name::new(name)?)?;
            if !self.files.stat(&next, false).await.is_ok_and(|meta| meta.kind == Kind::Link) {
                at = next;
                continue;
            }
            links += 1;
            if links > LINKS {
                return Err(FsError::Loop);
            }
            let text = self.files.readlink(&next).await?;
            if text.starts_with(b"/") {
                at = VPath::ROOT;
            }
            let parts = text.split(|byte| *byte == b'/').rev();
            todo.extend(parts.filter(|part| !matches!(*part, b"" | b".")).map(Bytes::copy_from_slice));
        }
        Ok(at)
    }
}

/// A listing in which links are what they lead to, but for those into the drop box, which are not there.
struct Followed {
    guest: Guest,
    dir: VPath,
    stream: Box<dyn DirStream>,
}

#[async_trait]
impl DirStream for Followed {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Entry>, FsError> {
        loop {
            let batch = self.stream.next_batch(max).await?;
            let end = batch.is_empty();
            let mut seen = Vec::with_capacity(batch.len());
            for mut entry in batch {
                if entry.meta.kind == Kind::Link {
                    let path = self.dir.join(&entry.name)?;
                    if !matches!(self.guest.spot(&path, true).await, Ok(Spot::Outside | Spot::Box)) {
                        continue;
                    }
                    // One that leads nowhere stays what it is.
                    if let Ok(meta) = self.guest.files.stat(&path, true).await {
                        entry.meta = meta;
                    }
                }
                seen.push(entry);
            }
            // An empty batch would be the end.
            if end || !seen.is_empty() {
                return Ok(seen);
            }
        }
    }
}

#[async_trait]
impl Files for Guest {
    fn caps(&self) -> Caps {
        let caps = self.files.caps();
        let keeps = |cap: &Caps| caps.has(*cap) && (*cap != Caps::CREATE_NEW || self.incoming.is_some());
        READS.into_iter().filter(keeps).fold(Caps::NONE, |all, cap| all | cap)
    }

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta, FsError> {
        if self.spot(path, follow).await? == Spot::Inside {
            return Err(FsError::NotFound);
        }
        self.files.stat(path, follow).await
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        match self.spot(path, true).await? {
            Spot::Outside if self.incoming.is_none() || !options.follow => {
                return self.files.list(path, options).await;
            }
            Spot::Outside => {}
            Spot::Box => return Err(FsError::Denied),
            Spot::Inside if self.is_incoming(path) => return Err(FsError::Denied),
            Spot::Inside => return Err(FsError::NotFound),
        }
        let stream = self.files.list(path, ListOptions::default()).await?;
        Ok(Box::new(Followed { guest: self.clone(), dir: path.clone(), stream }))
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        match how.write {
            None if self.spot(path, true).await? != Spot::Outside => Err(FsError::NotFound),
            None => self.files.open(path, how).await,
            Some(Write::CreateNew | Write::Replace) if self.is_incoming(path) && !how.read => {
                // What is there is not replaced, whoever left it.
                let mut how = how.clone();
                how.write = Some(Write::CreateNew);
                self.files.open(path, &how).await
            }
            Some(_) => Err(FsError::Denied),
        }
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>, FsError>> {
        // Where the path really is cannot be told at once.
        if how.write.is_some() || self.incoming.is_some() {
            return None;
        }
        self.files.open_now(path, how)
    }

    async fn mkdir(&self, _: &VPath, _: Option<u16>) -> Result<(), FsError> {
        Err(FsError::Denied)
    }

    async fn remove(&self, _: &VPath, _: Remove) -> Result<(), FsError> {
        Err(FsError::Denied)
    }

    async fn rename(&self, _: &VPath, _: &VPath, _: Over) -> Result<(), FsError> {
        Err(FsError::Denied)
    }

    async fn set(&self, _: &VPath, _: SetMeta, _: bool) -> Result<(), FsError> {
        Err(FsError::Denied)
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes, FsError> {
        if self.spot(path, false).await? != Spot::Outside {
            return Err(FsError::NotFound);
        }
        self.files.readlink(path).await
    }

    fn rights(&self, path: &VPath, reach: Reach) -> Ops {
        let look = Ops::LIST | Ops::READ;
        let own = match &self.incoming {
            Some(incoming) if path == incoming && matches!(reach, Reach::Here | Reach::Throughout) => {
                Ops::NONE
            }
            Some(incoming) if path.is_within(incoming) => Ops::CREATE,
            Some(incoming) if reach == Reach::Below && incoming.is_within(path) => look | Ops::CREATE,
            Some(incoming) if reach == Reach::Throughout && incoming.is_within(path) => Ops::NONE,
            _ => look,
        };
        own & self.files.rights(path, reach)
    }

    async fn space(&self, path: &VPath) -> Result<Space, FsError> {
        self.files.space(path).await
    }

    /// FTP asks for neither locks nor properties.
    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_core::data::files::{DotDot, Memory};

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    async fn leave(guest: &Guest, at: &str) -> Result<Meta, FsError> {
        let file = guest.open(&path(at), &Open::write(Write::Replace)).await?;
        file.write_at(0, "x".into()).await?;
        file.commit().await
    }

    #[tokio::test]
    async fn guests_read_and_change_nothing() {
        let memory = Memory::new().with("/pub/file", "text").with_dir("/in");
        let guest = Guest::new(Arc::new(memory), None);
        assert!(guest.open(&path("/pub/file"), &Open::read()).await.is_ok());
        assert!(matches!(leave(&guest, "/pub/new").await, Err(FsError::Denied)));
        assert!(guest.mkdir(&path("/d"), None).await.is_err());
        assert!(guest.remove(&path("/pub/file"), Remove::File).await.is_err());
        assert!(guest.rename(&path("/pub/file"), &path("/x"), Over::File).await.is_err());
        assert!(guest.set(&path("/pub/file"), SetMeta::default(), true).await.is_err());
        assert!(!guest.caps().has(Caps::CREATE_NEW));
    }

    #[tokio::test]
    async fn no_link_and_no_mount_leads_into_the_drop_box() {
        let memory = Memory::new()
            .with("/in/drop", "left")
            .with("/in/sub/deep", "left")
            .with("/pub/file", "text")
            .with_link("/peek", "in")
            .with_link("/pub/up", "../in/sub")
            .with_link("/pub/drop", "../in/drop")
            .with_link("/pub/twice", "up")
            .with_link("/pub/same", "file")
            .with_link("/pub/around", "around");
        let tree: Arc<dyn Files> = Arc::new(memory);
        let mounts = [(path("/again"), Arc::clone(&tree))];
        let mounts = ropewalk_core::data::files::layers::Mounts::new(Some(tree), mounts);
        let guest = Guest::new(Arc::new(mounts), Some(path("/in")));
        for at in [
            "/peek/drop",
            "/peek/sub/deep",
            "/pub/up/deep",
            "/pub/drop",
            "/pub/twice/deep",
            "/again/in/drop",
            "/again/peek/drop",
            "/again/pub/up/deep",
        ] {
            let at = path(at);
            assert!(matches!(guest.open(&at, &Open::read()).await, Err(FsError::NotFound)), "{at}");
            assert!(matches!(guest.stat(&at, true).await, Err(FsError::NotFound)), "{at}");
            assert!(guest.open_now(&at, &Open::read()).is_none(), "{at}");
        }
        for at in
            ["/in", "/in/sub", "/peek", "/peek/sub", "/pub/up", "/pub/twice", "/again/in", "/again/peek"]
        {
            assert!(guest.list(&path(at), ListOptions::default()).await.is_err(), "{at}");
        }
        assert!(guest.stat(&path("/pub/around"), true).await.is_err(), "a link to itself ends");
        let mut options = ListOptions::default();
        options.follow = true;
        let listed = guest.list(&path("/pub"), options).await.unwrap().next_batch(100).await.unwrap();
        let mut names: Vec<_> = listed.iter().map(|entry| entry.name.to_string()).collect();
        names.sort();
        // What leads into the box is not there, and what leads elsewhere is what it leads to.
        assert_eq!(names, ["file", "same"]);
        assert!(listed.iter().all(|entry| entry.meta.kind == Kind::File && entry.meta.len == 4));
        assert!(guest.open(&path("/pub/same"), &Open::read()).await.is_ok());
    }

    #[tokio::test]
    async fn what_a_guest_leaves_nobody_gets() {
        let memory = Memory::new().with_dir("/in").with("/in/old", "old");
        let guest = Guest::new(Arc::new(memory.clone()), Some(path("/in")));
        assert!(leave(&guest, "/in/new").await.is_ok());
        assert!(memory.stat(&path("/in/new"), true).await.is_ok());
        assert!(matches!(guest.open(&path("/in/new"), &Open::read()).await, Err(FsError::NotFound)));
        assert!(matches!(guest.stat(&path("/in/new"), true).await, Err(FsError::NotFound)));
        assert!(matches!(guest.list(&path("/in"), ListOptions::default()).await, Err(FsError::Denied)));
        assert!(matches!(leave(&guest, "/in/old").await, Err(FsError::Exists)));
        assert!(matches!(leave(&guest, "/elsewhere").await, Err(FsError::Denied)));
        let rights = |at: &str, reach| guest.rights(&path(at), reach);
        assert_eq!((rights("/in", Reach::Here), rights("/in", Reach::Inside)), (Ops::NONE, Ops::CREATE));
        assert_eq!(rights("/in/new", Reach::Here), Ops::CREATE);
        assert_eq!(rights("/", Reach::Here), Ops::LIST | Ops::READ);
        assert!(rights("/", Reach::Below).has(Ops::CREATE) && !rights("/", Reach::Inside).has(Ops::CREATE));
        let mut append = Open::write(Write::Update);
        append.append = true;
        assert!(matches!(guest.open(&path("/in/old"), &append).await, Err(FsError::Denied)));
    }
}
