//! Files: a tree of [`Files`] as a handler, to be read, and to be written where it is told so.

mod archive;
mod conditions;
mod held;
mod listing;
mod patch;
mod reach;
mod send;
mod sidecar;
mod types;
mod upload;
mod write;

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use listing::Offers;
use ropewalk_core::Error;
use ropewalk_core::data::cred::{LoginError, Principal, Realm};
use ropewalk_core::data::files::{FileHandle, Files, FsError, Kind, Name, Open, Ops, Reach, VPath};
use rustix::io::Errno;

use crate::dav::{self, Guard, Stop, View};
use crate::server::{Body, Failure, Handler, Request, Response};
use crate::wire::coding::Coding;
use crate::wire::target;
pub use types::Types;
pub(crate) use write::{conditions, is_conditional};

/// A tree of files, to be read; and to be written, or seen over WebDAV, where it is told so.
///
/// It answers GET and HEAD with validators, conditions and ranges; a directory by its index file, else by a listing
/// where that is on; a directory without a slash by a redirect. What is hidden, and links out of the tree, are not
/// there.
#[derive(Clone)]
pub struct Static {
    pub(crate) files: Arc<dyn Files>,
    people: Option<Arc<dyn Realm<dyn Files>>>,
    index: Vec<Name>,
    listing: Option<usize>,
    pub(crate) types: Arc<Types>,
    pub(crate) write: bool,
    dav: bool,
    archives: bool,
    cache: Option<HeaderValue>,
    codings: Vec<Coding>,
}

/// Who may do one of these with something may lock it.
pub(crate) const LOCKABLE: Ops = Ops::CREATE.or(Ops::OVERWRITE).or(Ops::SET);

impl Static {
    /// This tree, with `index.html` as index, and listings of up to 10 000 names.
    pub fn new(files: Arc<dyn Files>) -> Self {
        let index = Name::new("index.html").into_iter().collect();
        Self {
            files,
            people: None,
            index,
            listing: Some(10_000),
            types: Arc::default(),
            write: false,
            dav: false,
            archives: false,
            cache: None,
            codings: Vec::new(),
        }
    }

    /// With listings of at most this many names, or none.
    #[must_use]
    pub fn listing(self, most: Option<usize>) -> Self {
        Self { listing: most, ..self }
    }

    /// With these names tried in this order where a directory is asked for.
    #[must_use]
    pub fn index(self, names: impl IntoIterator<Item = Name>) -> Self {
        Self { index: names.into_iter().collect(), ..self }
    }

    /// With other content types.
    #[must_use]
    pub fn types(self, types: Types) -> Self {
        Self { types: Arc::new(types), ..self }
    }

    /// With this `Cache-Control` for files.
    #[must_use]
    pub fn cache_control(self, value: HeaderValue) -> Self {
        Self { cache: Some(value), ..self }
    }

    /// With files that were compressed beforehand: where the client takes one of these codings, `a.js.br`, `a.js.gz` or
    /// `a.js.zst` is sent in place of `a.js`, beside which it stands. None by default.
    ///
    /// The client's weights decide, and where they are equal, the order here. What is older than its original, in
    /// whole seconds, or empty is passed over; what is in a coded file is not looked at, so whoever can write into the
    /// tree decides what is sent. Conditions and ranges are of the coded file. A client that refuses what is not coded
    /// (`identity;q=0`) gets that all the same where there is nothing else.
    #[must_use]
    pub fn precompressed(self, codings: impl IntoIterator<Item = Coding>) -> Self {
        Self { codings: Coding::once_each(codings), ..self }
    }
}

impl Static {
    /// With a tree for each person who has logged in, in place of the one for all; who has none is answered by 403.
    #[must_use]
    pub fn people(self, people: Arc<dyn Realm<dyn Files>>) -> Self {
        Self { people: Some(people), ..self }
    }

    /// With PUT, DELETE and PATCH, and a form in listings, for whoever may ask at all. What may be written, and by whom,
    /// the tree itself says too.
    ///
    /// PUT makes a file appear at once, when all of it has come; DELETE of a directory takes all that is in it along; PATCH
    /// goes on with a file where its upload was cut. All respect conditions, and the locks that there are.
    #[must_use]
    pub fn writable(self) -> Self {
        Self { write: true, ..self }
    }

