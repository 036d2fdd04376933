//! Files that were compressed beforehand: `a.js.br` beside `a.js`.

use http::HeaderMap;
use ropewalk_core::data::files::{FileHandle, FsError, Meta, Name, VPath};

use super::Static;
use crate::wire::coding::{Accepted, Coding};

impl Static {
    /// What a client accepts, where there may be coded files: others cost no look-up.
    pub(super) fn accepted(&self, headers: &HeaderMap) -> Option<Accepted> {
        if self.codings.is_empty() { None } else { Accepted::of(headers) }
    }

    /// This file, or the coded one beside it that the client would rather have.
    pub(super) async fn select(
        &self,
        accepted: Accepted,
        path: &VPath,
        file: Box<dyn FileHandle>,
    ) -> (Box<dyn FileHandle>, Option<Coding>) {
        for coding in accepted.best(&self.codings) {
            if let Some(coded) = self.sidecar(path, coding, file.opened()).await {
                return (coded, Some(coding));
            }
        }
        (file, None)
    }

    /// The file that is beside `path` in this coding, if it can stand for the original.
    async fn sidecar(&self, path: &VPath, coding: Coding, original: &Meta) -> Option<Box<dyn FileHandle>> {
        match self.open(&beside(path, coding)?).await {
            Ok(coded) if stands_for(coded.opened(), original) => Some(coded),
            Ok(_) | Err(FsError::NotFound | FsError::IsDir) => None,
            // The original is there, and all that can be said of this file is for its owner.
            Err(error) => {
                tracing::debug!(%path, %coding, %error, "coded file not used");
                None
            }
        }
    }
}

/// The path of the coded file; nothing where no name can be that long.
fn beside(path: &VPath, coding: Coding) -> Option<VPath> {
    let name = path.file_name()?;
    let name = [name.as_bytes(), b".", coding.extension().as_bytes()].concat();
    path.parent()?.join(&Name::new(name).ok()?).ok()
}

/// Whether a coded file can be one of the original as it is now: not older, in whole seconds, for what copies and
/// unpacks files often keeps no more; and no file is coded into nothing.
fn stands_for(coded: &Meta, original: &Meta) -> bool {
    let is_older = match (coded.mtime, original.mtime) {
        (Some(coded), Some(original)) => coded.secs() < original.secs(),
        _ => false,
    };
    coded.len > 0 && !is_older
}

#[cfg(test)]
mod tests {
    use ropewalk_core::data::files::{DotDot, Kind, Time};

    use super::*;

    #[test]
    fn it_is_beside_the_original_whatever_its_name() {
        let path = |text: &str| VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap();
        assert_eq!(beside(&path("/LICENSE"), Coding::Gzip), Some(path("/LICENSE.gz")));
        assert_eq!(beside(&path("/a/b.js"), Coding::Brotli), Some(path("/a/b.js.br")));
        assert_eq!(beside(&path("/a/b.tar.gz"), Coding::Zstd), Some(path("/a/b.tar.gz.zst")));
        assert_eq!(beside(&VPath::ROOT, Coding::Gzip), None);
        assert_eq!(
            beside(&path(&format!("/{}", "x".repeat(253))), Coding::Gzip),
            None,
            "no name is that long"
        );
    }

    #[test]
    fn what_is_older_or_empty_stands_for_nothing() {
        let meta = |len, time: Option<(i64, u32)>| {
            let mut meta = Meta::new(Kind::File, len);
            meta.mtime = time.map(|(secs, nanos)| Time::new(secs, nanos));
            meta
        };
        let original = meta(100, Some((50, 500)));
        for (coded, expected) in [
            (meta(10, Some((51, 0))), true),
            // Copied with whole seconds.
            (meta(10, Some((50, 0))), true),
            (meta(10, Some((49, 999))), false),
            (meta(0, Some((51, 0))), false),
            (meta(10, None), true),
        ] {
            assert_eq!(stands_for(&coded, &original), expected, "{coded:?}");
        }
    }
}
