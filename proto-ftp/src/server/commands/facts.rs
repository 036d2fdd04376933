//! SIZE, MDTM, MFMT, MFF, MLST, AVBL, HASH and its older kin (RFC 3659, and the drafts that are in use).

use ropewalk_core::data::files::{FsError, Kind, Meta, Ops, SetMeta, VPath};

use super::super::errors::{Doing, for_good, refusal};
use super::super::event::{Ask, Event, HashForm, Transfer, What};
use super::super::handler::Handler;
use super::super::hash::Algorithm;
use super::super::listing::rights;
use super::super::session::{Asked, Session};
use super::split;
use crate::wire::{Facts, Reply, parse_facts, parse_time, write_facts, write_time};

impl Session {
    pub(super) fn size(&mut self, path: &[u8]) {
        if self.ascii && self.options.ascii {
            // RFC 3659 §4: it would be the length after conversion, and need a read of the whole file.
            return self.reply(550, "SIZE is not known in TYPE A");
        }
        self.about(path, Ask::Size);
    }

    pub(super) fn mdtm(&mut self, path: &[u8]) {
        self.about(path, Ask::Modified);
    }

    pub(super) fn mfmt(&mut self, argument: &[u8]) {
        let (time, path) = split(argument);
        let (Some(mtime), false) = (parse_time(time), path.is_empty()) else {
            return self.reply(501, "MFMT YYYYMMDDHHMMSS NAME");
        };
        let mut facts = SetMeta::default();
        facts.mtime = Some(mtime);
        let said = Reply::new(213, [b"Modify=", time, b"; ", path].concat());
        self.about(path, |path| Ask::Set(path, facts, said));
    }

    pub(super) fn mff(&mut self, argument: &[u8]) {
        let Some((wanted, path)) =
            parse_facts(argument).filter(|(facts, path)| !facts.is_empty() && !path.is_empty())
        else {
            return self.reply(501, "MFF FACT=VALUE; NAME");
        };
        let mut facts = SetMeta::default();
        for (name, value) in &wanted {
            let known = if name.eq_ignore_ascii_case("modify") {
                parse_time(value.as_bytes()).map(|time| facts.mtime = Some(time))
            } else if name.eq_ignore_ascii_case("UNIX.mode") {
                octal(value.as_bytes()).map(|mode| facts.mode = Some(mode))
            } else {
                return self.reply(504, "only modify and UNIX.mode can be set");
            };
            if known.is_none() {
                return self.reply(501, "not a value of that fact");
            }
        }
        let said = Reply::new(213, argument);
        self.about(path, |path| Ask::Set(path, facts, said));
    }

    pub(super) fn mlst(&mut self, path: &[u8]) {
        let facts = self.facts;
        self.about(path, |path| Ask::Facts(path, facts));
    }

    pub(super) fn avbl(&mut self, path: &[u8]) {
        self.about(path, Ask::Space);
    }

    pub(super) fn hash(&mut self, path: &[u8]) {
        self.digest(path, self.algorithm, 0, None, HashForm::Full);
    }

    pub(super) fn xcrc(&mut self, argument: &[u8]) {
        self.ranged(argument, Algorithm::Crc32);
    }

    pub(super) fn xsha1(&mut self, argument: &[u8]) {
        self.ranged(argument, Algorithm::Sha1);
    }

    pub(super) fn xsha256(&mut self, argument: &[u8]) {
        self.ranged(argument, Algorithm::Sha256);
    }

    pub(super) fn xsha512(&mut self, argument: &[u8]) {
        self.ranged(argument, Algorithm::Sha512);
    }

    pub(super) fn choose_hash(&mut self, name: &[u8]) {
        if !name.is_empty() {
            match Algorithm::of(name) {
                Some(algorithm) => self.algorithm = algorithm,
                None => return self.reply(504, "unknown algorithm"),
            }
        }
        self.reply(200, self.algorithm.name());
    }

