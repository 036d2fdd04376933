//! Numbers that have names in zone text only.

/// DNSSEC algorithms (RFC 4034 §A.1 and those that came later).
pub(super) const ALGORITHMS: &[(&str, u8)] = &[
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
];

/// Kinds of certificates (RFC 4398 §2.1).
pub(super) const CERTIFICATES: &[(&str, u16)] = &[
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
];

/// Schemes of notification (RFC 9859).
pub(super) const SCHEMES: &[(&str, u8)] = &[("NOTIFY", 1)];

/// The number of a name, in letters of any case.
pub(super) fn number<T: Copy>(names: &[(&str, T)], name: &[u8]) -> Option<T> {
    names.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|&(_, number)| number)
}
