use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{File, Reader};
use crate::wire::NameBuf;
use crate::wire::lexer::Fault;
use crate::wire::rdata::name_of;

/// How deep files may include each other.
const MAX_DEPTH: usize = 8;
/// How many files a zone may have.
const MAX_FILES: usize = 1000;

/// What a file has in it, and the folder that it is in, after all links.
pub(super) fn open(path: &Path) -> io::Result<(Vec<u8>, PathBuf)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((fs::read(path)?, folder.canonicalize()?))
}

impl Reader<'_> {
    /// Reads the rest of `$INCLUDE file [origin]`, and that file.
    ///
    /// Origin and owner are afterwards what they were before (RFC 1035 §5.1), but a `$TTL` stays, as with BIND.
    pub(super) fn include(&mut self, file: &mut File<'_>) -> Result<(), Fault> {
        let word = file.lexer.need("a file")?;
        let mut state = file.state.clone();
        if let Some(word) = file.lexer.word()? {
            let mut name = NameBuf::new();
            name_of(&word, file.state.origin(), &mut name)?;
            state.origin = Some(name.view().to_name());
        }
        file.lexer.end()?;
        let mut path = Vec::new();
        word.unescape(&mut path)?;
        let path = String::from_utf8(path).map_err(|_| word.fault("a file is named in UTF-8"))?;
        let path = self.within(Path::new(&path)).map_err(|what| word.fault(what))?;
        let text = fs::read(&path).map_err(|error| word.fault(format!("cannot be read: {error}")))?;
        file.state.ttls = self.file(path, &text, state).ttls;
        Ok(())
    }

    /// Where the file `path` is, if it may be read.
    fn within(&self, path: &Path) -> Result<PathBuf, String> {
        let root = self.root.as_ref().ok_or("$INCLUDE is only for zones in files")?;
        if self.open.len() > MAX_DEPTH || self.reading.files.len() >= MAX_FILES {
            return Err(format!("more than {MAX_DEPTH} files within each other, or {MAX_FILES} in all"));
        }
        let folder = self.open.last().and_then(|file| file.parent()).unwrap_or(root);
        let path = folder.join(path);
        let real = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
        if !real.starts_with(root) {
            return Err("a file outside the folder of the zone".to_owned());
        }
        let same = |open: &PathBuf| open.canonicalize().is_ok_and(|open| open == real);
        if self.open.iter().any(same) {
            return Err("a file that includes itself".to_owned());
        }
        Ok(path)
    }
}
