//! The logins of a site, as they are configured.

use std::sync::Arc;

use http::Method;
use ropewalk_core::config::{Resources, Section, Text};
use ropewalk_core::data::cred::{Authenticator, Name};

use super::rules::plain;
use crate::{Auth, Logins, Pattern, Scheme};

/// The accounts that a service has asked for. Rules with the same accounts share what they remember.
pub(super) struct Accounts<'a> {
    resources: &'a Resources,
    service: String,
    known: Vec<(Arc<dyn Authenticator>, Arc<Logins>)>,
    /// Whether a rule takes passwords over TLS alone.
    pub(super) need_tls: bool,
}

impl<'a> Accounts<'a> {
    pub(super) fn new(service: &str, resources: &'a Resources) -> Self {
        Self { resources, service: service.to_owned(), known: Vec::new(), need_tls: false }
    }

    /// The rules of one site.
    pub(super) fn rules(&mut self, section: &mut Section<'_>) -> Vec<Auth> {
        let mut tables =
            section.tables("auth", "A login that some paths need; where several are about one, all.");
        tables.iter_mut().filter_map(|table| self.rule(table)).collect()
    }

    fn rule(&mut self, section: &mut Section<'_>) -> Option<Auth> {
        let paths: Vec<Text<Pattern>> =
            section.key("path", "The paths: `/a`, `/a/*`, `*.css`.").or(vec![Text(Pattern::every())]);
        let except: Vec<Text<Pattern>> =
            section.key("except", "Paths among them that need no login.").or(Vec::new());
        let methods = methods(section);
        let accounts = section
            .key("accounts", "Whose passwords and tokens count.")
            .resource::<dyn Authenticator>("accounts", self.resources);
        let users = names(section, "users", "Only these people, and the groups.");
        let groups = names(section, "groups", "Only the people of these groups, and the users.");
        let schemes: Vec<String> = section
            .key("schemes", "How to log in: `basic`, `bearer`.")
            .or(vec!["basic".into(), "bearer".into()]);
        let realm: String =
            section.key("realm", "What the login is for; browsers show it.").or("restricted".into());
        let plain_text = section
            .key("without_tls", "Let passwords come over plain text, where something before us ends TLS.")
            .or(false);
        self.need_tls |= !plain_text;
        let schemes: Option<Vec<_>> = schemes.iter().map(|word| scheme(section, word)).collect();
        let mut auth =
            Auth::new(self.logins(accounts?), plain(paths)).except(plain(except)).users(users).groups(groups);
        if !methods.is_empty() {
            auth = auth.methods(methods);
        }
        if plain_text {
            auth = auth.without_tls();
        }
        let auth = auth.schemes(&schemes?, &realm);
        auth.map_err(|error| section.error(error.to_string())).ok()
    }

    fn logins(&mut self, accounts: Arc<dyn Authenticator>) -> Arc<Logins> {
        if let Some((_, logins)) = self.known.iter().find(|(known, _)| Arc::ptr_eq(known, &accounts)) {
            return Arc::clone(logins);
        }
        let logins = Arc::new(Logins::new(Arc::clone(&accounts), self.service.as_str()));
        self.known.push((accounts, Arc::clone(&logins)));
        logins
    }
}

/// A method has case (RFC 9110 §9.1): one that nobody sends would protect nothing.
fn methods(section: &mut Section<'_>) -> Vec<Method> {
    let words: Vec<String> =
        section.key("methods", "Only these methods; `GET` includes HEAD.").or(Vec::new());
    let read = |word: &String| {
        let method = word.parse().ok().filter(|_| !word.bytes().any(|byte| byte.is_ascii_lowercase()));
        method.or_else(|| {
            section.error_in("methods", format!("{word:?} is no method: `GET`, `PUT`, …"));
            None
        })
    };
    words.iter().filter_map(read).collect()
}

fn names(section: &mut Section<'_>, key: &'static str, doc: &'static str) -> Vec<Name> {
    let names: Vec<String> = section.key(key, doc).or(Vec::new());
    let read = |name: &String| {
        name.parse().map_err(|error| section.error_in(key, format!("{name:?}: {error}"))).ok()
    };
    names.iter().filter_map(read).collect()
}

fn scheme(section: &Section<'_>, word: &str) -> Option<Scheme> {
    match word {
        "basic" => Some(Scheme::Basic),
        "bearer" => Some(Scheme::Bearer),
        _ => {
            section.error_in("schemes", format!("{word:?} is neither `basic` nor `bearer`"));
            None
        }
    }
}
