use async_trait::async_trait;

use super::name::GUESTS;
use super::{Authenticator, Credential, LoginError, Method, Name, Origin, Principal, Step};

/// Lets anybody in as a guest: whoever asks to be anonymous, and the users `anonymous` and `ftp` with any
/// password (RFC 1635; the password was once a mail address, and is not looked at).
///
/// Every guest is the principal `anonymous`, in no group.
#[derive(Clone, Debug)]
pub struct Anonymous(Principal);

impl Anonymous {
    /// The guests' entrance.
    pub fn new() -> Self {
        Self(Principal::new(Name::anonymous(), [], Method::Anonymous))
    }
}

impl Default for Anonymous {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Authenticator for Anonymous {
    async fn verify(&self, credential: Credential<'_>, _: &Origin<'_>) -> Result<Step, LoginError> {
        let is_guest = |user: &str| GUESTS.iter().any(|guest| guest.eq_ignore_ascii_case(user));
        match credential {
            Credential::Anonymous => Ok(Step::Done(self.0.clone())),
            Credential::Password { user, .. } if is_guest(user) => Ok(Step::Done(self.0.clone())),
            Credential::Password { .. } => Err(LoginError::Refused),
            _ => Err(LoginError::Unsupported),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    async fn enter(credential: Credential<'_>) -> Result<Step, LoginError> {
        Anonymous::new().verify(credential, &Origin::new(&Address::Memory, "ftp")).await
    }

    #[tokio::test]
    async fn guests_are_one_principal_whatever_they_say() {
        let Step::Done(guest) = enter(Credential::Anonymous).await.unwrap();
        assert!(guest.is_guest() && guest.groups().is_empty());
        for user in ["anonymous", "ftp", "FTP", "Anonymous"] {
            let answer = enter(Credential::Password { user, password: b"me@example.org" }).await;
            assert_eq!(answer.unwrap(), Step::Done(guest.clone()));
        }
    }

    #[tokio::test]
    async fn people_with_names_are_not_guests() {
        for user in ["ann", "", "anonymous2"] {
            let answer = enter(Credential::Password { user, password: b"" }).await;
            assert!(matches!(answer, Err(LoginError::Refused)));
        }
        let answer = enter(Credential::Certificate { sha256: &[0; 32] }).await;
        assert!(matches!(answer, Err(LoginError::Unsupported)));
    }
}
