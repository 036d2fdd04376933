//! PROPFIND (RFC 4918 §9.1).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use ropewalk_core::data::files::{
    DirStream, Entry, FsError, Kind, ListOptions, Lock, Marks, Meta, Ops, Place, Prop, PropName, Reach, VPath,
};
use ropewalk_core::{Error, Result as CoreResult};
use tokio::sync::OwnedSemaphorePermit;

use super::live::{self, Item};
use super::multistatus::{CLOSE, OPEN, empty, propstat, response};
use super::xml::{DAV, Element};
use super::{DOCUMENT, Depth, Guard, Stop, View, depth};
use crate::files::is_plain;
use crate::server::{Body, Failure, Request, Response};
use crate::site::{Closed, Gate};

/// Names that are asked of a directory, and answered, at once.
const BATCH: usize = 256;
/// Properties that are asked for at once.
const MOST: usize = 256;
/// Octets that are sent as soon as there are so many: no more are held than these and what is said of one resource.
const CHUNK: usize = 64 * 1024;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// What others have set, what the server knows of its own, and these.
    All(Vec<PropName>),
    /// Only the names.
    Names,
    Props(Vec<PropName>),
}

pub(super) async fn answer(view: View, request: Request) -> Result<Response, Stop> {
    let depth = depth(&request.headers)?.unwrap_or(Depth::Infinity);
    Guard::of(&view, &request.headers).await?;
    let closed = Gate::closed(&request).await;
    let wanted = Wanted::parse(&request.body.read(DOCUMENT).await?)?;
    // What is known of all members is held for as long as they are told.
    let permit = Arc::clone(&request.facts.costly).acquire_owned().await.ok();
    let meta = match view.files.stat(&view.path, true).await {
        // As for GET: that there is a link out of the tree is not told.
        Err(FsError::Denied) if !is_plain(&*view.files, &view.path).await => {
            return Err(StatusCode::NOT_FOUND.into());
        }
        found => found.map_err(Stop::find)?,
    };
    match meta.kind {
        Kind::Dir => {}
        // A file has no members; a link that leads nowhere is nothing to open.
        Kind::File if !view.slash => {}
        _ => return Err(StatusCode::NOT_FOUND.into()),
    }
    let is_dir = meta.kind == Kind::Dir;
    if is_dir && depth == Depth::Infinity {
        // RFC 4918 §9.1.1: of collections.
        return Err(Stop::condition(StatusCode::FORBIDDEN, "propfind-finite-depth", ""));
    }
    // RFC 4918 §5.2.
    let named = (is_dir && !view.slash).then(|| view.href(&view.path, true));
    let marks = Known::of(&view, is_dir && depth == Depth::One).await?;
    let about = About { view, wanted, marks, closed };
    let mut out = String::with_capacity(4096);
    out.push_str(OPEN);
    about.resource(&mut out, about.view.path.clone(), meta).await?;
    if !is_dir || depth == Depth::Zero {
        out.push_str(CLOSE);
        return Ok(located(response(out), named.as_deref()));
    }
    let mut options = ListOptions::default();
    options.follow = true;
    let members = about.view.files.list(&about.view.path, options).await.map_err(Stop::find)?;
    let listing = listing(Listing { about, members, batch: VecDeque::new(), _permit: permit }, out);
    Ok(located(response(listing), named.as_deref()))
}

/// An answer about what has this name rather than the one that was asked for.
fn located(mut response: Response, name: Option<&str>) -> Response {
    if let Some(name) = name.and_then(|name| HeaderValue::from_str(name).ok()) {
        response.headers_mut().insert(header::CONTENT_LOCATION, name);
    }
    response
}

impl Wanted {
    /// What the document says; where there is none, that is everything (RFC 4918 §9.1).
    fn parse(document: &[u8]) -> Result<Self, Stop> {
        if document.trim_ascii().is_empty() {
            return Ok(Self::All(Vec::new()));
        }
        let root = Element::parse(document)?;
        if !root.is("propfind") {
            return Err(Failure::bad_request().into());
        }
        // Whoever asks twice is told once.
        let names = |element: &Element| {
            let mut names: Vec<PropName> = Vec::new();
            for name in element.elements().map(|element| &element.name) {
                if names.len() <= MOST && !names.contains(name) {
                    names.push(name.clone());
                }
            }
            names
        };
        let wanted = match (root.child("prop"), root.child("allprop"), root.child("propname")) {
            (Some(prop), None, None) => Self::Props(names(prop)),
            (None, Some(_), None) => Self::All(root.child("include").map(names).unwrap_or_default()),
            (None, None, Some(_)) => Self::Names,
            _ => return Err(Failure::bad_request().into()),
        };
        match &wanted {
            // Each is answered for every member.
            Self::All(names) | Self::Props(names) if names.len() > MOST => Err(Failure::bad_request().into()),
            _ => Ok(wanted),
        }
    }

