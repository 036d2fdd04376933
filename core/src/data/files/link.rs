use bytes::Bytes;

use super::meta::Result;
use super::{FsError, VPath};

/// The longest text of a link.
const MAX_TEXT: usize = 4095;

/// What a link at `path` has to say so that it leads to `target`: the same, but for a target that begins with a
/// slash, which counts from the root of the tree; that one is said from where the link is.
///
/// # Errors
/// [`FsError::BadName`] for what no link can say, [`FsError::Denied`] for what leads above the root.
pub fn link_text(path: &VPath, target: &[u8]) -> Result<Bytes> {
    if target.is_empty() || target.len() > MAX_TEXT || target.contains(&0) {
        return Err(FsError::BadName);
    }
    let depth = path.names().count().saturating_sub(1);
    let inner = target.strip_prefix(b"/");
    let mut here = if inner.is_some() { 0 } else { depth };
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => here = here.checked_sub(1).ok_or(FsError::Denied)?,
            _ => here += 1,
        }
    }
    let Some(inner) = inner else { return Ok(Bytes::copy_from_slice(target)) };
    let inner: &[u8] = match inner.iter().position(|byte| *byte != b'/') {
        Some(start) => inner.get(start..).unwrap_or_default(),
        None => b".",
    };
    let text = [&*b"../".repeat(depth), inner].concat();
    if text.len() > MAX_TEXT { Err(FsError::BadName) } else { Ok(text.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::files::DotDot;

    #[test]
    fn a_target_is_seen_from_where_the_link_is() {
        let text = |at: &str, target: &str| {
            let at = VPath::parse(at.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap();
            match link_text(&at, target.as_bytes()) {
                Ok(text) => String::from_utf8(text.to_vec()).unwrap(),
                Err(error) => error.text().to_owned(),
            }
        };
        assert_eq!(text("/l", "a"), "a");
        assert_eq!(text("/d/l", "../a/"), "../a/");
        assert_eq!(text("/l", "/a"), "a");
        assert_eq!(text("/d/e/l", "//a/b"), "../../a/b");
        assert_eq!(text("/d/l", "/"), "../.");
        assert_eq!(text("/l", "/"), ".");
        for (at, target) in [("/l", ".."), ("/d/l", "../../a"), ("/l", "/.."), ("/l", "a/../../b")] {
            assert_eq!(text(at, target), FsError::Denied.text(), "{target}");
        }
        for target in ["", "a\0", &"x".repeat(4096)] {
            assert_eq!(text("/l", target), FsError::BadName.text());
        }
    }
}
