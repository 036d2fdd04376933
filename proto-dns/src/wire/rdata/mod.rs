//! RDATA: for each type, what its fields are. All that is done with RDATA is done from this one table.

mod encoded;
mod location;
mod mnemonic;
mod params;
mod parse;
mod prefixes;
mod walk;
mod write;

pub use parse::{from_text, parse};
pub(crate) use parse::{name_of, seconds};
pub use walk::{Piece, Pieces, RdataError, check, pieces, read};
pub use write::{Text, write};

use super::Type;

/// What a part of RDATA is, on the wire and as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A name.
    Name(NameUse),
    /// 8 bits, as a number.
    U8,
    /// 16 bits, as a number.
    U16,
    /// 32 bits, as a number.
    U32,
    /// 32 bits of seconds, as a number with or without units.
    Ttl,
    /// 32 bits of seconds since 1970, as `YYYYMMDDHHmmSS` (RFC 4034 §3.2).
    Time,
    /// The number of a type, as its mnemonic.
    Covered,
    /// 8 bits, as a number or, when read, one of these names.
    Named8(&'static [(&'static str, u8)]),
    /// 16 bits, as a number or, when read, one of these names.
    Named16(&'static [(&'static str, u16)]),
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A character-string (RFC 1035 §3.3).
    Text,
    /// A character-string that may be absent, at the end.
    MaybeText,
    /// One or more character-strings, to the end.
    Texts,
    /// A character-string of letters and digits that is never quoted (RFC 8659 §4.1).
    Tag,
    /// Octets to the end, as one character-string of any length (RFC 7553 §4.4, RFC 8659 §4.1.1).
    Quoted,
    /// Octets to the end, as base64 in any number of words.
    Base64,
    /// Octets to the end that may be absent, as base64 in any number of words.
    MaybeBase64,
    /// Octets to the end, as hexadecimal digits in any number of words.
    Hex,
    /// A digest to the end, as [`Hex`](Self::Hex): how many octets it has for each value of the octet before it.
    Digest(&'static [(u8, usize)]),
    /// Octets after their number, as hexadecimal digits, or `-` if there are none (RFC 5155 §3.3).
    Salt,
    /// Octets after their number, as base32hex without padding (RFC 5155 §3.3).
    Hash,
    /// Octets to the end, as `0x` and hexadecimal digits with dots anywhere (RFC 1706).
    Nsap,
    /// A bitmap of types to the end, as their mnemonics (RFC 4034 §4.1.2).
    Types,
    /// Service parameters to the end (RFC 9460 §2.1).
    Params,
    /// A location (RFC 1876 §2).
    Location,
    /// Address prefixes to the end (RFC 3123).
    Prefixes,
    /// 64 bits, as four groups of hexadecimal digits with colons between (RFC 6742 §2.1.2).
    Locator,
    /// As many octets, as pairs of hexadecimal digits with hyphens between (RFC 7043 §3.2).
    Eui(u8),
    /// The gateway of an IPsec key: what the octet 1 of the RDATA says (RFC 4025 §2.5).
    Gateway,
    /// The relay of AMT, with the octet before it that has the D bit and the kind (RFC 8777).
    Relay,
    /// All of a host identity: lengths, algorithm, tag, key, and servers (RFC 8005 §5).
    HostIdentity,
}

/// How a name within RDATA is treated (RFC 3597 §4, RFC 4034 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameUse {
    /// May be compressed, and is in small letters in the canonical form: the types of RFC 1035.
    Compress,
    /// Is not compressed by us but may be by others, and is in small letters in the canonical form.
    Expand,
    /// Is never compressed, and keeps its case.
    Plain,
}

const OLD: Field = Field::Name(NameUse::Compress);
const MID: Field = Field::Name(NameUse::Expand);
const NEW: Field = Field::Name(NameUse::Plain);

