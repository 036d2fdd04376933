use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Authenticator, Credential, LoginError, Name, Origin, Principal, ScramVerifier, Step};

/// Gives each person a view of the data, restricted to what is theirs.
#[async_trait]
pub trait Realm<A: ?Sized>: Send + Sync {
    /// The view of this person.
    ///
    /// # Errors
    /// [`LoginError::Refused`] where this person has none.
    async fn avatar(&self, who: &Principal) -> Result<Arc<A>, LoginError>;
}

/// The way in to one view of the data. Clones are the same portal.
pub struct Portal<A: ?Sized> {
    authenticator: Arc<dyn Authenticator>,
    realm: Arc<dyn Realm<A>>,
}

impl<A: ?Sized> Portal<A> {
    /// Whom the authenticator knows gets what the realm gives.
    pub fn new(authenticator: Arc<dyn Authenticator>, realm: Arc<dyn Realm<A>>) -> Self {
        Self { authenticator, realm }
    }

    /// Logs somebody in.
    ///
    /// # Errors
    /// What the authenticator and the realm say.
    pub async fn login(&self, credential: Credential<'_>, from: &Origin<'_>) -> Result<Login<A>, LoginError> {
        let Step::Done(principal) = self.authenticator.verify(credential, from).await?;
        let avatar = self.realm.avatar(&principal).await?;
        Ok(Login { avatar, principal })
    }

    /// For SCRAM.
    pub fn authenticator(&self) -> &dyn Authenticator {
        &*self.authenticator
    }
}

impl<A: ?Sized> Clone for Portal<A> {
    fn clone(&self) -> Self {
        Self { authenticator: Arc::clone(&self.authenticator), realm: Arc::clone(&self.realm) }
    }
}

impl<A: ?Sized> fmt::Debug for Portal<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal").finish_non_exhaustive()
    }
}

/// Somebody's stay. Dropping it, and the clones of its avatar, is the logout.
pub struct Login<A: ?Sized> {
    avatar: Arc<A>,
    principal: Principal,
}

impl<A: ?Sized> Login<A> {
    /// The view of the data.
    pub fn avatar(&self) -> &Arc<A> {
        &self.avatar
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl<A: ?Sized> fmt::Debug for Login<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// Several authenticators as one: the first that knows the peer decides who it is.
///
/// All are asked until one says yes, so that a refusal takes the work of all, whoever knew the name. One that
/// cannot answer now ends the search: what it would have said is not for the next to say. A name in two
/// of them has two passwords.
pub struct AnyOf(Vec<Arc<dyn Authenticator>>);

impl AnyOf {
    /// These, in this order; of none, nobody gets in.
    pub fn new(authenticators: Vec<Arc<dyn Authenticator>>) -> Self {
        Self(authenticators)
    }
}

impl fmt::Debug for AnyOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyOf").field("count", &self.0.len()).finish()
    }
}

#[async_trait]
impl Authenticator for AnyOf {
    async fn verify(&self, credential: Credential<'_>, from: &Origin<'_>) -> Result<Step, LoginError> {
        let mut answer = LoginError::Unsupported;
        for authenticator in &self.0 {
            match authenticator.verify(credential, from).await {
                Err(LoginError::Unsupported) => {}
                Err(LoginError::Refused) => answer = LoginError::Refused,
                decided => return decided,
            }
        }
        Err(answer)
    }

