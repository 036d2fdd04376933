use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ropewalk_core::Error;
use ropewalk_core::data::cred::{LoginError, Name, Principal, Realm};
use ropewalk_core::data::files::layers::{
    Dots, Marked, Mounts, NoSuchOp, Ops, Rates, Rule, Share, Turns, View, Whose,
};
use ropewalk_core::data::files::{self, Files, Glob, VPath};
use ropewalk_store::files::local::Local;
use ropewalk_store::marks::Store;

use super::rules::{self, RuleFor};
use super::{marks, shares};

/// Where a tree is.
pub(super) enum Base {
    /// In a folder, for all; and where that really is.
    Folder(Local, PathBuf),
    /// In folders of this one, each of somebody.
    Homes(Local, PathBuf),
    /// In others.
    Mounts {
        people: BTreeMap<VPath, Arc<dyn Realm<dyn Files>>>,
        /// What each of them is for everybody, where it is that.
        everybody: Option<BTreeMap<VPath, Arc<dyn Files>>>,
        /// Where all of them are, in words that are no other's.
        at: PathBuf,
    },
}

/// What all sessions of one person have together.
#[derive(Default)]
struct Person {
    turns: Turns,
    rates: Option<Arc<Rates>>,
}

/// A tree, as each person sees it.
pub(super) struct People {
    name: String,
    base: Base,
    rules: Option<Vec<RuleFor>>,
    /// What is nobody's to see.
    closed: Vec<Glob>,
    dots: Dots,
    quota: Option<u64>,
    rate: Option<NonZeroU64>,
    audit: bool,
    /// Where locks and properties are kept; in memory where there is none.
    store: Option<Arc<Store>>,
    /// Those who have come; and whoever has not logged in.
    persons: Mutex<HashMap<Option<Name>, Person>>,
}

impl People {
    pub(super) fn new(
        name: &str,
        base: Base,
        rules: Option<Vec<RuleFor>>,
        dots: Dots,
        quota: Option<u64>,
        rate: Option<NonZeroU64>,
        audit: bool,
    ) -> Self {
        let (closed, store, persons) = Default::default();
        Self { name: name.to_owned(), base, rules, closed, dots, quota, rate, audit, store, persons }
    }

    /// Without these paths.
    pub(super) fn closed(self, closed: Vec<Glob>) -> Self {
        Self { closed, ..self }
    }

    /// With locks and properties in this store, where there is one.
    pub(super) fn marks_in(self, store: Option<Arc<Store>>) -> Self {
        Self { store, ..self }
    }

    /// The view of whoever has not logged in, if there is one that is nobody's own.
    pub(super) fn everybody(&self) -> Option<Arc<dyn Files>> {
        let files: Arc<dyn Files> = match &self.base {
            Base::Folder(local, at) => self.marked(local, at),
            Base::Homes(..) => return None,
            Base::Mounts { everybody, .. } => Arc::new(Mounts::new(None, everybody.clone()?)),
        };
        Some(self.view(files, None, None, None))
    }

    /// A folder with its marks, which are the same for whoever comes to it.
    fn marked(&self, folder: &Local, at: &Path) -> Arc<dyn Files> {
        Arc::new(Marked::new(folder.clone(), marks::of(self.store.as_deref(), at)))
    }

    fn view(
        &self,
        files: Arc<dyn Files>,
        who: Option<&Principal>,
        home: Option<files::Name>,
        rights: Option<Ops>,
    ) -> Arc<dyn Files> {
        let rules = self.rules.as_ref().map(|rules| rules::of(rules, who));
        let mut view = View::default();
        let whose = || Whose {
            user: who.map_or("-", |who| who.name().as_str()).into(),
            tree: self.name.as_str().into(),
        };
        view.audit = self.audit.then(whose);
        view.rules = without(&self.closed, restricted(rules, rights)).map(Into::into);
        view.share = self.share(who, home);
        (view.turns, view.rates) = self.pace(who);
        view.dots = self.dots;
        view.of(files)
    }

    /// What somebody may do at once, and how fast.
    fn pace(&self, who: Option<&Principal>) -> (Turns, Option<Arc<Rates>>) {
        let mut all = self.persons.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Person { rates: self.rate.map(|rate| Arc::new(Rates::new(rate))), ..Person::default() };
        let person = all.entry(who.map(|who| who.name().clone())).or_insert_with(new);
        (person.turns.clone(), person.rates.clone())
    }