    fn wants_space(&self) -> bool {
        let is_quota =
            |name: &PropName| &*name.namespace == DAV && live::QUOTA.contains(&name.local.as_str());
        match self {
            Self::All(names) | Self::Props(names) => names.iter().any(is_quota),
            Self::Names => true,
        }
    }
}

/// Locks and properties around what was asked for, found at once for all its members.
struct Known {
    place: Option<Place>,
    locks: Vec<Lock>,
    props: BTreeMap<VPath, Vec<Prop>>,
}

impl Known {
    async fn of(view: &View, members: bool) -> Result<Self, Stop> {
        let Some(place) = view.files.place(&view.path) else {
            return Ok(Self { place: None, locks: Vec::new(), props: BTreeMap::new() });
        };
        let locks = place.marks.locks().over(&place.path, members).await.map_err(Stop::change)?;
        let mut props = match members {
            true => place.marks.props().within(&place.path).await.map_err(Stop::change)?,
            false => BTreeMap::new(),
        };
        props.insert(place.path.clone(), place.marks.props().of(&place.path).await.map_err(Stop::change)?);
        Ok(Self { place: Some(place), locks, props })
    }

    /// Whether that is kept with what is known here.
    fn is_of(&self, marks: &Arc<Marks>) -> bool {
        self.place.as_ref().is_some_and(|place| Arc::ptr_eq(&place.marks, marks))
    }
}

/// What is told of every resource, and how.
struct About {
    view: View,
    wanted: Wanted,
    marks: Known,
    /// Members that are not told.
    closed: Closed,
}

impl About {
    /// Writes what was asked for about one resource.
    async fn resource(&self, out: &mut String, path: VPath, meta: Meta) -> Result<(), Stop> {
        let view = &self.view;
        let place = view.files.place(&path);
        let (locks, dead) = match &place {
            None => (Vec::new(), Vec::new()),
            Some(place) if self.marks.is_of(&place.marks) => {
                let locks = self.marks.locks.iter().filter(|lock| lock.covers(&place.path));
                (locks.cloned().collect(), self.marks.props.get(&place.path).cloned().unwrap_or_default())
            }
            // What is mounted here has its own.
            Some(place) => {
                let locks = place.marks.locks().over(&place.path, false).await.map_err(Stop::change)?;
                (locks, place.marks.props().of(&place.path).await.map_err(Stop::change)?)
            }
        };
        // What others have set is for those who may read what they set it on.
        let needed = if meta.kind == Kind::Dir { Ops::LIST | Ops::READ } else { Ops::READ };
        let dead = if view.files.rights(&path, Reach::Here).has_any(needed) { dead } else { Vec::new() };
        let space = match self.wanted.wants_space() && meta.kind == Kind::Dir {
            true => view.files.space(&path).await.ok(),
            false => None,
        };
        self.item(out, &Item { path, meta, place, locks, dead, space });
        Ok(())
    }

    fn item(&self, out: &mut String, item: &Item) {
        let view = &self.view;
        let (mut found, mut missing) = (String::new(), String::new());
        let mut write = |name: &PropName| {
            if !item.write(&mut found, view, name) {
                empty(&mut missing, name);
            }
        };
        match &self.wanted {
            Wanted::Props(names) => names.iter().for_each(&mut write),
            Wanted::Names => {
                for local in live::ALL.iter().chain(&live::QUOTA).filter(|local| item.has(view, local)) {
                    found.extend(["<D:", local, "/>"]);
                }
                item.dead.iter().for_each(|prop| empty(&mut found, &prop.name));
            }
            Wanted::All(include) => {
                let is_live =
                    |name: &PropName| &*name.namespace == DAV && live::ALL.contains(&name.local.as_str());
                let is_told = |name: &PropName| is_live(name) || item.dead.iter().any(|p| p.name == *name);
                include.iter().filter(|name| !is_told(name)).for_each(&mut write);
                for local in live::ALL {
                    let name = PropName { namespace: DAV.into(), local: local.into() };
                    item.write(&mut found, view, &name);
                }
                for prop in item.dead.iter().filter(|prop| !is_live(&prop.name)) {
                    found.push_str(&String::from_utf8_lossy(&prop.value));
                }
            }
        }
        out.push_str("<D:response><D:href>");
        out.push_str(&view.href(&item.path, item.is_dir()));
        out.push_str("</D:href>");
        if found.is_empty() && missing.is_empty() {
            // RFC 4918 §14.24: there is at least one.
            out.push_str("<D:propstat><D:prop/><D:status>HTTP/1.1 200 OK</D:status></D:propstat>");
        }
        propstat(out, &found, StatusCode::OK, "");
        propstat(out, &missing, StatusCode::NOT_FOUND, "");
        out.push_str("</D:response>\n");
    }

