//! Which file a target names.

use super::{Answerer, Fault};
use crate::http::fixture;

impl Answerer {
    /// The path below the root, decoded once.
    pub(super) fn path(&self, target: &str) -> Result<String, u16> {
        let raw = target.split('?').next().unwrap_or_default();
        let mut path = self.decoded(raw)?;
        if self.is(Fault::DecodesTwice) {
            path = self.decoded(&path)?;
        }
        if self.is(Fault::NulEndsPath) {
            path = path.split('\0').next().unwrap_or_default().to_owned();
        }
        let leaves = path.split(['/', '\\']).any(|segment| segment == "..");
        if self.is(Fault::LeavesRoot) && leaves {
            return Ok(fixture::OUTSIDE.into());
        }
        if leaves || path.contains(['\0', '\\']) {
            return Err(400);
        }
        Ok(path.strip_prefix('/').unwrap_or(&path).to_owned())
    }

    fn decoded(&self, raw: &str) -> Result<String, u16> {
        if self.is(Fault::DecodesNothing) {
            return Ok(raw.into());
        }
        let mut out = String::new();
        let mut rest = raw;
        while let Some((plain, escape)) = rest.split_once('%') {
            out.push_str(plain);
            match escape.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(b'/') if !self.is(Fault::LeavesRoot) => return Err(400),
                Some(octet) => out.push(char::from(octet)),
                None if self.is(Fault::AnyEscape) => return Ok("/hello.txt".into()),
                None => return Err(400),
            }
            rest = escape.get(2..).unwrap_or_default();
        }
        Ok(out + rest)
    }

    pub(super) fn content(&self, path: &str) -> Option<Vec<u8>> {
        if self.is(Fault::LeavesRoot) && path == fixture::OUTSIDE {
            return Some(fixture::SECRET.into());
        }
        let mut content = fixture::FILES.iter().find(|file| file.path == path)?.content();
        if self.is(Fault::Corrupts)
            && let Some(octet) = content.get_mut(0)
        {
            *octet ^= 1;
        }
        Some(content)
    }
}
