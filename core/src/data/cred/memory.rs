use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use zeroize::Zeroizing;

use super::{
    Authenticator, Credential, LONGEST_PASSWORD, LoginError, Method, Name, Origin, Principal, Step, prepare,
    prepare_name,
};
use crate::{Error, Result};

/// Users that were named on the command line.
///
/// A password is kept as its HMAC under a key of this process, and compared in constant time. It is not
/// hashed slowly: who could read this memory has the key and could read the command line, so argon2 would
/// protect nothing, and cost each request of HTTP Basic its time.
pub struct Memory {
    key: hmac::Key,
    users: HashMap<Name, hmac::Tag>,
    nobody: hmac::Tag,
}

impl Memory {
    /// Nobody yet.
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub fn new() -> Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|e| Error::local("no random numbers").caused_by(e))?;
        let nobody = hmac::sign(&key, b"");
        Ok(Self { key, users: HashMap::new(), nobody })
    }

    /// These and one more; a name given twice has the last password.
    #[must_use]
    pub fn user(mut self, user: NamePassword) -> Self {
        let tag = hmac::sign(&self.key, &prepare(&user.password));
        self.users.insert(user.name, tag);
        self
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Authenticator for Memory {
    async fn verify(&self, credential: Credential<'_>, _: &Origin<'_>) -> Result<Step, LoginError> {
        let Credential::Password { user, password } = credential else {
            return Err(LoginError::Unsupported);
        };
        if password.len() > LONGEST_PASSWORD {
            return Err(LoginError::Refused);
        }
        let known = self.users.get_key_value(&*prepare_name(user));
        let tag = known.map_or(&self.nobody, |(_, tag)| tag);
        let right = hmac::verify(&self.key, &prepare(password), tag.as_ref()).is_ok();
        match known {
            Some((name, _)) if right => Ok(Step::Done(Principal::new(name.clone(), [], Method::Password))),
            _ => Err(LoginError::Refused),
        }
    }
}

/// A user as named on a command line: `NAME:PASSWORD`. `Debug` does not show the password.
#[derive(Clone)]
pub struct NamePassword {
    name: Name,
    password: Zeroizing<Vec<u8>>,
}

impl FromStr for NamePassword {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, password) = text.split_once(':').ok_or_else(|| Error::local("not NAME:PASSWORD"))?;
        let name = Name::of_person(name).map_err(|e| Error::local("not NAME:PASSWORD").caused_by(e))?;
        if password.is_empty() || password.len() > LONGEST_PASSWORD {
            return Err(Error::local("a password is 1 to 1024 octets long"));
        }
        Ok(Self { name, password: password.as_bytes().to_vec().into() })
    }
}

impl fmt::Debug for NamePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamePassword").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    fn memory() -> Memory {
        Memory::new().unwrap().user("ann:sword:fish".parse().unwrap()).user("bob:x".parse().unwrap())
    }

    async fn login(user: &str, password: &[u8]) -> Result<Step, LoginError> {
        let from = Origin::new(&Address::Memory, "test");
        memory().verify(Credential::Password { user, password }, &from).await
    }

    #[tokio::test]
    async fn the_right_password_is_a_login() {
        let Step::Done(ann) = login("ann", b"sword:fish").await.unwrap();
        assert_eq!((ann.name().as_str(), ann.method()), ("ann", Method::Password));
    }

    #[tokio::test]
    async fn all_else_is_refused() {
        for (user, password) in
            [("ann", "swordfish"), ("ann", ""), ("bob", "sword:fish"), ("Ann", "sword:fish")]
        {
            assert!(matches!(login(user, password.as_bytes()).await, Err(LoginError::Refused)));
        }
        let twin = Memory::new().unwrap().user("ju\u{308}rgen:x".parse().unwrap());
        let from = Origin::new(&Address::Memory, "test");
        for user in ["j\u{fc}rgen", "ju\u{308}rgen"] {
            let said = Credential::Password { user, password: b"x" };
            assert!(twin.verify(said, &from).await.is_ok(), "{user}");
        }
        assert!("ftp:x".parse::<NamePassword>().is_err());
        // What stands in for the password of nobody opens nothing.
        assert!(matches!(login("nobody", b"").await, Err(LoginError::Refused)));
        assert!(matches!(login("../ann", b"sword:fish").await, Err(LoginError::Refused)));
    }

    #[tokio::test]
    async fn other_credentials_are_not_checked_here() {
        let from = Origin::new(&Address::Memory, "test");
        let answer = memory().verify(Credential::Anonymous, &from).await;
        assert!(matches!(answer, Err(LoginError::Unsupported)));
    }

    #[test]
    fn a_user_needs_a_name_and_a_password() {
        for text in ["ann", "ann:", ":pw", "../x:pw", ""] {
            assert!(text.parse::<NamePassword>().is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let user: NamePassword = "ann:swordfish".parse().unwrap();
        assert!(!format!("{user:?}").contains("swordfish"));
    }
}
