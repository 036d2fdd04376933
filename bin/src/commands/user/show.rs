//! Accounts, for people and for programs.

use jiff::Timestamp;
use ropewalk_core::data::cred::Name;
use ropewalk_store::accounts::{Account, Credential};
use serde_json::{Value, json};

/// All accounts.
pub(super) fn list(all: &[Account], as_json: bool) {
    if as_json {
        let accounts: Vec<_> =
            all.iter().map(|account| brief(account, account.credentials.len().into())).collect();
        return outln!("{:#}", json!({"version": 1, "accounts": accounts}));
    }
    if all.is_empty() {
        return eprintln!("there are no accounts");
    }
    let width =
        all.iter().map(|account| account.name.as_str().chars().count()).max().unwrap_or_default().max(4);
    outln!("{:<width$}  {:<8}  {:<11}  {}", "NAME", "STATE", "CREDENTIALS", "GROUPS");
    for account in all {
        let state = if account.disabled { "disabled" } else { "active" };
        let credentials = usize::from(account.password) + account.credentials.len();
        outln!("{:<width$}  {state:<8}  {credentials:<11}  {}", account.name, names(&account.groups, "-"));
    }
}

/// One account.
pub(super) fn account(account: &Account, as_json: bool) {
    if as_json {
        let credentials = account.credentials.iter().map(credential).collect();
        return outln!("{:#}", json!({"version": 1, "account": brief(account, Value::Array(credentials))}));
    }
    let (profile, none) = (&account.profile, || "-".to_owned());
    let scram = account.scram.map_or(String::new(), |n| format!(", and for SCRAM-SHA-256 ({n} iterations)"));
    outln!("name      {}", account.name);
    outln!("state     {}", if account.disabled { "disabled" } else { "active" });
    outln!("groups    {}", names(&account.groups, "-"));
    outln!("home      {}", profile.home.clone().unwrap_or_else(none));
    outln!("quota     {}", profile.quota.map_or_else(none, |octets| format!("{octets} octets")));
    outln!("rights    {}", profile.rights.clone().unwrap_or_else(none));
    outln!("created   {}", time(account.created));
    outln!("password  {}", if account.password { format!("yes{scram}") } else { "no".into() });
    credentials(&account.credentials);
}

/// What opens an account besides its password.
pub(super) fn credentials(all: &[Credential]) {
    for one in all {
        let used = one.used.map_or_else(|| "never".to_owned(), time);
        let services = names(&one.services, "all services");
        outln!(
            "{:<11} {:?}: {services}; made {}, used {used}",
            one.kind.name(),
            one.label,
            time(one.created)
        );
        match &one.content {
            Some(line) => outln!("            {line}"),
            None if one.is_public() => outln!("            {}", hex(&one.sha256)),
            None => {}
        }
    }
}

/// The same as JSON.
pub(super) fn credentials_as_json(all: &[Credential]) {
    let credentials: Vec<_> = all.iter().map(credential).collect();
    outln!("{:#}", json!({"version": 1, "credentials": credentials}));
}

fn brief(account: &Account, credentials: Value) -> Value {
    json!({
        "name": account.name.as_str(),
        "disabled": account.disabled,
        "groups": account.groups.iter().map(Name::as_str).collect::<Vec<_>>(),
        "home": account.profile.home,
        "quota": account.profile.quota,
        "rights": account.profile.rights,
        "password": account.password,
        "scram_iterations": account.scram,
        "created": time(account.created),
        "credentials": credentials,
    })
}

fn credential(one: &Credential) -> Value {
    json!({
        "kind": one.kind.name(),
        "label": one.label,
        "services": one.services.iter().map(Name::as_str).collect::<Vec<_>>(),
        "sha256": one.is_public().then(|| hex(&one.sha256)),
        "content": one.content,
        "created": time(one.created),
        "used": one.used.map(time),
    })
}

fn names(all: &[Name], none: &str) -> String {
    if all.is_empty() { none.into() } else { all.iter().map(Name::as_str).collect::<Vec<_>>().join(" ") }
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| "-".to_owned(), |at| at.to_string())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