    /// `"NAME" FROM TO`, or NAME alone.
    fn ranged(&mut self, argument: &[u8], algorithm: Algorithm) {
        let Some((name, rest)) = argument
            .strip_prefix(b"\"")
            .and_then(|inside| inside.split_at_checked(inside.iter().rposition(|byte| *byte == b'"')?))
        else {
            return self.digest(argument, algorithm, 0, None, HashForm::Bare);
        };
        let rest = String::from_utf8_lossy(rest.get(1..).unwrap_or_default());
        let numbers: Option<Vec<u64>> = rest.split_whitespace().map(|word| word.parse().ok()).collect();
        match numbers.as_deref() {
            Some([]) => self.digest(name, algorithm, 0, None, HashForm::Bare),
            Some([from]) => self.digest(name, algorithm, *from, None, HashForm::Bare),
            Some([from, to]) if from <= to => self.digest(name, algorithm, *from, Some(*to), HashForm::Bare),
            _ => self.reply(501, "\"NAME\" FROM TO"),
        }
    }

    fn digest(&mut self, path: &[u8], algorithm: Algorithm, from: u64, to: Option<u64>, form: HashForm) {
        let Some(path) = self.path(path) else { return };
        let what = What::Hash { algorithm, from, to, form };
        self.ask(Asked::Begin, Event::Begin(Transfer { what, path, ascii: false, private: false }));
    }
}

/// Permission bits as `chmod` takes them. Those for set-user-id and the like are nobody's to give.
pub(super) fn octal(text: &[u8]) -> Option<u16> {
    if text.is_empty() || text.len() > 4 || !text.iter().all(|byte| (b'0'..=b'7').contains(byte)) {
        return None;
    }
    u16::from_str_radix(str::from_utf8(text).ok()?, 8).ok().filter(|mode| *mode <= 0o777)
}

impl Handler<'_> {
    /// The facts of something that RETR gets.
    async fn file(&self, path: &VPath) -> Result<Meta, Reply> {
        let meta = self.stat(path).await?;
        match meta.kind {
            Kind::File => Ok(meta),
            Kind::Dir => Err(refusal(&FsError::IsDir, Doing::Using, path)),
            _ => Err(refusal(&FsError::Denied, Doing::Using, path)),
        }
    }

    pub(super) async fn size(&self, path: &VPath) -> Result<Reply, Reply> {
        Ok(Reply::new(213, self.file(path).await?.len.to_string()))
    }

    /// RFC 3659 §3.4: of a directory it is not told.
    pub(super) async fn modified(&self, path: &VPath) -> Result<Reply, Reply> {
        match self.file(path).await?.mtime {
            Some(time) => Ok(Reply::new(213, write_time(time))),
            None => Err(Reply::new(550, "not known")),
        }
    }

    pub(super) async fn set(&self, path: &VPath, facts: SetMeta, said: Reply) -> Result<Reply, Reply> {
        let files = self.files()?;
        let set = files.set(path, facts, true).await;
        set.map_err(|error| refusal(&for_good(error, &**files, path, Ops::SET), Doing::Using, path))?;
        tracing::info!(%path, "facts changed");
        Ok(said)
    }

    pub(super) async fn facts(&self, path: &VPath, facts: Facts) -> Result<Reply, Reply> {
        let meta = self.stat(path).await?;
        let rights = rights(&**self.files()?, path, meta.kind);
        let mut line = Vec::new();
        write_facts(facts, &meta, rights, path.as_bytes(), &mut line);
        Ok(Reply::new(250, "Facts:").line(line).end("End"))
    }

    pub(super) async fn space(&self, path: &VPath) -> Result<Reply, Reply> {
        let space = self.files()?.space(path).await;
        let space = space.map_err(|error| refusal(&error, Doing::Using, path))?;
        Ok(Reply::new(213, space.free.to_string()))
    }
}
