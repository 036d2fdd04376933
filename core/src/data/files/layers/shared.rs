use std::sync::Arc;

use super::forward::*;

/// A tree that several views share is a tree.
#[async_trait]
impl<F: Files + ?Sized> Files for Arc<F> {
    forward!(
        caps, stat, list, open, open_now, mkdir, remove, rename, copy, set, symlink, hardlink, readlink,
        space, rights, place to as_ref()
    );
}
