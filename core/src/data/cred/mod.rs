//! Who is who: credentials, those who check them, and what a person gets to see.
//!
//! A protocol holds a [`Portal`] to the view of the data that it serves, such as `Portal<dyn Files>`. It
//! gives it what the peer said, a [`Credential`], and where that came from, an [`Origin`]. The portal asks its
//! [`Authenticator`] who that is, a [`Principal`], and its [`Realm`] for that person's view, the avatar. An
//! avatar is restricted to its owner; logging out is dropping the [`Login`].
//!
//! A peer learns nothing but "no": an unknown user, a wrong password and a disabled account are one
//! [`LoginError::Refused`], after the same work.

mod accounts;
mod anonymous;
mod apr1;
mod file;
mod hash;
mod hashing;
mod htpasswd;
mod memory;
mod name;
mod portal;
mod prepare;
mod recent;
mod table;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use anonymous::Anonymous;
pub use file::{Accounts, Format};
pub use hashing::Hashing;
pub use memory::{Memory, NamePassword};
pub use name::{InvalidName, Name};
pub use portal::{AnyOf, Login, Portal, Realm};
pub use prepare::{prepare, prepare_name};

use crate::{Address, Error};

/// Octets of the longest password that is looked at. A longer one is refused, whoever's it is.
pub const LONGEST_PASSWORD: usize = 1024;

/// Says who somebody is.
///
/// A refusal must not tell why: neither by its value nor by the work done before it.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Checks a credential.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for whatever is wrong with the credential, [`LoginError::Unsupported`] where
    /// this kind is not known here, [`LoginError::Busy`] and [`LoginError::Local`] where nothing was checked.
    async fn verify(&self, credential: Credential<'_>, from: &Origin<'_>) -> Result<Step, LoginError>;

    /// What a SCRAM exchange is computed from (RFC 5802 §3). An implementation gives an unknown user a salt
    /// too: the same one each time.
    ///
    /// # Errors
    /// [`LoginError::Unsupported`] where no verifiers are kept, which is the default.
    async fn scram(&self, _user: &Name, _from: &Origin<'_>) -> Result<ScramVerifier, LoginError> {
        Err(LoginError::Unsupported)
    }
}

/// What a peer says to prove who it is. `Debug` shows no secret.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Credential<'a> {
    /// A name and a password. The name is as the peer sent it: that it is no [`Name`] must take as long to
    /// refuse as a name that nobody has.
    Password {
        /// The name.
        user: &'a str,
        /// The password, in the octets that the peer sent.
        password: &'a [u8],
    },
    /// Nobody in particular (RFC 4505).
    Anonymous,
    /// A client certificate whose key the peer proved to hold, by the SHA-256 of its DER encoding.
    Certificate {
        /// The fingerprint.
        sha256: &'a [u8; 32],
    },
    /// A token: whoever bears it is its owner (RFC 6750).
    Token {
        /// The token, in the octets that the peer sent.
        token: &'a [u8],
    },
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password typed in the wrong field is a user name: that one is not shown either.
        f.write_str(match self {
            Self::Password { .. } => "Password",
            Self::Anonymous => "Anonymous",
            Self::Certificate { .. } => "Certificate",
            Self::Token { .. } => "Token",
        })
    }
}

/// Where a credential came from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Origin<'a> {
    /// The peer.
    pub peer: &'a Address,
    /// The service that asks, by its name in the configuration.
    pub service: &'a str,
    /// The `tls-exporter` channel binding (RFC 9266), over TLS.
    pub channel_binding: Option<&'a [u8]>,
}

impl<'a> Origin<'a> {
    /// A login at this service, without TLS.
    pub fn new(peer: &'a Address, service: &'a str) -> Self {
        Self { peer, service, channel_binding: None }
    }

    /// The same over TLS, with this `tls-exporter` channel binding.
    #[must_use]
    pub fn bound_to(self, channel_binding: &'a [u8]) -> Self {
        Self { channel_binding: Some(channel_binding), ..self }
    }
}

/// How far a login has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// This is who it is.
    Done(Principal),
}

/// Somebody who has logged in. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    name: Name,
    groups: Arc<[Name]>,
    method: Method,
    profile: Option<Arc<Profile>>,
}

impl Principal {
    /// Somebody of these groups, who logged in this way.
    pub fn new(name: Name, groups: impl Into<Arc<[Name]>>, method: Method) -> Self {
        Self { name, groups: groups.into(), method, profile: None }
    }

    /// The same, with what the account says of its owner's files.
    #[must_use]
    pub fn with_profile(self, profile: Arc<Profile>) -> Self {
        Self { profile: Some(profile), ..self }
    }

    /// The name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The groups.
    pub fn groups(&self) -> &[Name] {
        &self.groups
    }

    /// Whether the person is in this group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g.as_str() == group)
    }

    /// How the person logged in.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What the account says of its owner's files, where accounts say that.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_deref()
    }

    /// Whether this is nobody in particular.
    pub fn is_guest(&self) -> bool {
        self.method == Method::Anonymous
    }
}

/// What an account says of its owner's files, where that is other than for everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name of the folder that is the owner's, where that is not the owner's name.
    pub home: Option<String>,
    /// The octets that the owner's files may take.
    pub quota: Option<u64>,
    /// All that the owner may do, whatever is allowed besides: words of [`Ops`](crate::data::files::layers::Ops), with commas
    /// between them.
    pub rights: Option<String>,
}

/// How somebody logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// By a password.
    Password,
    /// As a guest.
    Anonymous,
    /// By a client certificate.
    Certificate,
    /// By a token.
    Token,
}

/// What a SCRAM server keeps of a password (RFC 5802 §3). `Debug` shows no key.
#[derive(Clone)]
pub struct ScramVerifier {
    /// The salt.
    pub salt: Vec<u8>,
    /// The iteration count.
    pub iterations: u32,
    /// `StoredKey`.
    pub stored_key: zeroize::Zeroizing<Vec<u8>>,
    /// `ServerKey`.
    pub server_key: zeroize::Zeroizing<Vec<u8>>,
}

impl fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramVerifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// Why nobody was logged in.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoginError {
    /// No. An unknown user, a wrong password and a disabled account are not told apart.
    Refused,
    /// This kind of credential is not checked here.
    Unsupported,
    /// Too many logins at once: nothing was checked, the peer may try later.
    Busy,
    /// The check itself failed.
    Local(Error),
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "login refused",
            Self::Unsupported => "no such way to log in here",
            Self::Busy => "too many logins at once",
            Self::Local(_) => "login could not be checked",
        })
    }
}

impl std::error::Error for LoginError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Local(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LoginError> for Error {
    fn from(error: LoginError) -> Self {
        let text = error.to_string();
        match error {
            LoginError::Refused | LoginError::Unsupported => Self::peer(text),
            LoginError::Busy => Self::limit("logins", text),
            LoginError::Local(cause) => cause.during(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_password_nor_name() {
        let said = Credential::Password { user: "tiger", password: b"swordfish" };
        assert_eq!(format!("{said:?}"), "Password");
    }

    #[test]
    fn a_failed_check_is_not_the_peers_fault() {
        let error = Error::from(LoginError::Local(Error::local("disk on fire")));
        assert_eq!(error.fault(), crate::Fault::Local);
        assert_eq!(error.chain(), "login could not be checked: disk on fire");
        assert_eq!(Error::from(LoginError::Busy).limit_name(), Some("logins"));
    }
}
