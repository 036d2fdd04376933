//! Types and classes of records.

use std::fmt;
use std::str::FromStr;

/// The type of a record or of a question (RFC 1035 §3.2.2), as text a mnemonic or `TYPE` and a number (RFC 3597 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Type(pub u16);

/// The class of a record or of a question (RFC 1035 §3.2.4), as text a mnemonic or `CLASS` and a number
/// (RFC 3597 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u16);

/// Text is not a type or a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

macro_rules! numbers {
    ($number:ident, $generic:literal: $($name:ident $text:literal = $value:literal $doc:literal)*) => {
        impl $number {
            $(#[doc = $doc] pub const $name: Self = Self($value);)*

            /// The number that `text` means, in letters of any case.
            pub fn parse(text: &[u8]) -> Option<Self> {
                let mut upper = [0; 10];
                let upper = upper.get_mut(..text.len())?;
                upper.copy_from_slice(text);
                upper.make_ascii_uppercase();
                #[expect(clippy::string_lit_as_bytes, reason = "a byte string cannot be made of a literal")]
                match &*upper {
                    $(upper if upper == $text.as_bytes() => Some(Self($value)),)*
                    _ => {
                        let digits = upper.strip_prefix($generic.as_bytes())?;
                        // `parse` would take a sign.
                        let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
                        digits.parse().ok().map(Self)
                    }
                }
            }
        }

        impl fmt::Display for $number {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$name => f.pad($text),)*
                    Self(value) => f.pad(&format!(concat!($generic, "{}"), value)),
                }
            }
        }

        impl FromStr for $number {
            type Err = Unknown;

            fn from_str(text: &str) -> Result<Self, Unknown> {
                Self::parse(text.as_bytes()).ok_or(Unknown)
            }
        }
    };
}

numbers! { Class, "CLASS":
    IN "IN" = 1 "The Internet."
    CH "CH" = 3 "Chaosnet, which servers tell their version in."
    HS "HS" = 4 "Hesiod."
    NONE "NONE" = 254 "No class, in updates (RFC 2136 §1.3)."
    ANY "ANY" = 255 "Any class, in questions and updates."
}

