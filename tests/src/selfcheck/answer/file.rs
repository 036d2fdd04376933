//! How a representation is sent: as a whole, in part, or not at all.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Answer, Answerer, Fault, Request, Selected};
use crate::selfcheck::range::{self, Ranges};

impl Answerer {
    pub(super) fn file(&self, request: &Request, selected: Selected) -> Answer {
        let mut fields = selected.fields.clone();
        if !self.is(Fault::NoType) {
            fields.push(("Content-Type", selected.kind.to_owned()));
        }
        if self.is(Fault::AlwaysEncodes) {
            fields.push(("Content-Encoding", "gzip".to_owned()));
        }
        if self.is(Fault::SaysIdentity) {
            fields.push(("Content-Encoding", "identity".to_owned()));
        }
        if !self.is(Fault::NoLastModified) {
            let late = if self.is(Fault::FutureLastModified) {
                Duration::from_secs(1 << 30)
            } else {
                Duration::ZERO
            };
            fields.push(("Last-Modified", self.date(selected.modified + late)));
        }
        let etag = selected.etag.as_str();
        if !self.is(Fault::NoEtag) {
            let etag = if self.is(Fault::BareEtag) { etag.trim_matches('"') } else { etag };
            fields.push(("ETag", etag.into()));
        }
        fields.push(("Accept-Ranges", "bytes".into()));
        let unsatisfiable = matches!(self.ranges(request, &selected), Ranges::None);
        if self.is(Fault::UnsatisfiableFirst) && unsatisfiable {
            return self.error(416);
        }
        match self.precondition(request, &selected) {
            Some(304) => {
                fields.retain(|(name, _)| match *name {
                    "ETag" => !self.is(Fault::NoEtagIn304),
                    "Vary" => !self.is(Fault::NoVaryIn304),
                    "Content-Type" => self.is(Fault::TypeIn304),
                    _ => false,
                });
                if self.is(Fault::LengthZeroIn304) {
                    fields.push(("Content-Length", "0".into()));
                }
                return Answer { status: 304, fields, content: vec![] };
            }
            Some(status) => return self.error(status),
            None => {}
        }
        let ranges = self.ranges(request, &selected);
        let Selected { content, kind, .. } = selected;
        match ranges {
            Ranges::All => Answer { status: 200, fields, content },
            Ranges::None => {
                let mut answer = self.error(416);
                if !self.is(Fault::NoLengthIn416) {
                    answer.fields.push(("Content-Range", format!("bytes */{}", content.len())));
                }
                answer
            }
            Ranges::These(ranges) => {
                let known = request.field("if-range").is_some() && !self.is(Fault::TypeInPartOfIfRange);
                fields.retain(|(name, _)| !known || !matches!(*name, "Content-Type" | "Last-Modified"));
                self.partial(fields, &ranges, &content, kind)
            }
        }
    }

    fn ranges(&self, request: &Request, selected: &Selected) -> Ranges {
        let get = request.method == "GET" || self.is(Fault::RangeOnHead);
        let conditional = || request.field("if-match").or(request.field("if-none-match")).is_some();
        let dropped = self.is(Fault::ConditionsDropRange) && conditional();
        let Some(range) = request.field("range").filter(|_| get && !dropped && !self.is(Fault::NoRange))
        else {
            return if self.is(Fault::IfRangeAlone) && request.field("if-range").is_some() {
                Ranges::None
            } else {
                Ranges::All
            };
        };
        match request.field("if-range") {
            Some(validator) if !self.is(Fault::NoIfRange) && !self.if_range(&validator, selected) => {
                Ranges::All
            }
            _ => range::parse(&range, selected.content.len(), self.fault),
        }
    }

    /// RFC 9110 §15.3.7.
    fn partial(
        &self,
        mut fields: Vec<(&'static str, String)>,
        ranges: &[(usize, usize)],
        content: &[u8],
        kind: &str,
    ) -> Answer {
        fields.retain(|(name, _)| *name != "ETag" || !self.is(Fault::NoEtagIn206));
        fields.retain(|(name, _)| *name != "Last-Modified" || !self.is(Fault::NoLastModifiedIn206));
        let complete =
            if self.is(Fault::NoCompleteLength) { "*".to_owned() } else { content.len().to_string() };
        let content_range =
            |(from, to): &(usize, usize)| format!("bytes {from}-{}/{complete}", to.saturating_sub(1));
        if let [one @ (from, to)] = ranges
            && !self.is(Fault::MultipartForOne)
        {
            if !self.is(Fault::NoContentRange) {
                fields.push(("Content-Range", content_range(one)));
            }
            return Answer {
                status: 206,
                fields,
                content: content.get(*from..*to).unwrap_or_default().into(),
            };
        }
        fields.retain(|(name, _)| *name != "Content-Type");
        let boundary = if self.is(Fault::NoBoundary) { "" } else { "; boundary=strand" };
        fields.push(("Content-Type", format!("multipart/byteranges{boundary}")));
        if self.is(Fault::RangeInMultipartHead) {
            fields.extend(ranges.first().map(|first| ("Content-Range", content_range(first))));
        }
        let mut ranges = ranges.to_vec();
        if self.is(Fault::PartsReversed) {
            ranges.reverse();
        }
        let mut body = Vec::new();
        for range in &ranges {
            let mut head = String::from("\r\n--strand\r\n");
            if !self.is(Fault::PartsWithoutType) {
                let _ = write!(head, "Content-Type: {kind}\r\n");
            }
            if !self.is(Fault::PartsWithoutRange) {
                let _ = write!(head, "Content-Range: {}\r\n", content_range(range));
            }
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(b"\r\n");
            body.extend_from_slice(content.get(range.0..range.1).unwrap_or_default());
        }
        body.extend_from_slice(b"\r\n--strand--\r\n");
        Answer { status: 206, fields, content: body }
    }
}
