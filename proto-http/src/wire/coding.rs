//! Content codings (RFC 9110 §8.4.1), and which of them a client would rather have (§12.5.3).

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, HeaderValue, header};
use ropewalk_core::Error;

use super::accept::qvalue;

/// A content coding that browsers know (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Coding {
    /// `br` (RFC 7932).
    Brotli,
    /// `gzip` (RFC 1952).
    Gzip,
    /// `zstd` (RFC 8878).
    Zstd,
}

/// What an answer says that was chosen by `Accept-Encoding`, or could have been.
pub(crate) const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");

impl Coding {
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Zstd];

    /// Its name in header fields.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// What the name of a file in this coding ends with, after a dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    /// These in their order, without those that stand there again.
    pub(crate) fn once_each(codings: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut each = Vec::new();
        for coding in codings {
            if !each.contains(&coding) {
                each.push(coding);
            }
        }
        each
    }

    pub(crate) const fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.token())
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

impl FromStr for Coding {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|coding| coding.token() == text);
        found.ok_or_else(|| Error::local(format!("{text:?} is none of br, gzip, zstd")))
    }
}

/// What an `Accept-Encoding` says: weights in thousandths, where 0 is not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    brotli: Option<u16>,
    gzip: Option<u16>,
    zstd: Option<u16>,
    identity: Option<u16>,
    /// `*`: whatever is not listed.
    other: Option<u16>,
}

