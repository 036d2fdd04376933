use std::sync::Arc;

use super::{Audit, Dots, Hide, Permissions, Quota, Rates, Rule, Share, Throttle, Turns, Whole, Whose};
use crate::data::files::Files;

/// What stands between somebody and a tree.
///
/// The order is always the same, from the outside in: what sees changes to their end, audit, permissions, quota, throttle, hide,
/// and then the tree, with its [mounts](super::Mounts). So what is refused is said in the log and sets nothing aside, what is hidden is hidden also
/// from whoever may do everything, and what waits for its turn has been paid for.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct View {
    /// Say in the log what this person does.
    pub audit: Option<Whose>,
    /// What may be done where; without rules, everything.
    pub rules: Option<Arc<[Rule]>>,
    /// On whose account it is.
    pub share: Option<Share>,
    /// How fast.
    pub rates: Option<Arc<Rates>>,
    /// What becomes of names that begin with a dot.
    pub dots: Dots,
    /// How many changes go on at once.
    pub turns: Turns,
}

impl View {
    /// The view of `files`.
    pub fn of(&self, files: Arc<dyn Files>) -> Arc<dyn Files> {
        let mut view: Arc<dyn Files> = Arc::new(Hide::new(files, self.dots));
        if let Some(rates) = &self.rates {
            view = Arc::new(Throttle::new(view, rates.clone()));
        }
        if let Some(share) = &self.share {
            view = Arc::new(Quota::new(view, share.clone()));
        }
        if let Some(rules) = &self.rules {
            view = Arc::new(Permissions::new(view, rules.clone()));
        }
        if let Some(whose) = &self.audit {
            view = Arc::new(Audit::new(view, whose.clone()));
        }
        Arc::new(Whole::new(view, self.turns.clone()))
    }
}

#[cfg(test)]
mod tests;