    /// With WebDAV (RFC 4918): to look around, and where it is [writable](Self::writable), to change and to lock.
    /// Locks and properties need a tree that [keeps](ropewalk_core::data::files::layers::Marked) them.
    #[must_use]
    pub fn dav(self) -> Self {
        Self { dav: true, ..self }
    }

    /// With directories as archives, where a listing would be: `?archive=tar`, `?archive=zip`. They are made while they
    /// are sent, and hold at most 100 000 names and 256 GiB.
    #[must_use]
    pub fn archives(self) -> Self {
        Self { archives: true, ..self }
    }

    /// The methods that are answered at `path`: none that is refused there to whoever asks, whatever is there.
    fn allow(&self, path: &VPath) -> HeaderValue {
        let (here, inside) = (self.files.rights(path, Reach::Here), self.files.rights(path, Reach::Inside));
        let makes = Ops::CREATE | Ops::OVERWRITE | Ops::MKDIR;
        let anywhere = self.files.rights(&VPath::ROOT, Reach::Below);
        let locks = self.dav && self.write && here.has_any(LOCKABLE) && self.files.place(path).is_some();
        let methods = [
            ("PUT", self.write && here.has_any(Ops::CREATE | Ops::OVERWRITE)),
            ("DELETE", self.write && here.has(Ops::DELETE)),
            ("PATCH", self.write && here.has_any(Ops::OVERWRITE | Ops::APPEND)),
            ("POST", self.write && inside.has(Ops::CREATE)),
            ("PROPFIND", self.dav),
            ("PROPPATCH", self.dav && self.write && here.has(Ops::SET)),
            ("MKCOL", self.dav && self.write && here.has(Ops::MKDIR)),
            (
                "COPY",
                self.dav && self.write && here.has_any(Ops::LIST | Ops::READ) && anywhere.has_any(makes),
            ),
            ("MOVE", self.dav && self.write && here.has(Ops::RENAME) && anywhere.has_any(makes)),
            ("LOCK", locks),
            ("UNLOCK", locks),
        ];
        let methods = methods.into_iter().filter(|(_, offered)| *offered).map(|(method, _)| method);
        let all: Vec<_> = ["GET", "HEAD", "OPTIONS"].into_iter().chain(methods).collect();
        HeaderValue::try_from(all.join(", ")).unwrap_or(HeaderValue::from_static("GET"))
    }

    /// The answer to every method but GET and HEAD, which read.
    async fn other(&self, request: Request) -> Result<Response, Failure> {
        let answer = match request.method.as_str() {
            "OPTIONS" => return Ok(self.options(&request.rest)),
            "PUT" if self.write => self.put(request).await,
            "DELETE" if self.write => self.delete(&request).await,
            "PATCH" if self.write => self.patch(request).await,
            "POST" if self.write => self.upload(request).await,
            "PROPFIND" if self.dav => dav::answer(self, request).await,
            "PROPPATCH" | "MKCOL" | "COPY" | "MOVE" | "LOCK" | "UNLOCK" if self.dav && self.write => {
                dav::answer(self, request).await
            }
            "POST" | "PUT" | "DELETE" | "PATCH" | "TRACE" => Err(self.not_allowed(&request.rest).into()),
            "PROPPATCH" | "MKCOL" | "COPY" | "MOVE" | "LOCK" | "UNLOCK" if self.dav => {
                Err(self.not_allowed(&request.rest).into())
            }
            // RFC 9110 §9.1: what nobody here knows.
            _ => Err(StatusCode::NOT_IMPLEMENTED.into()),
        };
        answer.or_else(Stop::answer)
    }

    /// What a listing of `path` offers beside its names.
    fn offers(&self, path: &VPath) -> Offers {
        let upload = self.write && self.files.rights(path, Reach::Inside).has(Ops::CREATE);
        Offers { upload, archives: self.archives }
    }

    fn not_allowed(&self, path: &VPath) -> Failure {
        Failure::new(StatusCode::METHOD_NOT_ALLOWED).with(header::ALLOW, self.allow(path))
    }

