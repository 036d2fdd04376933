//! How far a login has come, on either side.

/// A stage of a login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nobody has said who it is.
    #[default]
    Fresh,
    /// A name was said, and its password is wanted.
    Named,
    /// Somebody is logged in.
    Ready,
}

/// What takes a login from one stage to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// USER.
    User,
    /// PASS, and the server says yes.
    Accepted,
    /// PASS, and the server says no.
    Refused,
    /// REIN, or TLS begins: all is forgotten (RFC 4217 §4.2).
    Forget,
}

impl Stage {
    /// The stage after this one; `None` where the step is out of order.
    pub(crate) fn after(self, step: Step) -> Option<Self> {
        match (self, step) {
            // RFC 959 §4.1.1: a new USER flushes what was said, at any point.
            (_, Step::User) => Some(Self::Named),
            (Self::Named, Step::Accepted) => Some(Self::Ready),
            (Self::Named, Step::Refused) | (_, Step::Forget) => Some(Self::Fresh),
            (Self::Fresh | Self::Ready, Step::Accepted | Step::Refused) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_comes_after_a_name_and_after_nothing_else() {
        assert_eq!(Stage::Fresh.after(Step::Accepted), None);
        assert_eq!(Stage::Ready.after(Step::Accepted), None);
        assert_eq!(Stage::Fresh.after(Step::User).and_then(|s| s.after(Step::Accepted)), Some(Stage::Ready));
        assert_eq!(Stage::Ready.after(Step::User), Some(Stage::Named));
        assert_eq!(Stage::Named.after(Step::Forget), Some(Stage::Fresh));
    }
}
