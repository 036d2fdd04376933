use http::Method;
use ropewalk_core::data::files::{Kind, VPath};

use super::{Static, archive};
use crate::dav::{Depth, View, depth};
use crate::server::{Failure, Request};
use crate::site::Gate;

impl Static {
    /// Asks for the logins of all that a request is about besides its own path: where something goes, and what is
    /// below a directory that is taken as a whole.
    pub(super) async fn admit(&self, request: &mut Request) -> Result<(), Failure> {
        if !Gate::stands_before(request) || !self.reaches_on(request) {
            return Ok(());
        }
        let view = View::of(self, request);
        let goes = matches!(request.method.as_str(), "COPY" | "MOVE");
        // Without one it is refused for that.
        let to = goes.then(|| view.destination(&request.headers).ok()).flatten();
        let paths: Vec<_> = [Some(view.path.clone()), to].into_iter().flatten().collect();
        let mut whole = false;
        for path in &paths {
            whole |= self.is_dir(path).await;
        }
        for path in paths.iter().filter_map(|path| view.whole(path)) {
            match whole {
                true => Gate::admit_all(request, &path).await?,
                false => Gate::admit(request, &path).await?,
            }
        }
        Ok(())
    }

    /// Whether a request may be about more than its own path.
    fn reaches_on(&self, request: &Request) -> bool {
        match request.method.as_str() {
            "COPY" | "MOVE" => self.dav && self.write,
            "DELETE" => self.write,
            "LOCK" => self.dav && self.write && depth(&request.headers).ok() != Some(Some(Depth::Zero)),
            _ if request.method == Method::GET => {
                self.archives && request.slash && archive::is_asked(request)
            }
            _ => false,
        }
    }

    async fn is_dir(&self, path: &VPath) -> bool {
        self.files.stat(path, true).await.is_ok_and(|meta| meta.kind == Kind::Dir)
    }
}
