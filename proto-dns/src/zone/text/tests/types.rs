//! The data of each type, as text and on the wire. Octets are those that dnspython 2.9 makes of the text, where it
//! knows the type.

use crate::wire::rdata::{Text, check, fields, from_text};
use crate::wire::{Name, Type};

/// Type, text, the text that is written of it if that is another, and octets.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("A", "192.0.2.1", "", "c0000201"),
    ("NS", "ns1", "ns1.example.", "036e7331076578616d706c6500"),
    ("NS", "ns1.Example.NET.", "", "036e7331074578616d706c65034e455400"),
    ("CNAME", "@", "example.", "076578616d706c6500"),
    (
        "SOA",
        r#"ns1 admin\.dns 2024010101 1h 15m 30d 5m"#,
        r#"ns1.example. admin\.dns.example. 2024010101 3600 900 2592000 300"#,
        "036e7331076578616d706c65000961646d696e2e646e73076578616d706c650078a3f17500000e100000038400278d000000012c",
    ),
    ("SOA", ". . 4294967295 0 0 0 0", "", "0000ffffffff00000000000000000000000000000000"),
    ("MB", "host.", "", "04686f737400"),
    ("MG", "member.", "", "066d656d62657200"),
    ("MR", "new.", "", "036e657700"),
    ("MD", "host.", "", "04686f737400"),
    ("MINFO", "resp. err.", "", "0472657370000365727200"),
    ("PTR", "host.example.", "", "04686f7374076578616d706c6500"),
    ("HINFO", r#""PC Intel" Linux"#, r#""PC Intel" "Linux""#, "08504320496e74656c054c696e7578"),
    ("MX", "10 mail", "10 mail.example.", "000a046d61696c076578616d706c6500"),
    ("MX", "0 .", "", "000000"),
    (
        "TXT",
        r#""one" two "th\"re\\e" """#,
        r#""one" "two" "th\"re\\e" """#,
        "036f6e650374776f0774682272655c6500",
    ),
    ("TXT", r#"\000\255a\;b"#, r#""\000\255a;b""#, "0500ff613b62"),
    ("SPF", r#""v=spf1 -all""#, "", "0b763d73706631202d616c6c"),
    (
        "RP",
        "admin txt.example.net.",
        "admin.example. txt.example.net.",
        "0561646d696e076578616d706c650003747874076578616d706c65036e657400",
    ),
    ("AFSDB", "1 afs", "1 afs.example.", "000103616673076578616d706c6500"),
    ("X25", "311061700956", r#""311061700956""#, "0c333131303631373030393536"),
    ("ISDN", r#""150862028003217" "004""#, "", "0f31353038363230323830303332313703303034"),
    ("ISDN", r#""150862028003217""#, "", "0f313530383632303238303033323137"),
    ("RT", "10 relay", "10 relay.example.", "000a0572656c6179076578616d706c6500"),
    ("NSAP", "0x47.0005.80.005a00.00", "0x47000580005a0000", "47000580005a0000"),
    ("NSAP-PTR", "foo", "foo.example.", "03666f6f076578616d706c6500"),
    (
        "PX",
        "10 map822 mapx400",
        "10 map822.example. mapx400.example.",
        "000a066d6170383232076578616d706c6500076d617078343030076578616d706c6500",
    ),
    (
        "GPOS",
        "-32.6882 116.8652 10.0",
        r#""-32.6882" "116.8652" "10.0""#,
        "082d33322e36383832083131362e383635320431302e30",
    ),
    ("AAAA", "2001:DB8:0:0::1", "2001:db8::1", "20010db8000000000000000000000001"),
    ("AAAA", "::ffff:192.0.2.1", "", "00000000000000000000ffffc0000201"),
    (
        "LOC",
        "42 21 54 N 71 06 18 W -24m 30m",
        "42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m",
        "0033161389172dd070be15f000988d20",
    ),
    (
        "LOC",
        "52 14 05.123 S 00 08 50 E 10m",
        "52 14 5.123 S 0 8 50.000 E 10.00m 1m 10000m 10m",
        "0012161374caa8bd8008165000989a68",
    ),
    (
        "LOC",
        "90 N 180 W 42849672.95 0.05 0 90000000m",
        "90 0 0.000 N 180 0 0.000 W 42849672.95m 0.05m 0m 90000000m",
        "00500099934fd90059604e00ffffffff",
    ),
    ("SRV", "0 5 5060 sip", "0 5 5060 sip.example.", "0000000513c403736970076578616d706c6500"),
    (
        "NAPTR",
        r#"100 50 s z3950+I2L+I2C "" _z3950"#,
        r#"100 50 "s" "z3950+I2L+I2C" "" _z3950.example."#,
        "0064003201730d7a333935302b49324c2b49324300065f7a33393530076578616d706c6500",
    ),
    ("KX", "2 kx", "2 kx.example.", "0002026b78076578616d706c6500"),
    ("CERT", "PGP 12345 RSASHA1 MTIz NDU2", "3 12345 5 MTIzNDU2", "0003303905313233343536"),
    ("CERT", "65534 65535 254 MTIzNDU2", "", "fffefffffe313233343536"),
    ("DNAME", "other.example.net.", "", "056f74686572076578616d706c65036e657400"),
    (
        "APL",
        "1:192.168.32.0/21 !1:192.168.38.0/28 2:2001:db8::/32",
        "",
        "00011503c0a82000011c83c0a8260002200420010db8",
    ),
    (
        "DS",
        "60485 rsasha1 1 ( 2bB183AF5F22588179A53B0A 98631FAD1A292118 )",
        "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
        "ec4505012bb183af5f22588179a53b0a98631fad1a292118",
    ),
    (
        "SSHFP",
        "2 1 123456789abcdef67890123456789abcdef67890",
        "2 1 123456789ABCDEF67890123456789ABCDEF67890",
        "0201123456789abcdef67890123456789abcdef67890",
    ),
    ("IPSECKEY", "10 0 0 .", "", "0a0000"),
    ("IPSECKEY", "10 0 2 . AQNRU3mG7TVT", "", "0a0002010351537986ed3553"),
    ("IPSECKEY", "10 1 2 192.0.2.38 AQNRU3mG7TVT", "", "0a0102c0000226010351537986ed3553"),
    (
        "IPSECKEY",
        "10 2 2 2001:db8::1 AQNRU3mG7TVT",
        "",
        "0a020220010db8000000000000000000000001010351537986ed3553",
    ),
    (
        "IPSECKEY",
        "10 3 2 gw AQNRU3mG7TVT",
        "10 3 2 gw.example. AQNRU3mG7TVT",
        "0a0302026777076578616d706c6500010351537986ed3553",
    ),
    (
        "RRSIG",
        "A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WN Gv8=",
        "A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv8=",
        "00010503000151803e7c9dd73e5510d70a52076578616d706c6503636f6d00a090755ba58d1aff",
    ),
    (
        "NSEC",
        "host A MX RRSIG NSEC TYPE1234",
        "host.example. A MX RRSIG NSEC TYPE1234",
        "04686f7374076578616d706c65000006400100000003041b000000000000000000000000000000000000000000000000000020",
    ),
    ("DNSKEY", "256 3 ECDSAP256SHA256 AQPSKmynfzW4", "256 3 13 AQPSKmynfzW4", "0100030d0103d22a6ca77f35b8"),
    ("KEY", "512 255 1", "", "0200ff01"),
    ("DHCID", "AAIBY2/AuCcc", "", "000201636fc0b8271c"),
    (
        "NSEC3",
        "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX A",
        "1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A MX",
        "0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b00024001",
    ),
    (
        "NSEC3",
        "1 1 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr",
        "1 1 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR",
        "010100000014174eb2409fe28bcb4887a1836f957f0a8425e27b",
    ),
    ("NSEC3PARAM", "1 0 12 aabbccdd", "1 0 12 AABBCCDD", "0100000c04aabbccdd"),
    (
        "TLSA",
        "0 0 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971",
        "0 0 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971",
        "000001d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971",
    ),
    ("SMIMEA", "3 0 0 aabbccddeeff", "3 0 0 AABBCCDDEEFF", "030000aabbccddeeff"),
    (
        "HIP",
        "2 200100107B1A74DF365639CC39F1D578 AwEAAbdx rvs1.example.com. rvs2",
        "2 200100107B1A74DF365639CC39F1D578 AwEAAbdx rvs1.example.com. rvs2.example.",
        "10020006200100107b1a74df365639cc39f1d57803010001b7710472767331076578616d706c6503636f6d000472767332076578616d706c6500",
    ),
    ("CDS", "0 0 0 00", "", "0000000000"),
    ("CDNSKEY", "0 3 0 AA==", "", "0000030000"),
    ("OPENPGPKEY", "AQ ID", "AQID", "010203"),
    ("CSYNC", "66 3 NS A AAAA", "66 3 A NS AAAA", "000000420003000460000008"),
    ("ZONEMD", "2018031500 1 240 FEBE3D4CE2EC2FFA4BA99D46", "", "7848b78c01f0febe3d4ce2ec2ffa4ba99d46"),
    ("SVCB", "0 foo.example.com.", "", "000003666f6f076578616d706c6503636f6d00"),
    ("SVCB", "1 .", "", "000100"),
    ("SVCB", "16 foo port=53", "16 foo.example. port=53", "001003666f6f076578616d706c6500000300020035"),
    ("SVCB", "1 foo. key667=hello", r#"1 foo. key667="hello""#, "000103666f6f00029b000568656c6c6f"),
    ("SVCB", r#"1 foo. key667="hello\210qoo""#, "", "000103666f6f00029b000968656c6c6fd2716f6f"),
    (
        "SVCB",
        r#"1 foo. ipv6hint="2001:db8::1,2001:db8::53:1""#,
        "1 foo. ipv6hint=2001:db8::1,2001:db8::53:1",
        "000103666f6f000006002020010db800000000000000000000000120010db8000000000000000000530001",
    ),
    (
        "SVCB",
        "16 foo. (alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1)",
        r#"16 foo. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1"#,
        "001003666f6f000000000400010004000100090268320568332d313900040004c0000201",
    ),
    (
        "SVCB",
        r#"16 foo. alpn="f\\\\oo\\,bar,h2""#,
        r#"16 foo. alpn="f\\\\oo\\,bar,h2""#,
        "001003666f6f000001000c08665c6f6f2c626172026832",
    ),
    (
        "SVCB",
        r#"16 foo. alpn=f\\\092oo\092,bar,h2"#,
        r#"16 foo. alpn="f\\\\oo\\,bar,h2""#,
        "001003666f6f000001000c08665c6f6f2c626172026832",
    ),
    (
        "SVCB",
        "1 dns. key7=/q{?dns} ohttp",
        r#"1 dns. dohpath="/q{?dns}" ohttp"#,
        "000103646e7300000700082f717b3f646e737d00080000",
    ),
    (
        "HTTPS",
        r#"1 . alpn="h2" no-default-alpn ech=AAEC key3=\001\187"#,
        r#"1 . alpn="h2" no-default-alpn port=443 ech=AAEC"#,
        "00010000010003026832000200000003000201bb00050003000102",
    ),
    ("NID", "10 0014:4fff:ff20:ee64", "", "000a00144fffff20ee64"),
    ("L32", "10 10.1.2.0", "", "000a0a010200"),
    ("L64", "10 2001:0DB8:1140:1000", "10 2001:0db8:1140:1000", "000a20010db811401000"),
    ("LP", "10 l64-subnet1", "10 l64-subnet1.example.", "000a0b6c36342d7375626e657431076578616d706c6500"),
    ("EUI48", "00-00-5E-00-53-2a", "00-00-5e-00-53-2a", "00005e00532a"),
    ("EUI64", "00-00-5e-ef-10-00-00-2a", "", "00005eef1000002a"),
    (
        "URI",
        r#"10 1 "ftp://ftp1.example.com/public""#,
        "",
        "000a00016674703a2f2f667470312e6578616d706c652e636f6d2f7075626c6963",
    ),
    (
        "CAA",
        r#"0 issue "ca1.example.net; account=230123""#,
        "",
        "000569737375656361312e6578616d706c652e6e65743b206163636f756e743d323330313233",
    ),
    ("CAA", r#"128 tbs """#, "", "8003746273"),
    (
        "AVC",
        r#""app-name:WOLFGANG|app-class:OAM""#,
        "",
        "1f6170702d6e616d653a574f4c4647414e477c6170702d636c6173733a4f414d",
    ),
    ("AMTRELAY", "10 0 1 203.0.113.15", "", "0a01cb00710f"),
    (
        "AMTRELAY",
        "10 1 3 amtrelays",
        "10 1 3 amtrelays.example.",
        "0a8309616d7472656c617973076578616d706c6500",
    ),
    ("AMTRELAY", "128 0 0 .", "", "8000"),
    (
        "RESINFO",
        "qnamemin exterr=15,16,17",
        r#""qnamemin" "exterr=15,16,17""#,
        "08716e616d656d696e0f6578746572723d31352c31362c3137",
    ),
    (
        "DSYNC",
        "CDS NOTIFY 5300 scanner",
        "CDS 1 5300 scanner.example.",
        "003b0114b4077363616e6e6572076578616d706c6500",
    ),
    ("TYPE65280", r#"\# 3 aBcD 01"#, r#"\# 3 abcd01"#, "abcd01"),
    ("TYPE65280", r#"\# 0"#, "", ""),
    ("A", r#"\# 4 0A000001"#, "10.0.0.1", "0a000001"),
    ("TYPE1", "10.0.0.1", "10.0.0.1", "0a000001"),
    ("NULL", r#"\# 2 abcd"#, "", "abcd"),
];

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn text_becomes_these_octets_and_these_octets_that_text() {
    let origin: Name = "example.".parse().unwrap();
    for (rtype, text, written, octets) in TYPES {
        let written = if written.is_empty() { text } else { written };
        let number: Type = rtype.parse().unwrap();
        let rdata = from_text(number, text.as_bytes(), Some(origin.view()))
            .unwrap_or_else(|fault| panic!("{rtype} {text}: {fault} at {:?}", fault.at));
        assert_eq!(hex(&rdata), *octets, "{rtype} {text}");
        assert_eq!(check(number, &rdata), Ok(()), "{rtype} {text}");
        assert_eq!(Text { rtype: number, rdata: &rdata }.to_string(), *written, "{rtype}");
        assert_eq!(from_text(number, written.as_bytes(), None).unwrap(), rdata, "{rtype} {written}");
    }
}

/// RFC 3597 §5: every type can be written as octets, and is then the same.
#[test]
fn the_generic_form_is_the_same() {
    for (rtype, .., octets) in TYPES {
        let rtype: Type = rtype.parse().unwrap();
        let text = format!(r"\# {} {octets}", octets.len() / 2);
        assert_eq!(hex(&from_text(rtype, text.as_bytes(), None).unwrap()), *octets, "{rtype}");
    }
}

#[test]
fn every_type_of_the_table_has_a_case() {
    for number in (0..=u16::MAX).map(Type).filter(|&rtype| fields(rtype).is_some()) {
        // Others of the same form stand for these.
        let alike = [Type::MF, Type::SIG, Type::TA, Type::DLV, Type::WALLET];
        let cases = TYPES.iter().filter(|(rtype, ..)| rtype.parse() == Ok(number)).count();
        assert!(cases > 0 || alike.contains(&number), "{number}");
    }
}

/// RFC 3597 §5, RFC 1876 §2, RFC 3123: what has no text is written as octets.
#[test]
fn what_has_no_text_is_written_as_octets() {
    for (rtype, octets, text) in [
        (Type::A, &[1, 2, 3][..], r"\# 3 010203"),
        (Type::LOC, &[1, 2], r"\# 2 0102"),
        (Type::APL, &[0, 3, 1, 1, 0x80], r"\# 5 0003010180"),
        (Type::MX, &[0, 1, 0xc0, 12], r"\# 4 0001c00c"),
        (Type::TXT, &[], r"\# 0"),
    ] {
        assert_eq!(Text { rtype, rdata: octets }.to_string(), text);
    }
}

/// A zone of one record for each case.
pub(super) fn zones() -> impl Iterator<Item = String> {
    TYPES.iter().map(|(rtype, text, ..)| format!("a 60 IN {rtype} {text}\n"))
}
