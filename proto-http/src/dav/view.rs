use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use ropewalk_core::data::cred::Principal;
use ropewalk_core::data::files::{DotDot, Files, FsError, Lock, Meta, Ops, Reach, VPath};

use super::Stop;
use crate::files::{Static, Types};
use crate::server::{Failure, Request};
use crate::wire::host;
use crate::wire::target::{self, Decoded};

/// A tree as one request sees it: what was asked for, by whom, and how its paths are written as references.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) files: Arc<dyn Files>,
    pub(super) types: Arc<Types>,
    /// The path in the tree that was asked for.
    pub(crate) path: VPath,
    /// Whether it ended with a slash.
    pub(crate) slash: bool,
    /// Whether anything may be changed here at all.
    writable: bool,
    /// Where the tree is mounted.
    mount: VPath,
    /// Who asks, as locks know them.
    pub(super) user: Option<String>,
    authority: Option<String>,
}

impl View {
    pub(crate) fn of(tree: &Static, request: &Request) -> Self {
        let mount = request.path.as_bytes().strip_suffix(request.rest.relative()).unwrap_or_default();
        Self {
            files: Arc::clone(&tree.files),
            types: Arc::clone(&tree.types),
            path: request.rest.clone(),
            slash: request.slash,
            writable: tree.write,
            mount: VPath::parse(mount, &VPath::ROOT, DotDot::Refuse).unwrap_or(VPath::ROOT),
            user: request.extensions.get::<Principal>().map(|who| who.name().as_str().to_owned()),
            authority: host::authority(&request.uri, &request.headers).map(str::to_owned),
        }
    }

    /// A tree as nobody in particular sees it.
    #[cfg(test)]
    pub(super) fn of_tree(files: Arc<dyn Files>) -> Self {
        let (types, path, mount) = (Arc::default(), VPath::ROOT, VPath::ROOT);
        Self { files, types, path, slash: true, writable: true, mount, user: None, authority: None }
    }

    /// The facts of what is at `path`, if there is something.
    pub(crate) async fn there(&self, path: &VPath) -> Result<Option<Meta>, Stop> {
        match self.files.stat(path, false).await {
            Ok(meta) => Ok(Some(meta)),
            Err(FsError::NotFound) => Ok(None),
            Err(error) => Err(Stop::change(error)),
        }
    }

    /// What whoever asks may do with what is at `path`, there or not.
    pub(super) fn rights(&self, path: &VPath) -> Ops {
        if self.writable { self.files.rights(path, Reach::Here) } else { Ops::NONE }
    }

    /// A reference to what is at `path`; a directory ends with a slash.
    pub(super) fn href(&self, path: &VPath, is_dir: bool) -> String {
        let mut href = target::encode_path(&self.mount);
        href.push_str(&target::encode_path(path));
        if is_dir || href.is_empty() {
            href.push('/');
        }
        href
    }

    /// The path in this tree that a reference (RFC 4918 §8.3) leads to: a URL of this server, or a path on it.
    pub(super) fn resolve(&self, reference: &str) -> Result<Decoded, Failure> {
        let absolute = reference
            .split_once("://")
            .filter(|(scheme, _)| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)));
        let path = match absolute {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                if authority.is_empty() {
                    return Err(Failure::bad_request());
                }
                let is_here = |here: &String| host::same(authority, here, Some(&scheme.to_ascii_lowercase()));
                if !self.authority.as_ref().is_some_and(is_here) {
                    return Err(Failure::new(StatusCode::BAD_GATEWAY));
                }
                path
            }
            // Two slashes begin an authority (RFC 3986 §4.2).
            None if reference.starts_with('/') && !reference.starts_with("//") => reference,
            None => return Err(Failure::bad_request()),
        };
        if path.contains(['?', '#']) {
            return Err(Failure::bad_request());
        }
        let Decoded { path, slash } = target::decode(path).ok_or_else(Failure::bad_request)?;
        let path = path.strip(&self.mount).ok_or_else(|| Failure::new(StatusCode::FORBIDDEN))?;
        Ok(Decoded { path, slash })
    }

    /// The path by which the site knows what is at `path` here.
    pub(crate) fn whole(&self, path: &VPath) -> Option<VPath> {
        path.under(&self.mount).ok()
    }

    /// Where a copy or a move goes (RFC 4918 §10.3).
    pub(crate) fn destination(&self, headers: &HeaderMap) -> Result<VPath, Failure> {
        let mut fields = headers.get_all("destination").iter();
        let (Some(field), None) = (fields.next(), fields.next()) else { return Err(Failure::bad_request()) };
        let reference = str::from_utf8(field.as_bytes()).map_err(|_| Failure::bad_request())?;
        Ok(self.resolve(reference.trim_ascii())?.path)
    }

    /// The reference to what a lock was made for, seen from `path`, for which it holds and whose own place is `place`.
    pub(super) fn lock_root(&self, path: &VPath, place: &VPath, lock: &Lock, is_dir: bool) -> String {
        let above = place.names().count().saturating_sub(lock.path.names().count());
        let mut root = path.clone();
        for _ in 0..above {
            root = root.parent().unwrap_or(VPath::ROOT);
        }
        self.href(&root, is_dir || above > 0)
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_core::data::files::{Memory, Name};

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    fn view(mount: &str) -> View {
        let authority = Some("example.org:8080".into());
        View { mount: path(mount), authority, ..View::of_tree(Arc::new(Memory::new())) }
    }

    #[test]
    fn a_reference_is_of_this_server_and_this_tree() {
        let view = view("/m");
        let resolve =
            |text| view.resolve(text).map(|to| to.path.to_string()).map_err(|e| e.status().as_u16());
        for (text, expected) in [
            ("/m/a", Ok("/a")),
            ("/m/a%20b/", Ok("/a b")),
            ("http://example.org:8080/m/a", Ok("/a")),
            ("HTTP://EXAMPLE.org:8080/m", Ok("/")),
            ("https://example.org:8080/m/a", Ok("/a")),
            ("http://example.org/m/a", Err(502)),
            ("http://evil.example/m/a", Err(502)),
            ("http://example.org:8080@evil.example/m/a", Err(502)),
            ("//evil.example/m/a", Err(400)),
            ("http://", Err(400)),
            ("http:///m/a", Err(400)),
            ("ftp://example.org:8080/m/a", Err(400)),
            ("m/a", Err(400)),
            ("", Err(400)),
            ("/m/../a", Err(400)),
            ("/m/%2e%2e/a", Err(400)),
            ("/m/a%2fb", Err(400)),
            ("/m/a?b", Err(400)),
            ("/m/a#b", Err(400)),
            ("/other/a", Err(403)),
            ("/ma", Err(403)),
        ] {
            assert_eq!(resolve(text), expected.map(str::to_owned), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_comes_back_from_its_reference(name in proptest::collection::vec(1_u8.., 1..40)) {
            proptest::prop_assume!(!name.contains(&b'/'));
            proptest::prop_assume!(name != b"." && name != b"..");
            let at = VPath::ROOT.join(&Name::new(name).unwrap()).unwrap();
            for mount in ["/", "/m", "/m/n"] {
                let view = view(mount);
                let href = view.href(&at, false);
                proptest::prop_assert!(href.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>&\"'".contains(&byte)));
                proptest::prop_assert_eq!(&view.resolve(&href).unwrap().path, &at);
            }
        }
    }
}