    async fn member(&self, out: &mut String, entry: Entry) -> CoreResult<()> {
        // What can be neither opened nor listed is no resource.
        if !matches!(entry.meta.kind, Kind::File | Kind::Dir) {
            return Ok(());
        }
        let Ok(path) = self.view.path.join(&entry.name) else { return Ok(()) };
        if self.view.whole(&path).is_none_or(|whole| self.closed.has(&whole)) {
            return Ok(());
        }
        self.resource(out, path, entry.meta).await.map_err(|_| Error::local("properties could not be read"))
    }
}

/// The members of a directory, as they are listed.
struct Listing {
    about: About,
    members: Box<dyn DirStream>,
    /// Those that were listed and not told yet.
    batch: VecDeque<Entry>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Listing {
    async fn next(&mut self) -> CoreResult<Option<Entry>> {
        if self.batch.is_empty() {
            let batch = self.members.next_batch(BATCH).await;
            let batch = batch.map_err(|error| Error::local("cannot list a directory").caused_by(error))?;
            self.batch.extend(batch);
        }
        Ok(self.batch.pop_front())
    }
}

/// What was begun, and then all members.
fn listing(listing: Listing, begun: String) -> Body {
    let chunks = stream::try_unfold(Some((listing, begun)), |state| async move {
        let Some((mut listing, mut out)) = state else { return Ok(None) };
        while out.len() < CHUNK {
            let Some(entry) = listing.next().await? else {
                out.push_str(CLOSE);
                return Ok(Some((Bytes::from(out), None)));
            };
            listing.about.member(&mut out, entry).await?;
        }
        Ok(Some((Bytes::from(out), Some((listing, String::with_capacity(CHUNK))))))
    });
    Body::stream(chunks)
}

#[cfg(test)]
mod tests {
    use ropewalk_core::data::files::{Files as _, Memory};

    use super::*;

    fn name(namespace: &str, local: &str) -> PropName {
        PropName { namespace: namespace.into(), local: local.into() }
    }

    #[test]
    fn the_document_says_what_is_wanted() {
        let propfind = |inside: &str| format!("<propfind xmlns='DAV:' xmlns:x='urn:x'>{inside}</propfind>");
        let parse = |text: &str| Wanted::parse(text.as_bytes()).map_err(|e| e.status().as_u16());
        assert_eq!(parse(" "), Ok(Wanted::All(vec![])));
        assert_eq!(parse(&propfind("<allprop/>")), Ok(Wanted::All(vec![])));
        assert_eq!(
            parse(&propfind("<allprop/><include><x:a/></include>")),
            Ok(Wanted::All(vec![name("urn:x", "a")]))
        );
        assert_eq!(parse(&propfind("<propname/><x:unknown/>")), Ok(Wanted::Names));
        let props = vec![name("DAV:", "getetag"), name("urn:x", "a")];
        assert_eq!(parse(&propfind("<prop><getetag/><x:a/></prop>")), Ok(Wanted::Props(props)));
        let many: String = (0..=MOST).map(|n| format!("<a{n}/>")).collect();
        let many = format!("<prop>{many}</prop>");
        let twice = Wanted::Props(vec![name("DAV:", "a")]);
        assert_eq!(parse(&propfind("<prop><a/><a/></prop>")), Ok(twice));
        for bad in ["<a/>", "<propfind xmlns='urn:x'><prop/></propfind>", &propfind(""), &propfind(&many)] {
            assert_eq!(parse(bad), Err(400), "{bad}");
        }
        assert_eq!(parse(&propfind("<prop/><allprop/>")), Err(400));
    }

    /// Whatever is asked of however many, no more is held than one chunk and one resource.
    #[tokio::test]
    async fn a_listing_is_sent_by_octets() {
        let mut files = Memory::new();
        for n in 0..600 {
            files = files.with(&format!("/{n}"), "");
        }
        let names = (0..MOST).map(|n| name("urn:long", &format!("{}{n}", "n".repeat(100)))).collect();
        let view = View::of_tree(Arc::new(files));
        let members = view.files.list(&VPath::ROOT, ListOptions::default()).await.unwrap();
        let marks = Known::of(&view, true).await.ok().unwrap();
        let about = About { view, wanted: Wanted::Props(names), marks, closed: Closed::default() };
        let mut body =
            listing(Listing { about, members, batch: VecDeque::new(), _permit: None }, OPEN.into());
        let (mut all, mut longest) = (0, 0);
        while let Some(chunk) = body.chunk().await.unwrap() {
            all += chunk.len();
            longest = longest.max(chunk.len());
        }
        assert!(all > 600 * MOST * 100, "{all}");
        assert!(longest < 2 * CHUNK, "{longest}");
    }
}
