//! How files are put and deleted: RFC 9110 §9.3.4 and §9.3.5.

use std::time::Duration;

use super::{Answer, Answerer, Fault, Request, Selected};
use crate::http::fixture;

impl Answerer {
    /// RFC 9110 §9.3.4 and §9.3.5.
    pub(super) fn stored(&mut self, request: &Request, path: String) -> Answer {
        let old = self.store.get(&path).cloned();
        let selected = old.clone().map(|(content, version)| Selected {
            content,
            kind: "text/plain",
            etag: format!("\"put-{version}\""),
            modified: fixture::modified() + Duration::from_secs(1),
            fields: vec![],
        });
        if let "GET" | "HEAD" = request.method.as_str() {
            return match selected {
                Some(selected) => self.file(request, selected),
                None => self.error(404),
            };
        }
        let failed = match &selected {
            Some(selected) if !self.is(Fault::PutUnconditional) => self.precondition(request, selected),
            _ => None,
        };
        if let Some(status) = failed.filter(|_| !self.is(Fault::PutFirst)) {
            return self.error(status);
        }
        if request.field("content-range").is_some() && !self.is(Fault::PutWholeOfPart) {
            return self.error(400);
        }
        if request.method == "DELETE" {
            if !self.is(Fault::DeleteDoesNothing) {
                self.store.remove(&path);
            }
            return Answer { status: if old.is_some() { 204 } else { 404 }, fields: vec![], content: vec![] };
        }
        self.puts += 1;
        let mut content = request.content.clone();
        if self.is(Fault::PutHeedsRange) && request.field("range").is_some() {
            content.truncate(2);
        }
        if self.is(Fault::PutAppends) {
            let before = old.iter().flat_map(|(content, _)| content.iter().copied());
            content = before.chain(content).collect();
        }
        self.store.insert(path, (content, self.puts));
        if let Some(status) = failed {
            return self.error(status);
        }
        let status = match old {
            _ if self.is(Fault::PutIs200) => 200,
            Some(_) if !self.is(Fault::PutIs201) => 204,
            _ => 201,
        };
        let version = if self.is(Fault::FalsePutEtag) { 0 } else { self.puts };
        Answer { status, fields: vec![("ETag", format!("\"put-{version}\""))], content: vec![] }
    }
}