const ALGORITHM: Field = Field::Named8(mnemonic::ALGORITHMS);
const CERTIFICATE: Field = Field::Named16(mnemonic::CERTIFICATES);
const SCHEME: Field = Field::Named8(mnemonic::SCHEMES);
/// SHA-1, SHA-256, GOST R 34.11-94, SHA-384.
const DS: &[(u8, usize)] = &[(1, 20), (2, 32), (3, 32), (4, 48)];
/// SHA-1, SHA-256.
const SSHFP: &[(u8, usize)] = &[(1, 20), (2, 32)];
/// SHA-256, SHA-512.
const TLSA: &[(u8, usize)] = &[(1, 32), (2, 64)];
/// SHA-384, SHA-512.
const ZONEMD: &[(u8, usize)] = &[(1, 48), (2, 64)];

/// The fields of a type's RDATA, or `None` if it is one that has no form but that of RFC 3597.
pub fn fields(rtype: Type) -> Option<&'static [Field]> {
    use Field::*;
    Some(match rtype {
        Type::A => &[Ipv4],
        Type::NS | Type::MD | Type::MF | Type::CNAME | Type::MB | Type::MG | Type::MR | Type::PTR => &[OLD],
        Type::SOA => &[OLD, OLD, U32, Ttl, Ttl, Ttl, Ttl],
        Type::HINFO => &[Text, Text],
        Type::MINFO => &[OLD, OLD],
        Type::MX => &[U16, OLD],
        Type::TXT | Type::SPF | Type::AVC | Type::RESINFO | Type::WALLET => &[Texts],
        Type::RP => &[MID, MID],
        Type::AFSDB | Type::RT | Type::KX => &[U16, MID],
        Type::X25 => &[Text],
        Type::ISDN => &[Text, MaybeText],
        Type::NSAP => &[Nsap],
        Type::NSAP_PTR | Type::DNAME => &[MID],
        Type::SIG | Type::RRSIG => &[Covered, ALGORITHM, U8, U32, Time, Time, U16, MID, Base64],
        Type::KEY => &[U16, U8, ALGORITHM, MaybeBase64],
        Type::DNSKEY | Type::CDNSKEY => &[U16, U8, ALGORITHM, Base64],
        Type::PX => &[U16, MID, MID],
        Type::GPOS => &[Text, Text, Text],
        Type::AAAA => &[Ipv6],
        Type::LOC => &[Location],
        Type::SRV => &[U16, U16, U16, MID],
        Type::NAPTR => &[U16, U16, Text, Text, Text, MID],
        Type::CERT => &[CERTIFICATE, U16, ALGORITHM, Base64],
        Type::APL => &[Prefixes],
        Type::DS | Type::CDS | Type::TA | Type::DLV => &[U16, ALGORITHM, U8, Digest(DS)],
        Type::SSHFP => &[U8, U8, Digest(SSHFP)],
        Type::IPSECKEY => &[U8, U8, U8, Gateway, MaybeBase64],
        Type::NSEC => &[NEW, Types],
        Type::DHCID | Type::OPENPGPKEY => &[Base64],
        Type::NSEC3 => &[U8, U8, U16, Salt, Hash, Types],
        Type::NSEC3PARAM => &[U8, U8, U16, Salt],
        Type::TLSA | Type::SMIMEA => &[U8, U8, U8, Digest(TLSA)],
        Type::HIP => &[HostIdentity],
        Type::CSYNC => &[U32, U16, Types],
        Type::ZONEMD => &[U32, U8, U8, Digest(ZONEMD)],
        Type::SVCB | Type::HTTPS => &[U16, NEW, Params],
        Type::DSYNC => &[Covered, SCHEME, U16, NEW],
        Type::NID | Type::L64 => &[U16, Locator],
        Type::L32 => &[U16, Ipv4],
        Type::LP => &[U16, NEW],
        Type::EUI48 => &[Eui(6)],
        Type::EUI64 => &[Eui(8)],
        Type::URI => &[U16, U16, Quoted],
        Type::CAA => &[U8, Tag, Quoted],
        Type::AMTRELAY => &[U8, Relay],
        _ => return None,
    })
}