numbers! { Type, "TYPE":
    A "A" = 1 "An IPv4 address (RFC 1035 §3.4.1)."
    NS "NS" = 2 "A name server (RFC 1035 §3.3.11)."
    MD "MD" = 3 "A mail destination, obsolete (RFC 1035 §3.3.4)."
    MF "MF" = 4 "A mail forwarder, obsolete (RFC 1035 §3.3.5)."
    CNAME "CNAME" = 5 "The canonical name of an alias (RFC 1035 §3.3.1)."
    SOA "SOA" = 6 "The start of a zone of authority (RFC 1035 §3.3.13)."
    MB "MB" = 7 "A mailbox's host (RFC 1035 §3.3.3)."
    MG "MG" = 8 "A mail group's member (RFC 1035 §3.3.6)."
    MR "MR" = 9 "A mailbox's new name (RFC 1035 §3.3.8)."
    NULL "NULL" = 10 "Anything (RFC 1035 §3.3.10)."
    WKS "WKS" = 11 "Well known services, obsolete (RFC 1035 §3.4.2)."
    PTR "PTR" = 12 "A pointer to a name (RFC 1035 §3.3.12)."
    HINFO "HINFO" = 13 "A host's processor and system (RFC 1035 §3.3.2)."
    MINFO "MINFO" = 14 "Who is responsible for a mailing list (RFC 1035 §3.3.7)."
    MX "MX" = 15 "A mail exchange (RFC 1035 §3.3.9)."
    TXT "TXT" = 16 "Text (RFC 1035 §3.3.14)."
    RP "RP" = 17 "A responsible person (RFC 1183 §2.2)."
    AFSDB "AFSDB" = 18 "A server of an AFS cell (RFC 1183 §1)."
    X25 "X25" = 19 "An X.25 address (RFC 1183 §3.1)."
    ISDN "ISDN" = 20 "An ISDN number (RFC 1183 §3.2)."
    RT "RT" = 21 "A route through another host (RFC 1183 §3.3)."
    NSAP "NSAP" = 22 "An OSI address (RFC 1706)."
    NSAP_PTR "NSAP-PTR" = 23 "The name of an OSI address, obsolete (RFC 1348)."
    SIG "SIG" = 24 "A signature (RFC 2535), now of messages only (RFC 2931)."
    KEY "KEY" = 25 "A key (RFC 2535), now of messages only (RFC 2931)."
    PX "PX" = 26 "A mapping between X.400 and mail (RFC 2163)."
    GPOS "GPOS" = 27 "A geographical position (RFC 1712)."
    AAAA "AAAA" = 28 "An IPv6 address (RFC 3596)."
    LOC "LOC" = 29 "A location (RFC 1876)."
    NXT "NXT" = 30 "The next name, obsolete (RFC 2535)."
    SRV "SRV" = 33 "A service's host and port (RFC 2782)."
    NAPTR "NAPTR" = 35 "A rule to rewrite names (RFC 3403)."
    KX "KX" = 36 "A key exchanger (RFC 2230)."
    CERT "CERT" = 37 "A certificate (RFC 4398 §2)."
    DNAME "DNAME" = 39 "Where all names below an alias are (RFC 6672)."
    OPT "OPT" = 41 "The options of EDNS (RFC 6891 §6.1)."
    APL "APL" = 42 "Address prefixes (RFC 3123)."
    DS "DS" = 43 "The digest of a zone's key, at its parent (RFC 4034 §5)."
    SSHFP "SSHFP" = 44 "An SSH host key's fingerprint (RFC 4255 §3)."
    IPSECKEY "IPSECKEY" = 45 "A key for IPsec (RFC 4025 §2)."
    RRSIG "RRSIG" = 46 "The signature of an RRset (RFC 4034 §3)."
    NSEC "NSEC" = 47 "The next name of a zone (RFC 4034 §4)."
    DNSKEY "DNSKEY" = 48 "A zone's key (RFC 4034 §2)."
    DHCID "DHCID" = 49 "The DHCP client that owns a name (RFC 4701)."
    NSEC3 "NSEC3" = 50 "The next hashed name of a zone (RFC 5155 §3)."
    NSEC3PARAM "NSEC3PARAM" = 51 "How names are hashed (RFC 5155 §4)."
    TLSA "TLSA" = 52 "A TLS certificate's association (RFC 6698 §2)."
    SMIMEA "SMIMEA" = 53 "An S/MIME certificate's association (RFC 8162)."
    HIP "HIP" = 55 "A host identity (RFC 8005 §5)."
    CDS "CDS" = 59 "The DS that the child wants (RFC 7344 §3.1)."
    CDNSKEY "CDNSKEY" = 60 "The DNSKEY that the child wants a DS of (RFC 7344 §3.2)."
    OPENPGPKEY "OPENPGPKEY" = 61 "An OpenPGP key (RFC 7929)."
    CSYNC "CSYNC" = 62 "What the parent is to copy (RFC 7477)."
    ZONEMD "ZONEMD" = 63 "The digest of a zone (RFC 8976 §2)."
    SVCB "SVCB" = 64 "How to reach a service (RFC 9460 §2)."
    HTTPS "HTTPS" = 65 "How to reach a web server (RFC 9460 §9)."
    DSYNC "DSYNC" = 66 "Where the parent is notified (RFC 9859)."
    SPF "SPF" = 99 "A mail sender policy, obsolete (RFC 7208 §3.1)."
    NID "NID" = 104 "A node identifier (RFC 6742 §2.1)."
    L32 "L32" = 105 "A 32-bit locator (RFC 6742 §2.2)."
    L64 "L64" = 106 "A 64-bit locator (RFC 6742 §2.3)."
    LP "LP" = 107 "The name of a locator (RFC 6742 §2.4)."
    EUI48 "EUI48" = 108 "A 48-bit Ethernet address (RFC 7043 §3)."
    EUI64 "EUI64" = 109 "A 64-bit Ethernet address (RFC 7043 §4)."
    TKEY "TKEY" = 249 "A key being agreed on (RFC 2930)."
    TSIG "TSIG" = 250 "A message's authentication (RFC 8945 §4)."
    IXFR "IXFR" = 251 "A question for a zone's changes (RFC 1995)."
    AXFR "AXFR" = 252 "A question for a whole zone (RFC 5936)."
    MAILB "MAILB" = 253 "A question for MB, MG and MR, obsolete."
    MAILA "MAILA" = 254 "A question for MD and MF, obsolete."
    ANY "ANY" = 255 "A question for all types (RFC 8482)."
    URI "URI" = 256 "A URI (RFC 7553 §4)."
    CAA "CAA" = 257 "Who may issue certificates (RFC 8659 §4)."
    AVC "AVC" = 258 "Application visibility and control: text."
    AMTRELAY "AMTRELAY" = 260 "A multicast relay (RFC 8777)."
    RESINFO "RESINFO" = 261 "What a resolver can do (RFC 9606)."
    WALLET "WALLET" = 262 "A wallet's address: text."
    TA "TA" = 32768 "A trust anchor, in the form of DS."
    DLV "DLV" = 32769 "A look-aside key, obsolete, in the form of DS (RFC 4431)."
}

impl Type {
    /// Whether it cannot be the type of a record in a zone: OPT, 0, and what is for questions and messages only
    /// (RFC 6895 §3.1).
    pub fn is_meta(self) -> bool {
        matches!(self, Self(0) | Self::OPT | Self(128..=255))
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an unknown mnemonic")
    }
}

impl std::error::Error for Unknown {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_text() {
        for number in 0..=u16::MAX {
            assert_eq!(Type(number).to_string().parse(), Ok(Type(number)));
            assert_eq!(Class(number).to_string().parse(), Ok(Class(number)));
        }
    }

    #[test]
    fn mnemonics_have_any_case_and_numbers_a_generic_form() {
        assert_eq!("nsec3PARAM".parse(), Ok(Type::NSEC3PARAM));
        assert_eq!("type1".parse(), Ok(Type::A));
        assert_eq!(Type(65280).to_string(), "TYPE65280");
        assert_eq!("Class32".parse(), Ok(Class(32)));
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in ["", "TYPE", "TYPE65536", "TYPE+1", "TYPE-1", "TYPE1x", "NSEC3PARAMX", "IN", "\u{e9}"] {
            assert_eq!(text.parse::<Type>(), Err(Unknown), "{text}");
        }
        assert_eq!("A".parse::<Class>(), Err(Unknown));
    }

    #[test]
    fn meta_types_are_not_in_zones() {
        assert!([Type::OPT, Type::TSIG, Type::ANY, Type::AXFR].into_iter().all(Type::is_meta));
        assert!(![Type::A, Type::URI, Type::NSEC3, Type(65280)].into_iter().any(Type::is_meta));
    }
}
