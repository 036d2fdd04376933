//! How another protocol is switched to: RFC 9110 §7.8.

use super::{Answer, Answerer, Fault, Request};

impl Answerer {
    /// RFC 9110 §7.8.
    pub(super) fn switch(&self, request: &Request) -> Answer {
        let upgrade = request.field("upgrade").unwrap_or_default();
        let same = |name: &str| {
            let name = name.trim();
            if self.is(Fault::ProtocolByCase) { name == "rope" } else { name.eq_ignore_ascii_case("rope") }
        };
        let mut protocol = upgrade.split(',').any(same).then(|| "rope".to_owned());
        if self.is(Fault::FirstProtocol) {
            protocol = upgrade.split(',').next().filter(|first| !first.is_empty()).map(str::to_owned);
        }
        let asked = request.lists("connection", "upgrade") || self.is(Fault::SwitchesWithoutOption);
        let named = ("Connection", "Upgrade".to_owned());
        match protocol.filter(|_| asked && request.minor >= 1) {
            Some(protocol) => {
                let mut fields = vec![named, ("Upgrade", protocol)];
                fields.retain(|(name, _)| *name != "Upgrade" || !self.is(Fault::NoUpgradeIn101));
                Answer { status: 101, fields, content: vec![] }
            }
            None => {
                let mut answer = self.error(426);
                answer.fields.push(named);
                if !self.is(Fault::NoUpgradeIn426) {
                    answer.fields.push(("Upgrade", "rope".into()));
                }
                answer
            }
        }
    }
}
