//! Logins.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use ropewalk_core::data::cred::{
    Authenticator, Credential, LONGEST_PASSWORD, LoginError, Method, Name, Origin, Principal, ScramVerifier,
    Step, prepare_name,
};
use ropewalk_core::{Error, Fault};

use super::row::{Key, Row};
use super::secret::{app_hash, sha256};
use super::{CredentialKind, Store};

#[async_trait]
impl Authenticator for Store {
    async fn verify(&self, credential: Credential<'_>, from: &Origin<'_>) -> Result<Step, LoginError> {
        let (row, method) = match credential {
            Credential::Password { user, password } => {
                (self.by_password(user, password, from).await?, Method::Password)
            }
            Credential::Certificate { sha256 } => {
                (self.by_key(Key::Certificate(*sha256), from).await?, Method::Certificate)
            }
            // What cannot be guessed needs no slow hash.
            Credential::Token { token } => {
                (self.by_key(Key::Token(sha256(token)), from).await?, Method::Token)
            }
            _ => return Err(LoginError::Unsupported),
        };
        let Some(row) = row else { return Err(LoginError::Refused) };
        if row.disabled {
            tracing::info!(user = %row.name, service = from.service, peer = %from.peer, "account is disabled");
            return Err(LoginError::Refused);
        }
        let who = Principal::new(row.name.clone(), Arc::clone(&row.groups), method);
        Ok(Step::Done(who.with_profile(Arc::clone(&row.profile))))
    }

    async fn scram(&self, user: &Name, _: &Origin<'_>) -> Result<ScramVerifier, LoginError> {
        self.verifier(user).await
    }
}

impl Store {
    /// Every refusal has cost one look into the store and one slow hash, whoever was named.
    async fn by_password(
        &self,
        user: &str,
        password: &[u8],
        from: &Origin<'_>,
    ) -> Result<Option<Arc<Row>>, LoginError> {
        if user.len() > Name::LONGEST || password.len() > LONGEST_PASSWORD {
            return Err(LoginError::Refused);
        }
        let user = &*prepare_name(user);
        let row = self.row(Key::Name(user.to_owned())).await.map_err(failed)?;
        if let (Some(row), Some(hash)) = (&row, app_hash(password)) {
            let is_it = |of: &[u8; 32]| verify_slices_are_equal(of, &hash).is_ok();
            let app =
                row.opens.iter().find(|app| app.kind == CredentialKind::AppPassword && is_it(&app.hash));
            if let Some(app) = app.filter(|app| app.is_for(from.service)) {
                self.used(app).await;
                return Ok(Some(Arc::clone(row)));
            }
        }
        let hash = row.as_ref().and_then(|row| row.hash.as_deref());
        let right = self.0.hashing.check(user, hash, password, from).await?;
        Ok(row.filter(|_| right))
    }

    async fn by_key(&self, key: Key, from: &Origin<'_>) -> Result<Option<Arc<Row>>, LoginError> {
        let Some(row) = self.row(key).await.map_err(failed)? else { return Ok(None) };
        let Some(opens) = row.opens.first().filter(|opens| opens.is_for(from.service)) else {
            return Ok(None);
        };
        self.used(opens).await;
        Ok(Some(row))
    }
}

/// A store that is busy is not broken.
pub(super) fn failed(error: Error) -> LoginError {
    match error.fault() {
        Fault::Limit => LoginError::Busy,
        _ => LoginError::Local(error),
    }
}
