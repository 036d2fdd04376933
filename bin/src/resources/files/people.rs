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
    Dots, Marked, MemoryLedger, Mounts, NoSuchOp, Ops, Rates, Rule, Share, View,
};
use ropewalk_core::data::files::{self, Files, VPath};
use ropewalk_store::files::local::Local;
use ropewalk_store::marks::Store;

use super::marks;
use super::rules::{self, RuleFor};

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
    },
}

/// By the name of a folder that is somebody's own, and by how much there may be.
type Shares = HashMap<(Option<files::Name>, u64), Arc<Share>>;

/// A tree, as each person sees it.
pub(super) struct People {
    name: String,
    base: Base,
    rules: Option<Vec<RuleFor>>,
    dots: Dots,
    quota: Option<u64>,
    rate: Option<NonZeroU64>,
    audit: bool,
    /// Where locks and properties are kept; in memory where there is none.
    store: Option<Arc<Store>>,
    /// What each folder has and may have: of somebody's own, by its name.
    shares: Mutex<Shares>,
    /// How fast each person is, in all sessions together; and whoever has not logged in.
    rates: Mutex<HashMap<Option<Name>, Arc<Rates>>>,
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
        let (store, shares, rates) = Default::default();
        Self { name: name.to_owned(), base, rules, dots, quota, rate, audit, store, shares, rates }
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
        view.audit = self.audit.then(|| who.map_or("-", |who| who.name().as_str()).into());
        view.rules = restricted(rules, rights).map(Into::into);
        view.share = self.share(who, home);
        view.rates = self.rate.map(|rate| {
            let mut all = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            let rates = all.entry(who.map(|who| who.name().clone()));
            Arc::clone(rates.or_insert_with(|| Arc::new(Rates::new(rate))))
        });
        view.dots = self.dots;
        view.of(files)
    }

    /// What a folder may have; somebody's own, as much as the account says.
    fn share(&self, who: Option<&Principal>, home: Option<files::Name>) -> Option<Arc<Share>> {
        let own = home.as_ref().and(who).and_then(Principal::profile).and_then(|profile| profile.quota);
        let limit = own.or(self.quota)?;
        let mut all = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let share = || Arc::new(Share::uncounted(Arc::new(MemoryLedger::new(limit, 0))));
        Some(Arc::clone(all.entry((home, limit)).or_insert_with(share)))
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
    let everywhere = || "/**".parse().map(|path| vec![Rule { path, allow: Ops::ALL }]).unwrap_or_default();
    let rules = rules.unwrap_or_else(everywhere);
    Some(rules.into_iter().map(|rule| Rule { allow: rule.allow & rights, ..rule }).collect())
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