    /// What a folder may have; somebody's own, as much as the account says.
    fn share(&self, who: Option<&Principal>, home: Option<files::Name>) -> Option<Share> {
        let own = home.as_ref().and(who).and_then(Principal::profile).and_then(|profile| profile.quota);
        let limit = own.or(self.quota)?;
        let (Base::Folder(_, at) | Base::Homes(_, at) | Base::Mounts { at, .. }) = &self.base;
        let own = home.map(|home| at.join(OsStr::from_bytes(home.as_bytes())));
        Some(shares::of(own.as_ref().unwrap_or(at), limit))
    }

    /// The folder that is somebody's own.
    async fn home(
        &self,
        homes: &Local,
        at: &Path,
        who: &Principal,
    ) -> Result<(Arc<dyn Files>, files::Name), LoginError> {
        if who.is_guest() {
            return Err(LoginError::Refused);
        }
        let home = who.profile().and_then(|profile| profile.home.as_deref()).unwrap_or(who.name().as_str());
        let fault = |why: String| {
            LoginError::Local(Error::local(format!(
                "[files.{}]: the folder of {}: {why}",
                self.name,
                who.name()
            )))
        };
        let home = files::Name::new(home.as_bytes().to_vec()).map_err(|error| fault(error.to_string()))?;
        let folder = homes.within(&home).await.map_err(|error| fault(error.to_string()))?;
        let at = at.join(OsStr::from_bytes(home.as_bytes()));
        Ok((self.marked(&folder, &at), home))
    }
}

/// Rules that allow no more than the rights of somebody.
fn restricted(rules: Option<Vec<Rule>>, rights: Option<Ops>) -> Option<Vec<Rule>> {
    let Some(rights) = rights else { return rules };
    let rules = rules.unwrap_or_else(everywhere);
    Some(rules.into_iter().map(|rule| Rule { allow: rule.allow & rights, ..rule }).collect())
}

/// Rules that allow nothing where one of these is.
fn without(closed: &[Glob], rules: Option<Vec<Rule>>) -> Option<Vec<Rule>> {
    if closed.is_empty() {
        return rules;
    }
    let first = closed.iter().map(|path| Rule { path: path.clone(), allow: Ops::NONE });
    Some(first.chain(rules.unwrap_or_else(everywhere)).collect())
}

fn everywhere() -> Vec<Rule> {
    "/**".parse().map(|path| vec![Rule { path, allow: Ops::ALL }]).unwrap_or_default()
}

/// What an account says that its owner may do: words as in rules.
fn rights(who: &Principal) -> Result<Option<Ops>, LoginError> {
    let Some(words) = who.profile().and_then(|profile| profile.rights.as_deref()) else { return Ok(None) };
    let words = words.split([',', ' ']).filter(|word| !word.is_empty());
    let ops = words.map(str::parse).try_fold(Ops::NONE, |all, one: Result<Ops, _>| Ok(all | one?));
    ops.map(Some).map_err(|error: NoSuchOp| {
        LoginError::Local(Error::local(format!("the rights of {}: {error}", who.name())))
    })
}

#[async_trait]
impl Realm<dyn Files> for People {
    async fn avatar(&self, who: &Principal) -> Result<Arc<dyn Files>, LoginError> {
        let rights = rights(who)?;
        let mut home = None;
        let files: Arc<dyn Files> = match &self.base {
            Base::Folder(local, at) => self.marked(local, at),
            Base::Homes(homes, at) => {
                let (files, name) = self.home(homes, at, who).await?;
                home = Some(name);
                files
            }
            Base::Mounts { people, .. } => {
                let mut mounts = BTreeMap::new();
                for (path, realm) in people {
                    match realm.avatar(who).await {
                        Ok(files) => drop(mounts.insert(path.clone(), files)),
                        // A tree that has nothing for this person is not there.
                        Err(LoginError::Refused) => {}
                        Err(error) => return Err(error),
                    }
                }
                Arc::new(Mounts::new(None, mounts))
            }
        };
        Ok(self.view(files, Some(who), home, rights))
    }
}
