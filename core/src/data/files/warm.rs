use bytes::BytesMut;

use super::FileHandle;

/// Octets that a system reads ahead in one go.
const AHEAD: u64 = 256 * 1024;

impl dyn FileHandle + '_ {
    /// Whether these octets (at least one) are in memory, as far as their first and last say: what is not would keep
    /// the thread of a sendfile waiting for the disk. Of what is read ahead in one go, the last says enough.
    pub fn is_warm(&self, offset: u64, len: u64) -> bool {
        // Each into a buffer of its own: nothing is read into one that is full.
        let is_warm = |at| self.read_now(at, &mut BytesMut::with_capacity(1)).is_some();
        is_warm((offset + len).saturating_sub(1)) && (len <= AHEAD || is_warm(offset))
    }
}