impl Accepted {
    /// `None` where the client does not say: it may take any coding, but what is not coded is taken by all.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut accepted = None::<Self>;
        for line in headers.get_all(header::ACCEPT_ENCODING) {
            let accepted = accepted.get_or_insert_default();
            for element in line.to_str().unwrap_or_default().split(',') {
                accepted.note(element);
            }
        }
        accepted
    }

    /// `codings [ weight ]`. What is none is passed over; of two that say the same, the first counts.
    fn note(&mut self, element: &str) {
        let (name, weight) = match element.split_once(';') {
            None => (element, Some(1000)),
            Some((name, weight)) => {
                let weight = weight.trim();
                (name, weight.strip_prefix("q=").or(weight.strip_prefix("Q=")).and_then(qvalue))
            }
        };
        let (name, Some(weight)) = (name.trim(), weight) else { return };
        let is = |token: &str| name.eq_ignore_ascii_case(token);
        let place = match name {
            "*" => &mut self.other,
            _ if is("br") => &mut self.brotli,
            // RFC 9110 §8.4.1.3: the two are one.
            _ if is("gzip") || is("x-gzip") => &mut self.gzip,
            _ if is("zstd") => &mut self.zstd,
            _ if is("identity") => &mut self.identity,
            _ => return,
        };
        place.get_or_insert(weight);
    }

    fn weight(&self, coding: Coding) -> u16 {
        let listed = match coding {
            Coding::Brotli => self.brotli,
            Coding::Gzip => self.gzip,
            Coding::Zstd => self.zstd,
        };
        listed.or(self.other).unwrap_or(0)
    }

    /// Which of ours the client wants no less than what is not coded, the best first: by its weights, and where they
    /// are equal, in our order.
    ///
    /// What is not coded can be sent whatever this says. A client that refuses it, and knows none of our codings, gets
    /// it all the same: its field is then passed over, as RFC 9110 §12.4.1 allows instead of 406.
    pub(crate) fn best(&self, ours: &[Coding]) -> impl Iterator<Item = Coding> + use<> {
        // Not being listed, it is acceptable, but nobody asked for it.
        let least = self.identity.or(self.other).unwrap_or(0).max(1);
        let mut best = [None; Coding::ALL.len()];
        let wanted = ours.iter().filter(|coding| self.weight(**coding) >= least);
        for (place, coding) in best.iter_mut().zip(wanted) {
            *place = Some(*coding);
        }
        best.sort_by_key(|coding| Reverse(coding.map_or(0, |coding| self.weight(coding))));
        best.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn best(lines: &[&str], ours: &[Coding]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_ENCODING, line.parse().unwrap());
        }
        let accepted = Accepted::of(&headers)?;
        Some(accepted.best(ours).map(Coding::token).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_clients_weight_counts_and_then_our_order() {
        for (field, expected) in [
            ("gzip, deflate, br, zstd", "br gzip zstd"),
            ("gzip;q=1.0, br;q=0.5", "gzip br"),
            ("gzip;q=0.1,br;q=0.2,zstd;q=0.3", "zstd br gzip"),
            ("GZip ; Q=0.3", "gzip"),
            ("x-gzip", "gzip"),
            ("gzip;q=0, x-gzip", ""),
            ("compress, deflate", ""),
            ("", ""),
            ("identity", ""),
            ("*", "br gzip zstd"),
            ("*;q=0.2, zstd", "zstd br gzip"),
            ("*, gzip;q=0", "br zstd"),
            ("*;q=0", ""),
            ("gzip, *;q=0", "gzip"),
            ("gzip;q=0", ""),
            ("identity, gzip", "gzip"),
            ("identity;q=0, gzip;q=0.001", "gzip"),
            ("identity;q=0.5, gzip;q=0.4, br;q=0.6", "br"),
            ("gzip;q=1.0, identity; q=0.5, *;q=0", "gzip"),
            // `*` is of what is not coded too.
            ("*;q=0.5, gzip;q=0.3", "br zstd"),
            ("gzip;q=2, br;q=, zstd;x=1", ""),
            ("gzip br", ""),
            // A coding that we do not know says nothing of ours, nor of what is not coded.
            ("gzip;q=0.5, deflate", "gzip"),
            (",, gzip ,", "gzip"),
        ] {
            assert_eq!(best(&[field], &Coding::ALL).as_deref(), Some(expected), "{field}");
        }
    }

    #[test]
    fn lines_are_one_list_and_no_line_says_nothing() {
        assert_eq!(best(&["gzip;q=0.5", "br;q=0.1"], &Coding::ALL).as_deref(), Some("gzip br"));
        assert_eq!(best(&[], &Coding::ALL), None);
    }

    #[test]
    fn only_ours_in_our_order() {
        let ours = [Coding::Zstd, Coding::Brotli];
        assert_eq!(best(&["gzip, br, zstd"], &ours).as_deref(), Some("zstd br"));
        assert_eq!(best(&["gzip, br, zstd"], &[]).as_deref(), Some(""));
    }

    #[test]
    fn a_coding_is_written_as_it_is_read() {
        for coding in Coding::ALL {
            assert_eq!(coding.to_string().parse::<Coding>().unwrap(), coding);
        }
        assert!("deflate".parse::<Coding>().is_err());
    }

    #[test]
    fn a_file_in_a_coding_ends_as_its_tool_names_it() {
        assert_eq!(Coding::ALL.map(Coding::extension), ["br", "gz", "zst"]);
    }

    #[test]
    fn a_coding_that_stands_there_again_is_passed_over() {
        let [br, gzip, zstd] = Coding::ALL;
        assert_eq!(Coding::once_each([zstd, br, zstd, zstd, gzip, br]), [zstd, br, gzip]);
    }

    proptest! {
        #[test]
        fn no_field_panics_and_none_is_chosen_twice(field in "[ -~]{0,80}", ours in 0_usize..=3) {
            let chosen = best(&[&field], Coding::ALL.get(..ours).unwrap()).unwrap();
            let chosen: Vec<_> = chosen.split(' ').filter(|token| !token.is_empty()).collect();
            prop_assert!(chosen.len() <= ours);
            let once: std::collections::BTreeSet<_> = chosen.iter().collect();
            prop_assert_eq!(once.len(), chosen.len());
        }

        #[test]
        fn the_first_has_the_greatest_weight_and_what_is_refused_is_not_there(
            weights in proptest::array::uniform4(0_u16..=1000)
        ) {
            let [brotli, gzip, zstd, identity] = weights;
            let q = |w: u16| format!("{}.{:03}", w / 1000, w % 1000);
            let field =
                format!("br;q={}, identity;q={},gzip;q={} ,zstd;q={}", q(brotli), q(identity), q(gzip), q(zstd));
            let of = |token: &str| match token { "br" => brotli, "gzip" => gzip, _ => zstd };
            let chosen = best(&[&field], &Coding::ALL).unwrap();
            let chosen: Vec<_> = chosen.split(' ').filter(|token| !token.is_empty()).map(of).collect();
            prop_assert!(chosen.is_sorted_by(|a, b| a >= b));
            prop_assert!(chosen.iter().all(|weight| *weight > 0 && *weight >= identity));
            let wanted = [brotli, gzip, zstd].into_iter().filter(|w| *w > 0 && *w >= identity).count();
            prop_assert_eq!(chosen.len(), wanted);
        }
    }
}
