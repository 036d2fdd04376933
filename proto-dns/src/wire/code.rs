//! What a message asks for, and what came of it.

use std::fmt;

/// What a message asks for (RFC 1035 §4.1.1): 4 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

/// What came of a request (RFC 1035 §4.1.1): 4 bits, and 8 more above them with EDNS (RFC 6891 §6.1.3) or 12 with
/// TSIG (RFC 8945 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rcode(pub u16);

macro_rules! codes {
    ($code:ident, $unknown:literal: $($(#[$doc:meta])+ $name:ident = $value:literal;)*) => {
        impl $code {
            $($(#[$doc])+ pub const $name: Self = Self($value);)*
        }

        /// The mnemonic, or the number with what it is before it.
        impl fmt::Display for $code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$name => f.pad(stringify!($name)),)*
                    Self(value) => write!(f, concat!($unknown, "{}"), value),
                }
            }
        }
    };
}

impl Rcode {
    /// The code in the header of a reply, without what EDNS adds to it.
    pub fn of(reply: &[u8]) -> Option<Self> {
        reply.get(3).map(|flags| Self(u16::from(flags & 15)))
    }
}

codes! { Opcode, "OPCODE":
    /// A question.
    QUERY = 0;
    /// An inverse question, which nobody answers any more (RFC 3425).
    IQUERY = 1;
    /// A question for the state of the server, never defined.
    STATUS = 2;
    /// A zone has changed (RFC 1996).
    NOTIFY = 4;
    /// A change of a zone (RFC 2136).
    UPDATE = 5;
    /// Stateful operations (RFC 8490).
    DSO = 6;
}

codes! { Rcode, "RCODE":
    /// No error.
    NOERROR = 0;
    /// The request cannot be read.
    FORMERR = 1;
    /// The server failed.
    SERVFAIL = 2;
    /// The name does not exist.
    NXDOMAIN = 3;
    /// The server does not do this.
    NOTIMP = 4;
    /// The server does not do this for this client.
    REFUSED = 5;
    /// A name exists that should not (RFC 2136 §2.2).
    YXDOMAIN = 6;
    /// An RRset exists that should not (RFC 2136 §2.2).
    YXRRSET = 7;
    /// An RRset does not exist that should (RFC 2136 §2.2).
    NXRRSET = 8;
    /// The server has no authority, or the request has none (RFC 2136 §2.2, RFC 8945 §5).
    NOTAUTH = 9;
    /// A name is not within the zone (RFC 2136 §2.2).
    NOTZONE = 10;
    /// The DSO type is not known (RFC 8490).
    DSOTYPENI = 11;
    /// The EDNS version is not known (RFC 6891 §9).
    BADVERS = 16;
    /// The key is not known (RFC 8945 §3).
    BADKEY = 17;
    /// The time is out of the window (RFC 8945 §3).
    BADTIME = 18;
    /// The mode of TKEY is not known (RFC 2930).
    BADMODE = 19;
    /// The name of a key exists twice (RFC 2930).
    BADNAME = 20;
    /// The algorithm is not known (RFC 2930).
    BADALG = 21;
    /// The MAC is cut too short (RFC 8945 §3).
    BADTRUNC = 22;
    /// The server cookie is missing or wrong (RFC 7873 §8).
    BADCOOKIE = 23;
}

impl Rcode {
    /// The signature failed: what [`BADVERS`](Self::BADVERS) is within TSIG (RFC 8945 §3).
    pub const BADSIG: Self = Self(16);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names_or_numbers() {
        assert_eq!(Rcode::NXDOMAIN.to_string(), "NXDOMAIN");
        assert_eq!(Rcode::BADSIG.to_string(), "BADVERS");
        assert_eq!(Rcode(3841).to_string(), "RCODE3841");
        assert_eq!(Opcode::UPDATE.to_string(), "UPDATE");
        assert_eq!(Opcode(15).to_string(), "OPCODE15");
    }
}
