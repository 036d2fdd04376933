use std::fmt;
use std::str::FromStr;

use ropewalk_core::data::cred::NamePassword;

/// A [`NamePassword`], as it was typed. `Debug` does not show it.
#[derive(Clone)]
pub(super) struct User(pub(super) String);

impl FromStr for User {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let checked = text.parse::<NamePassword>();
        checked.map(|_| Self(text.to_owned())).map_err(|error| error.chain())
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("User(…)")
    }
}
