use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ropewalk_core::data::files::{
    Caps, DirStream, FileHandle, Files, FsError, ListOptions, Meta, Open, Ops, Over, Reach, Remove, SetMeta,
    Space, VPath, Write,
};

/// What nobody in particular gets to see: a tree that is read and not written, but for one directory where new files may
/// be left, and nothing can be read or listed.
///
/// So a drop box spreads nothing: what one guest leaves, another does not get.
pub(super) struct Guest {
    files: Arc<dyn Files>,
    incoming: Option<VPath>,
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

    /// Whether it may be looked at: the drop box itself, but nothing in it.
    fn is_seen(&self, path: &VPath) -> bool {
        !self.is_incoming(path) || self.incoming.as_ref() == Some(path)
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
        if !self.is_seen(path) {
            return Err(FsError::NotFound);
        }
        self.files.stat(path, follow).await
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        if self.is_incoming(path) {
            return Err(FsError::Denied);
        }
        self.files.list(path, options).await
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        match how.write {
            None if self.is_incoming(path) => Err(FsError::NotFound),
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
        if how.write.is_some() || self.is_incoming(path) {
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
        if self.is_incoming(path) {
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