    /// The verifier of the first that keeps any. It is the last to be asked too, since it has one for
    /// unknown users.
    async fn scram(&self, user: &Name, from: &Origin<'_>) -> Result<ScramVerifier, LoginError> {
        for authenticator in &self.0 {
            match authenticator.scram(user, from).await {
                Err(LoginError::Unsupported) => {}
                decided => return decided,
            }
        }
        Err(LoginError::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::{Memory, Method};
    use super::*;
    use crate::{Address, Error};

    trait Purse: Send + Sync {
        fn owner(&self) -> String;
    }

    struct Leather(String, Arc<AtomicUsize>);

    impl Purse for Leather {
        fn owner(&self) -> String {
            self.0.clone()
        }
    }

    impl Drop for Leather {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Purses(Arc<AtomicUsize>);

    #[async_trait]
    impl Realm<dyn Purse> for Purses {
        async fn avatar(&self, who: &Principal) -> Result<Arc<dyn Purse>, LoginError> {
            if who.name().as_str() == "monk" {
                return Err(LoginError::Refused);
            }
            Ok(Arc::new(Leather(who.name().to_string(), Arc::clone(&self.0))))
        }
    }

    struct Answers(fn() -> Result<Step, LoginError>, AtomicUsize);

    impl Answers {
        fn new(answer: fn() -> Result<Step, LoginError>) -> Arc<Self> {
            Arc::new(Self(answer, AtomicUsize::new(0)))
        }

        fn asked(&self) -> usize {
            self.1.load(Ordering::Relaxed)
        }
    }

    #[async_trait]
    impl Authenticator for Answers {
        async fn verify(&self, _: Credential<'_>, _: &Origin<'_>) -> Result<Step, LoginError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            (self.0)()
        }
    }

    fn bob() -> Result<Step, LoginError> {
        Ok(Step::Done(Principal::new("bob".parse().unwrap(), [], Method::Password)))
    }

    #[tokio::test]
    async fn a_login_gives_the_view_of_its_owner_and_dropping_it_is_the_logout() {
        let memory = Memory::new().unwrap().user("ann:pw".parse().unwrap()).user("monk:pw".parse().unwrap());
        let closed = Arc::new(AtomicUsize::new(0));
        let portal: Portal<dyn Purse> = Portal::new(Arc::new(memory), Arc::new(Purses(Arc::clone(&closed))));
        let from = Origin::new(&Address::Memory, "test");

        let ann = Credential::Password { user: "ann", password: b"pw" };
        let login = portal.clone().login(ann, &from).await.unwrap();
        assert_eq!(login.avatar().owner(), "ann");
        assert_eq!(closed.load(Ordering::Relaxed), 0);
        drop(login);
        assert_eq!(closed.load(Ordering::Relaxed), 1);

        let monk = Credential::Password { user: "monk", password: b"pw" };
        assert!(matches!(portal.login(monk, &from).await, Err(LoginError::Refused)));
    }

    async fn ask(these: &[&Arc<Answers>]) -> Result<Step, LoginError> {
        let all = these.iter().map(|one| Arc::clone(one) as Arc<dyn Authenticator>).collect();
        AnyOf::new(all).verify(Credential::Anonymous, &Origin::new(&Address::Memory, "test")).await
    }

    #[tokio::test]
    async fn the_first_that_says_yes_decides() {
        let (no, yes, last) =
            (Answers::new(|| Err(LoginError::Refused)), Answers::new(bob), Answers::new(bob));
        assert!(ask(&[&no, &yes, &last]).await.is_ok());
        assert_eq!((no.asked(), yes.asked(), last.asked()), (1, 1, 0));
    }

    #[tokio::test]
    async fn a_refusal_takes_the_work_of_all() {
        let (a, b) =
            (Answers::new(|| Err(LoginError::Refused)), Answers::new(|| Err(LoginError::Unsupported)));
        assert!(matches!(ask(&[&a, &b]).await, Err(LoginError::Refused)));
        assert!(matches!(ask(&[&b, &a]).await, Err(LoginError::Refused)));
        assert!(matches!(ask(&[&b]).await, Err(LoginError::Unsupported)));
        assert_eq!((a.asked(), b.asked()), (2, 3));
    }

    #[tokio::test]
    async fn one_that_cannot_answer_ends_the_search() {
        let yes = Answers::new(bob);
        let broken = Answers::new(|| Err(LoginError::Local(Error::local("gone"))));
        let busy = Answers::new(|| Err(LoginError::Busy));
        assert!(matches!(ask(&[&broken, &yes]).await, Err(LoginError::Local(_))));
        assert!(matches!(ask(&[&busy, &yes]).await, Err(LoginError::Busy)));
        assert_eq!(yes.asked(), 0);
    }
}
