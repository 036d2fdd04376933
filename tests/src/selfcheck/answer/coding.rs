//! How the coding of content is chosen: RFC 9110 §12.5.3.

use super::{Answer, Answerer, ETAG, Fault, Request, Selected};
use crate::http::{fixture, gzip};

impl Answerer {
    /// RFC 9110 §12.5.3: the text, or its gzip.
    pub(super) fn coded(&self, request: &Request) -> Answer {
        let text = self.content("coded.txt").unwrap_or_default();
        let mut fields = Vec::new();
        let gzip = request.field("accept-encoding").is_some_and(|accept| self.accepts_gzip(&accept));
        let (content, etag) = match gzip {
            true => (
                gzip::stored(&text),
                if self.is(Fault::SameEtagForCodings) { ETAG } else { "\"rope-1-gzip\"" },
            ),
            false => (text.clone(), ETAG),
        };
        let no_vary = self.is(Fault::NoVary) || (self.is(Fault::VaryWithCodingOnly) && !gzip);
        if !no_vary {
            fields.push(("Vary", "Accept-Encoding".into()));
        }
        if gzip && !self.is(Fault::CodingUnsaid) {
            fields.push(("Content-Encoding", "gzip".into()));
        }
        let part = gzip && self.is(Fault::PartOfPlain) && request.field("range").is_some();
        let head = self.is(Fault::HeadOfPlain) && request.method == "HEAD";
        let content = if part || head { text } else { content };
        let (kind, modified) = ("text/plain", fixture::modified());
        self.file(request, Selected { content, kind, etag: etag.into(), modified, fields })
    }

    fn accepts_gzip(&self, accept: &str) -> bool {
        if accept.is_empty() {
            return self.is(Fault::EmptyAcceptsAll);
        }
        let mut star = false;
        for member in accept.split(',') {
            let (name, weight) = member.split_once(';').unwrap_or((member, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0);
            let accepted = weight > 0.0 || self.is(Fault::WeightZeroAccepted);
            let name = name.trim();
            let same = if self.is(Fault::CodingNameByCase) {
                name == "gzip"
            } else {
                name.eq_ignore_ascii_case("gzip")
            };
            if same || (name == "x-gzip" && !self.is(Fault::NoXGzip)) {
                return accepted && !(self.is(Fault::StarExcludesAll) && accept.contains('*'));
            }
            star |= name == "*" && (accepted || self.is(Fault::StarAcceptsAll));
        }
        star
    }
}