    fn options(&self, path: &VPath) -> Response {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::ALLOW, self.allow(path));
        // What is below counts as well: clients ask once, at the top.
        let rights = self.files.rights(path, Reach::Here) | self.files.rights(path, Reach::Below);
        let writes = self.write && rights.has_any(LOCKABLE);
        if writes {
            headers.insert(patch::ACCEPT_PATCH, HeaderValue::from_static(patch::FORMAT));
        }
        if !self.dav {
            *response.status_mut() = StatusCode::NO_CONTENT;
            return response;
        }
        // RFC 4918 §10.1, §18: class 2 is locks.
        let classes = match writes {
            true if self.files.place(path).is_some() => "1, 2, 3, sabredav-partialupdate",
            true => "1, 3, sabredav-partialupdate",
            false => "1, 3",
        };
        headers.insert("dav", HeaderValue::from_static(classes));
        // Without it Windows takes the server for one of FrontPage.
        headers.insert("ms-author-via", HeaderValue::from_static("DAV"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        response
    }
}

impl Handler for Static {
    async fn handle(&self, mut request: Request) -> Result<Response, Failure> {
        let mut own = self.own(&request).await?;
        let was_known = request.extensions.get::<Principal>().is_some();
        Box::pin(own.as_ref().unwrap_or(self).admit(&mut request)).await?;
        let who = request.extensions.get::<Principal>().filter(|_| !was_known).cloned();
        if who.is_some() {
            own = self.own(&request).await?;
        }
        let mut response = match own {
            Some(own) => Box::pin(own.answer(request)).await?,
            None => self.answer(request).await?,
        };
        if let Some(who) = who {
            response.extensions_mut().insert(who);
        }
        Ok(response)
    }
}

impl Static {
    /// The same with the tree of who has logged in, where each has one.
    async fn own(&self, request: &Request) -> Result<Option<Self>, Failure> {
        let (Some(people), Some(who)) = (&self.people, request.extensions.get::<Principal>()) else {
            return Ok(None);
        };
        let files = people.avatar(who).await.map_err(refused)?;
        Ok(Some(Self { files, ..self.clone() }))
    }
}

/// Why there is no tree for somebody.
fn refused(error: LoginError) -> Failure {
    match error {
        LoginError::Refused | LoginError::Unsupported => Failure::new(StatusCode::FORBIDDEN),
        LoginError::Busy => Failure::new(StatusCode::SERVICE_UNAVAILABLE),
        LoginError::Local(error) => error.during("a tree could not be opened").into(),
        _ => Failure::new(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

impl Static {
    async fn answer(&self, request: Request) -> Result<Response, Failure> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Box::pin(self.other(request)).await;
        }
        if self.dav && request.headers.contains_key("if") {
            // RFC 4918 §10.4.1: it is a condition of every method.
            let view = View::of(self, &request);
            if let Err(stop) = Box::pin(Guard::of(&view, &request.headers)).await {
                return stop.answer();
            }
        }
        if request.slash {
            return self.directory(&request).await;
        }
        match self.open(&request.rest).await {
            Ok(file) => self.send(&request, &request.rest, file).await,
            Err(FsError::IsDir) => Ok(redirect(&request)?),
            Err(error) => Err(self.failure(&request.rest, error).await),
        }
    }
}

impl Static {
    async fn open(&self, path: &VPath) -> Result<Box<dyn FileHandle>, FsError> {
        let how = Open::read();
        match self.files.open_now(path, &how) {
            Some(opened) => opened,
            None => self.files.open(path, &how).await,
        }
    }

    /// What was asked for with a slash: an index file, or a listing.
    async fn directory(&self, request: &Request) -> Result<Response, Failure> {
        if self.archives && self.listing.is_some() {
            let archive = Box::pin(archive::answer(&self.files, request)).await;
            if let Some(answer) = archive {
                return answer;
            }
        }
        for name in &self.index {
            let path = request.rest.join(name).map_err(|_| Failure::bad_request())?;
            match self.open(&path).await {
                Ok(file) => return self.send(request, &path, file).await,
                Err(FsError::NotFound | FsError::IsDir) => {}
                // Where nothing may be read, an index that is not there is not there.
                Err(FsError::Denied)
                    if matches!(self.files.stat(&path, false).await, Err(FsError::NotFound)) => {}
                Err(error) => return Err(self.failure(&path, error).await),
            }
        }
        match self.files.stat(&request.rest, true).await {
            Ok(meta) if meta.kind != Kind::Dir => Err(Failure::new(StatusCode::NOT_FOUND)),
            Ok(_) => match self.listing {
                Some(most) => listing::answer(&*self.files, request, most, self.offers(&request.rest)).await,
                None => Err(Failure::new(StatusCode::FORBIDDEN)),
            },
            Err(error) => Err(self.failure(&request.rest, error).await),
        }
    }

    /// What a failure to open `path` is to the peer.
    async fn failure(&self, path: &VPath, error: FsError) -> Failure {
        let denied = matches!(error, FsError::Denied);
        let failure = failed(path, error);
        if denied && !is_plain(&*self.files, path).await {
            return Failure::new(StatusCode::NOT_FOUND);
        }
        failure
    }
}

/// Whether what is refused at `path` is no link, nor behind one: that is not said to be there. What is in a directory
/// that may not be looked into is judged by that directory.
pub(crate) async fn is_plain(files: &dyn Files, path: &VPath) -> bool {
    let mut path = path.clone();
    loop {
        match files.stat(&path, false).await {
            Ok(meta) => return meta.kind != Kind::Link,
            Err(FsError::Denied) => {}
            Err(_) => return false,
        }
        match path.parent() {
            Some(parent) => path = parent,
            None => return false,
        }
    }
}

/// The status of each error, for reading. Its cause is for the log.
pub(crate) fn failure(error: FsError) -> Failure {
    let status = match &error {
        FsError::NotFound | FsError::NotDir | FsError::IsDir | FsError::Loop | FsError::CrossDevice => {
            StatusCode::NOT_FOUND
        }
        FsError::Exists | FsError::Stale => StatusCode::PRECONDITION_FAILED,
        FsError::NotEmpty | FsError::Busy => StatusCode::CONFLICT,
        FsError::Denied | FsError::ReadOnly => StatusCode::FORBIDDEN,
        FsError::Quota | FsError::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        FsError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FsError::BadName => StatusCode::BAD_REQUEST,
        FsError::Unsupported => StatusCode::NOT_IMPLEMENTED,
        // As many peers as there are descriptors are no fault to wake anybody for.
        FsError::Io(io) if is_exhausted(io) => {
            return Error::limit("descriptors", "cannot open one more file").caused_by(error).into();
        }
        _ => {
            let cause = Error::local("cannot read a file").caused_by(error);
            return Failure::new(StatusCode::INTERNAL_SERVER_ERROR).caused_by(cause);
        }
    };
    let failure = Failure::new(status);
    match &error {
        FsError::ReadOnly => failure.saying("Nothing can be changed here."),
        // By whom it is not allowed, rules or the system, is nobody else's business.
        FsError::Denied => failure.saying("That is not allowed here."),
        FsError::Quota => failure.saying("It would be more than the quota allows."),
        FsError::NoSpace => failure.saying("The disk of the server is full."),
        FsError::TooLarge => failure.saying("That is more than a file can be."),
        FsError::NotEmpty => failure.saying("The folder is not empty."),
        FsError::BadName => failure.saying("No file can have this name."),
        FsError::Exists => failure.saying("There is such a file already."),
        FsError::Stale => failure.saying("It has been changed meanwhile."),
        _ => failure,
    }
}

/// The [`failure`] of what is at `path`, which the log names where it is refused.
fn failed(path: &VPath, error: FsError) -> Failure {
    if matches!(error, FsError::Denied) {
        let path = String::from_utf8_lossy(path.as_bytes());
        let uid = rustix::process::geteuid().as_raw();
        // The quoted form shows controls as what they are.
        tracing::info!(?path, uid, "permission denied by the file system, or a link that leaves the folder");
    }
    failure(error)
}

/// Whether the system has no descriptor or memory left, for now.
fn is_exhausted(error: &std::io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| exhausted.contains(&errno))
}

/// To the same directory, with its slash. Made of the decoded path, so that it begins with one slash and names no
/// other authority, whatever was asked for.
fn redirect(request: &Request) -> Result<Response, Failure> {
    let mut place = target::encode_path(&request.path);
    place.push('/');
    if let Some(query) = request.uri.query() {
        place.push('?');
        place.push_str(query);
    }
    let place = HeaderValue::try_from(place).map_err(|_| Failure::bad_request())?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert(header::LOCATION, place);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_run_out_for_now_is_503_and_what_is_broken_500() {
        for (errno, status) in [(Errno::MFILE, 503), (Errno::NFILE, 503), (Errno::IO, 500)] {
            let failure = failure(FsError::Io(errno.into()));
            assert_eq!(failure.status().as_u16(), status, "{errno}");
        }
    }
}
