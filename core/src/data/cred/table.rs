use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;

use super::hash::Hash;
use super::{
    Credential, Hashing, LONGEST_PASSWORD, LoginError, Method, Name, Origin, Principal, Step, prepare_name,
};

/// An account, as a file says.
pub(super) struct Account {
    pub(super) hash: Option<Hash>,
    pub(super) groups: Arc<[Name]>,
    pub(super) certificates: Vec<[u8; 32]>,
    /// Of each its SHA-256.
    pub(super) tokens: Vec<[u8; 32]>,
    pub(super) disabled: bool,
}

/// Accounts by name, by certificate and by token.
pub(super) struct Table {
    accounts: HashMap<Name, Account>,
    certificates: HashMap<[u8; 32], Name>,
    tokens: HashMap<[u8; 32], Name>,
    nobody: Hash,
}

impl Table {
    /// Of two accounts with one certificate or token it is one's; parsers refuse that.
    pub(super) fn new(accounts: HashMap<Name, Account>) -> Self {
        let owners = |of: fn(&Account) -> &[[u8; 32]]| {
            accounts
                .iter()
                .flat_map(|(name, account)| of(account).iter().map(|hash| (*hash, name.clone())))
                .collect()
        };
        let certificates = owners(|account| &account.certificates);
        let tokens = owners(|account| &account.tokens);
        // A name that nobody has costs as much as the dearest account: in a file of one kind of hash, as
        // much as each.
        let dearest = accounts.values().filter_map(|a| a.hash.as_ref()).max_by_key(|h| h.price());
        let nobody = dearest.map_or_else(Hash::default_of_nobody, Hash::of_nobody);
        Self { accounts, certificates, tokens, nobody }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// The same work for every name: one hash. What is wrong is only said to the log.
    pub(super) async fn verify(
        &self,
        hashing: &Hashing,
        credential: Credential<'_>,
        from: &Origin<'_>,
    ) -> Result<Step, LoginError> {
        let (account, method) = match credential {
            Credential::Password { user, password } => {
                if password.len() > LONGEST_PASSWORD {
                    return Err(LoginError::Refused);
                }
                let user = &*prepare_name(user);
                let account = self.accounts.get_key_value(user);
                let hash = account.and_then(|(_, account)| account.hash.as_ref());
                let known = hash.unwrap_or(&self.nobody).clone();
                let matches = hashing.matches(user, known, password, from).await?;
                (account.filter(|_| hash.is_some() && matches), Method::Password)
            }
            Credential::Certificate { sha256 } => {
                let name = self.certificates.get(sha256);
                (name.and_then(|name| self.accounts.get_key_value(name)), Method::Certificate)
            }
            // A token that cannot be guessed needs no slow hash, and the table is asked for what the peer cannot choose.
            Credential::Token { token } => {
                let digest = digest::digest(&digest::SHA256, token);
                let name = self.tokens.get(digest.as_ref());
                (name.and_then(|name| self.accounts.get_key_value(name)), Method::Token)
            }
            Credential::Anonymous => return Err(LoginError::Unsupported),
        };
        let Some((name, account)) = account else { return Err(LoginError::Refused) };
        if account.disabled {
            tracing::info!(user = %name, service = from.service, peer = %from.peer, "account is disabled");
            return Err(LoginError::Refused);
        }
        Ok(Step::Done(Principal::new(name.clone(), Arc::clone(&account.groups), method)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    fn account(password: Option<&str>) -> Account {
        let hash = password.map(|text| Hash::htpasswd(text).unwrap_or_else(|e| panic!("{e}")));
        Account { hash, groups: [].into(), certificates: Vec::new(), tokens: Vec::new(), disabled: false }
    }

    const PASSWORD: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    /// SHA-256 of `abc` (FIPS 180-2, B.1).
    const TOKEN: [u8; 32] = [
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0,
        0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
    ];

    fn table() -> Table {
        let ann = Account {
            groups: ["staff".parse().unwrap()].into(),
            certificates: vec![[7; 32]],
            tokens: vec![TOKEN],
            ..account(Some(PASSWORD))
        };
        let bob = Account { disabled: true, certificates: vec![[8; 32]], ..account(Some(PASSWORD)) };
        let key = Account { certificates: vec![[9; 32]], ..account(None) };
        let named = [("ann", ann), ("bob", bob), ("key", key), ("j\u{fc}rg", account(Some(PASSWORD)))];
        Table::new(named.into_iter().map(|(name, account)| (name.parse().unwrap(), account)).collect())
    }

    async fn ask(credential: Credential<'_>) -> (Result<Step, LoginError>, u64) {
        let hashing = Hashing::new();
        let answer = table().verify(&hashing, credential, &Origin::new(&Address::Memory, "test")).await;
        (answer, hashing.computed())
    }

    #[tokio::test]
    async fn the_right_password_gives_name_and_groups() {
        let (answer, hashes) = ask(Credential::Password { user: "ann", password: b"password" }).await;
        let Step::Done(ann) = answer.unwrap();
        assert_eq!((ann.name().as_str(), ann.method(), ann.is_in("staff")), ("ann", Method::Password, true));
        assert_eq!(hashes, 1);
        let (answer, _) = ask(Credential::Password { user: "ju\u{308}rg", password: b"password" }).await;
        let Step::Done(same) = answer.unwrap();
        assert_eq!(same.name().as_str(), "j\u{fc}rg");
    }

    #[tokio::test]
    async fn every_refusal_is_the_same_answer_after_the_same_work() {
        for (user, password) in [
            ("ann", "passwore"),
            ("nobody", "password"),
            ("not/a name", "password"),
            ("", ""),
            ("bob", "password"),
            ("bob", "passwore"),
            ("key", "password"),
            ("key", ""),
        ] {
            let password = password.as_bytes();
            let (answer, hashes) = ask(Credential::Password { user, password }).await;
            assert!(matches!(answer, Err(LoginError::Refused)), "{user}");
            assert_eq!(hashes, 1, "{user}");
        }
        assert_eq!(table().nobody.price(), account(Some(PASSWORD)).hash.unwrap().price());
    }

    #[tokio::test]
    async fn a_password_of_absurd_length_is_not_hashed() {
        let (answer, hashes) = ask(Credential::Password { user: "ann", password: &[b'a'; 1025] }).await;
        assert!(matches!(answer, Err(LoginError::Refused)));
        assert_eq!(hashes, 0);
    }

    #[tokio::test]
    async fn a_token_is_its_owners_without_a_slow_hash() {
        let (answer, hashes) = ask(Credential::Token { token: b"abc" }).await;
        let Step::Done(ann) = answer.unwrap();
        assert_eq!((ann.name().as_str(), ann.method(), hashes), ("ann", Method::Token, 0));
        for token in [&b"abd"[..], b"", &TOKEN] {
            let answer = ask(Credential::Token { token }).await.0;
            assert!(matches!(answer, Err(LoginError::Refused)));
        }
    }

    #[tokio::test]
    async fn a_certificate_is_its_owners_unless_disabled() {
        let answer = ask(Credential::Certificate { sha256: &[7; 32] }).await.0;
        let Step::Done(ann) = answer.unwrap();
        assert_eq!((ann.name().as_str(), ann.method()), ("ann", Method::Certificate));
        for stranger in [[8; 32], [0; 32]] {
            let answer = ask(Credential::Certificate { sha256: &stranger }).await.0;
            assert!(matches!(answer, Err(LoginError::Refused)));
        }
    }
}
