use std::io::Write as _;

use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use flate2::{Compress, Compression, FlushCompress, Status};
use ropewalk_core::{Error, Result};

use crate::wire::coding::Coding;

/// Octets that are coded at once: that takes about a millisecond of an older core in brotli, and half of one in gzip.
///
/// Content is cut into blocks of this length whatever the frames that it comes in, so that what comes out, and its
/// strong validator, depend on nothing but the content.
pub(super) const BLOCK: usize = 32 * 1024;

/// Fast, and hardly longer than by the levels above it.
const GZIP_LEVEL: Compression = Compression::new(5);
/// 32 KiB: all that the format can refer to (RFC 1951 §2).
const GZIP_WINDOW: u8 = 15;
/// Below it, brotli is no shorter than gzip; above it, much slower.
const BROTLI_QUALITY: i32 = 5;
/// 512 KiB. What an encoder holds is a few times as much.
const BROTLI_WINDOW: i32 = 19;

/// The state of one content on its way into a coding. It holds 350 KiB for gzip, and up to 3 MiB for brotli.
pub(super) enum Encoder {
    Gzip(Compress),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
}

impl Encoder {
    /// An encoder of this coding; there is none of Zstandard.
    pub(super) fn new(coding: Coding) -> Option<Self> {
        match coding {
            Coding::Gzip => Some(Self::Gzip(Compress::new_gzip(GZIP_LEVEL, GZIP_WINDOW))),
            Coding::Brotli => {
                let params = BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW,
                    ..BrotliEncoderParams::default()
                };
                Some(Self::Brotli(Box::new(CompressorWriter::with_params(Vec::new(), 4096, &params))))
            }
            Coding::Zstd => None,
        }
    }

    /// Codes a block, behind what is in `out`. Not all of it need come out yet.
    pub(super) fn write(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match self {
            _ if block.is_empty() => Ok(()),
            Self::Gzip(gzip) => deflate(gzip, block, out, FlushCompress::None),
            // Otherwise it gathers blocks, and then codes all of them at once.
            Self::Brotli(brotli) => {
                brotli.write_all(block).and_then(|()| brotli.flush()).map_err(failed)?;
                out.append(brotli.get_mut());
                Ok(())
            }
        }
    }

    /// Brings out all that can be decoded from what was written.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Gzip(gzip) => deflate(gzip, &[], out, FlushCompress::Sync),
            Self::Brotli(_) => Ok(()),
        }
    }

    /// Ends the content.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Gzip(mut gzip) => deflate(&mut gzip, &[], out, FlushCompress::Finish),
            Self::Brotli(brotli) => {
                out.append(&mut brotli.into_inner());
                Ok(())
            }
        }
    }
}

fn deflate(gzip: &mut Compress, mut input: &[u8], out: &mut Vec<u8>, flush: FlushCompress) -> Result<()> {
    loop {
        out.reserve(BLOCK / 4);
        let before = gzip.total_in();
        let status = gzip.compress_vec(input, out, flush).map_err(failed)?;
        let used = usize::try_from(gzip.total_in() - before).unwrap_or(usize::MAX);
        input = input.get(used..).unwrap_or_default();
        // Room that is left says that nothing more is to come out.
        if status == Status::StreamEnd || (input.is_empty() && out.len() < out.capacity()) {
            return Ok(());
        }
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::local("cannot compress").caused_by(error)
}
