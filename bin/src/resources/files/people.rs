use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use ropewalk_core::Error;
use ropewalk_core::data::cred::{LoginError, Name, Principal, Realm};
use ropewalk_core::data::files::layers::{
    Dots, Marked, MemoryLedger, Mounts, NoSuchOp, Ops, Rates, Rule, Share, View,
};
use ropewalk_core::data::files::{self, Files, Marks, VPath};
use ropewalk_store::files::local::Local;

use super::rules::{self, RuleFor};

/// Where a tree is.
pub(super) enum Base {
    /// In a folder, for all; and where that is.
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

/// A tree, as each person sees it.
pub(super) struct People {
    name: String,
    base: Base,
    rules: Option<Vec<RuleFor>>,
    dots: Dots,
    quota: Option<u64>,
    rate: Option<NonZeroU64>,
    audit: bool,
    /// What somebody has in all sessions together; of nobody in particular, what all have.
    accounts: Mutex<HashMap<Option<Name>, Account>>,
    /// The locks and properties of each folder: of somebody's own, by its name.
    marks: Mutex<HashMap<Option<files::Name>, Arc<Marks>>>,
}

/// What is counted for somebody.
#[derive(Clone, Default)]
struct Account {
    share: Option<Arc<Share>>,
    limit: Option<u64>,
    rates: Option<Arc<Rates>>,
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
        let (accounts, marks) = Default::default();
        Self { name: name.to_owned(), base, rules, dots, quota, rate, audit, accounts, marks }
    }

    /// The view of whoever has not logged in, if there is one that is nobody's own.
    pub(super) fn everybody(&self) -> Option<Arc<dyn Files>> {
        let files: Arc<dyn Files> = match &self.base {
            Base::Folder(local, at) => self.marked(local, at, None),
            Base::Homes(..) => return None,
            Base::Mounts { everybody, .. } => Arc::new(Mounts::new(None, everybody.clone()?)),
        };
        Some(self.view(files, None, None))
    }

    /// A folder with its marks, which are the same for whoever comes to it.
    fn marked(&self, folder: &Local, at: &Path, home: Option<files::Name>) -> Arc<dyn Files> {
        let mut all = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = all.entry(home).or_insert_with(|| marks(at));
        Arc::new(Marked::new(folder.clone(), Arc::clone(marks)))
    }

    fn view(&self, files: Arc<dyn Files>, who: Option<&Principal>, rights: Option<Ops>) -> Arc<dyn Files> {
        let account = self.account(who);
        let rules = self.rules.as_ref().map(|rules| rules::of(rules, who));
        let mut view = View::default();
        view.audit = self.audit.then(|| who.map_or("-", |who| who.name().as_str()).into());
        view.rules = restricted(rules, rights).map(Into::into);
        view.share = account.share;
        view.rates = account.rates;
        view.dots = self.dots;
        view.of(files)
    }

    /// What is counted for somebody: the rate for each person, the quota where each has files of their own.
    fn account(&self, who: Option<&Principal>) -> Account {
        let name = who.map(|who| who.name().clone());
        let owner = if matches!(self.base, Base::Homes(..)) { name.clone() } else { None };
        let own = owner.as_ref().and(who).and_then(Principal::profile).and_then(|profile| profile.quota);
        let limit = own.or(self.quota);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = accounts.entry(owner).or_default();
        if counted.limit != limit {
            let share = |limit| Arc::new(Share::uncounted(Arc::new(MemoryLedger::new(limit, 0))));
            (counted.share, counted.limit) = (limit.map(share), limit);
        }
        let share = counted.share.clone();
        let rates = self.rate.map(|rate| {
            let slowed = accounts.entry(name).or_default();
            slowed.rates.get_or_insert_with(|| Arc::new(Rates::new(rate))).clone()
        });
        Account { share, limit, rates }
    }

    /// The folder that is somebody's own.
    async fn home(&self, homes: &Local, at: &Path, who: &Principal) -> Result<Arc<dyn Files>, LoginError> {
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
        Ok(self.marked(&folder, &at, Some(home)))
    }
}

/// The marks of folders by where these are, so that one has the same under each name that the configuration gives it,
/// and after a reload.
static MARKS: LazyLock<Mutex<HashMap<PathBuf, Weak<Marks>>>> = LazyLock::new(Mutex::default);

fn marks(at: &Path) -> Arc<Marks> {
    let at = at.canonicalize().unwrap_or_else(|_| at.to_owned());
    let mut all = MARKS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(marks) = all.get(&at).and_then(Weak::upgrade) {
        return marks;
    }
    all.retain(|_, marks| marks.strong_count() > 0);
    let marks = Arc::new(Marks::memory());
    all.insert(at, Arc::downgrade(&marks));
    marks
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
        let files: Arc<dyn Files> = match &self.base {
            Base::Folder(local, at) => self.marked(local, at, None),
            Base::Homes(homes, at) => self.home(homes, at, who).await?,
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
        Ok(self.view(files, Some(who), rights))
    }
}
