use ropewalk_core::config::{Section, Size, Text};

use super::media::{COMPRESSIBLE, Pattern};
use super::{Coding, Compress};
use crate::server::{BoxHandler, Handler};

/// What is configured about codings.
pub(crate) struct Settings {
    /// Of files that were compressed beforehand.
    pub(crate) precompressed: Vec<Coding>,
    compress: Vec<Coding>,
    types: Vec<Pattern>,
    least: u64,
}

/// Reads the keys about codings. All are off unless they are said.
pub(crate) fn read(section: &mut Section<'_>) -> Settings {
    let precompressed: Vec<Text<Coding>> = section
        .key(
            "precompressed",
            "Codings in which files may stand beside their originals: `br`, `gzip`, `zstd`.",
        )
        .or(Vec::new());
    let compress: Vec<Text<Coding>> =
        section.key("compress", "Codings into which answers are compressed: `br`, `gzip`.").or(Vec::new());
    let types = COMPRESSIBLE.iter().filter_map(|text| text.parse().ok()).map(Text).collect();
    let types: Vec<Text<Pattern>> =
        section.key("compress_types", "Media types that are compressed.").or(types);
    let Size(least) = section.key("compress_min", "Octets from which on it is done.").or(Size(1024));
    if compress.iter().any(|Text(coding)| *coding == Coding::Zstd) {
        section.error_in("compress", "zstd is for files that were compressed beforehand alone");
    }
    let list = |codings: Vec<Text<Coding>>| codings.into_iter().map(|Text(coding)| coding).collect();
    let types = types.into_iter().map(|Text(pattern)| pattern).collect();
    Settings { precompressed: list(precompressed), compress: list(compress), types, least }
}

impl Settings {
    /// This handler, with its answers compressed if that is configured.
    pub(crate) fn around(self, handler: impl Handler) -> BoxHandler {
        if self.compress.is_empty() {
            return handler.boxed();
        }
        let compress = Compress::new(handler).codings(self.compress).least(self.least);
        Compress { types: self.types, ..compress }.boxed()
    }
}
