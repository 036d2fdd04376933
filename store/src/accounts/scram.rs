use std::num::NonZeroU32;

use aws_lc_rs::{hmac, pbkdf2};
use ropewalk_core::data::cred::{LoginError, Name, ScramVerifier, prepare};
use ropewalk_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension as _};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::Store;
use super::secret::{random, sha256};

/// The iteration count of SCRAM verifiers: the price of a guess for who steals one. RFC 7677 §4 asks for 4,096 at least.
pub const ITERATIONS: u32 = 10_000;
const COUNT: NonZeroU32 = NonZeroU32::new(ITERATIONS).unwrap();

/// What SCRAM-SHA-256 keeps of a password (RFC 5802 §3, RFC 7677).
pub(super) struct Verifier {
    pub(super) iterations: u32,
    pub(super) salt: [u8; 16],
    pub(super) stored_key: Zeroizing<[u8; 32]>,
    pub(super) server_key: Zeroizing<[u8; 32]>,
}

impl Verifier {
    /// Of a password, prepared as its clients do that (RFC 5802 §2.2), with a fresh salt; and a key for verifiers of nobody.
    pub(super) async fn make(password: Zeroizing<Vec<u8>>) -> Result<(Self, [u8; 32])> {
        let (salt, nobodys) = (random()?, random()?);
        let made = spawn_blocking(move || Self::of(&prepare(&password), salt, COUNT)).await;
        Ok((made.map_err(|e| Error::local("a verifier could not be made").caused_by(e))?, nobodys))
    }

    fn of(password: &[u8], salt: [u8; 16], iterations: NonZeroU32) -> Self {
        let mut salted = Zeroizing::new([0; 32]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password, &mut *salted);
        let client_key = Zeroizing::new(hmac(&*salted, b"Client Key"));
        Self {
            iterations: iterations.get(),
            salt,
            stored_key: sha256(&*client_key).into(),
            server_key: hmac(&*salted, b"Server Key").into(),
        }
    }

    fn into_public(self) -> ScramVerifier {
        ScramVerifier {
            salt: self.salt.to_vec(),
            iterations: self.iterations,
            stored_key: self.stored_key.to_vec().into(),
            server_key: self.server_key.to_vec().into(),
        }
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut tag = [0; 32];
    let signed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
    tag.iter_mut().zip(signed.as_ref()).for_each(|(to, from)| *to = *from);
    tag
}

impl Store {
    /// The verifier of this user; for one who has none, or is nobody, one that no password fits, the same each time.
    pub(super) async fn verifier(&self, user: &Name) -> Result<ScramVerifier, LoginError> {
        let of = user.clone();
        let read = move |db: &Connection| {
            let key = "SELECT content FROM setting WHERE name = 'scram'";
            let Some(key) = db.query_row(key, [], |row| row.get::<_, [u8; 32]>(0)).optional()? else {
                return Ok(None);
            };
            let sql = "SELECT scram_iterations, scram_salt, scram_stored, scram_server FROM account \
                       WHERE name = ?1 AND scram_salt IS NOT NULL AND disabled = 0";
            let known = db
                .query_row(sql, [of.as_str()], |row| {
                    Ok(Verifier {
                        iterations: row.get(0)?,
                        salt: row.get(1)?,
                        stored_key: row.get::<_, [u8; 32]>(2)?.into(),
                        server_key: row.get::<_, [u8; 32]>(3)?.into(),
                    })
                })
                .optional()?;
            Ok(Some(known.unwrap_or_else(|| of_nobody(&key, &of))))
        };
        let found = async { self.database().await?.read(read).await }.await;
        found.map_err(super::verify::failed)?.map(Verifier::into_public).ok_or(LoginError::Unsupported)
    }
}

fn of_nobody(key: &[u8; 32], user: &Name) -> Verifier {
    let of = |what: &str| hmac(key, format!("{what} {user}").as_bytes());
    let mut salt = [0; 16];
    salt.iter_mut().zip(of("salt")).for_each(|(to, from)| *to = from);
    Verifier {
        iterations: ITERATIONS,
        salt,
        stored_key: of("stored").into(),
        server_key: of("server").into(),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// RFC 7677 §3: its example, checked as a server does.
    #[test]
    fn the_example_of_the_rfc_logs_in() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap();
        let kept = Verifier::of(b"pencil", salt, NonZeroU32::new(4096).unwrap());
        let said = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
                    r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
                    c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let signature = hmac(&*kept.stored_key, said.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        assert_eq!(sha256(&client_key), *kept.stored_key);
        let answer = STANDARD.encode(hmac(&*kept.server_key, said.as_bytes()));
        assert_eq!(answer, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }
}
