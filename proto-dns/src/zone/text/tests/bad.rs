//! What is wrong in zone text, and where it is told.

use super::{read, told};

/// Section, text that follows `$ORIGIN example.` and `$TTL 60` on two lines before, and the one problem that it has.
const CASES: &[(&str, &str, &str)] = &[
    ("RFC 1035 §5.1", "www A 192.0.2.1 192.0.2.2", "3:17: the entry should have ended before this"),
    ("RFC 1035 §5.1", "www A", "3:6: an IPv4 address is missing here"),
    ("RFC 1035 §5.1", "www", "3:4: a type is missing here"),
    ("RFC 1035 §5.1", " A 192.0.2.1", "3:2: there is no record before this whose owner it could have"),
    ("RFC 1035 §5.1", "www IN 60", "3:10: a type is missing here"),
    ("RFC 1035 §5.1", "www FOO 1", "3:5: `FOO` is not a type, nor a class or a TTL"),
    ("RFC 1035 §5.1", "www 60 60 A 192.0.2.1", "3:8: `60` is not a type, nor a class or a TTL"),
    ("RFC 1035 §5.1", "www IN IN A 192.0.2.1", "3:8: `IN` is not a type, nor a class or a TTL"),
    ("RFC 1035 §5.1", "www \"A\" 192.0.2.1", "3:5: a type, a class or a TTL has no quotes"),
    ("RFC 1035 §5.1", "\"www\" A 192.0.2.1", "3:1: a name has no quotes"),
    ("RFC 1035 §5.1", "www A ( 192.0.2.1", "3:7: this parenthesis is not closed"),
    ("RFC 1035 §5.1", "www A 192.0.2.1 )", "3:17: this parenthesis was not opened"),
    ("RFC 1035 §5.1", "www A ((192.0.2.1 ) ; )", "3:8: a parenthesis within parentheses"),
    ("RFC 1035 §5.1", "www TXT \"a", "3:9: this quote is not closed on its line"),
    ("RFC 1035 §5.1", "www TXT \"a\\\"", "3:9: this quote is not closed on its line"),
    ("RFC 1035 §5.1", "www TXT a\\", "3:10: a backslash at the end of the line"),
    (
        "RFC 1035 §5.1",
        "www TXT é \\25",
        "3:11: a backslash needs a character, or three digits up to 255, after it",
    ),
    (
        "RFC 1035 §5.1",
        "www TXT \"\\256\"",
        "3:10: a backslash needs a character, or three digits up to 255, after it",
    ),
    (
        "RFC 1035 §5.1",
        "w\\2w A 192.0.2.1",
        "3:1: a backslash needs a character, or three digits up to 255, after it",
    ),
    ("RFC 1035 §5.1", "a..b A 192.0.2.1", "3:1: a label is empty"),
    ("RFC 1035 §5.1", "www\u{7} A 192.0.2.1", "3:4: a control character"),
    ("RFC 1035 §5.1", "$BAD x", "3:1: an unknown directive: $ORIGIN, $TTL, $INCLUDE and $GENERATE are known"),
    ("RFC 1035 §5.1", "$ORIGIN", "3:8: a name is missing here"),
    ("RFC 1035 §5.1", "$ORIGIN a b", "3:11: the entry should have ended before this"),
    ("RFC 1035 §5.1", "$INCLUDE a", "3:10: $INCLUDE is only for zones in files"),
    (
        "RFC 1035 §5.2",
        "www CH TXT a\nwww IN TXT b",
        "4:8: a record of class IN, where those before it are of CH",
    ),
    ("RFC 1035 §3.2.5", "www ANY TXT a", "3:9: a record has no such class"),
    ("RFC 1035 §3.2.3", "www AXFR x", "3:5: a type that no record of a zone can have"),
    ("RFC 6891 §6.1.1", "www OPT \\# 0", "3:5: a type that no record of a zone can have"),
    ("RFC 1035 §3.3", "www HINFO cpu", "3:14: a text is missing here"),
    ("RFC 1035 §3.3.9", "www MX mail", "3:8: a number from 0 to 65535 is expected"),
    ("RFC 1035 §3.3.9", "www MX 65536 mail", "3:8: a number from 0 to 65535 is expected"),
    ("RFC 1035 §3.3.9", "www MX -1 mail", "3:8: a number from 0 to 65535 is expected"),
    ("RFC 1035 §3.3.9", "www MX +1 mail", "3:8: a number from 0 to 65535 is expected"),
    ("RFC 1035 §3.3.13", "@ SOA a b 1 2 3 4", "3:18: a time in seconds is missing here"),
    ("RFC 1035 §3.3.13", "@ SOA a b 4294967296 2 3 4 5", "3:11: a number from 0 to 4294967295 is expected"),
    ("RFC 1035 §3.3.13", "@ SOA a b 1 1x 3 4 5", "3:13: a time as 3600 or 1h is expected"),
    ("RFC 1035 §3.4.1", "www A 192.0.2", "3:7: an IPv4 address is expected"),
    ("RFC 1035 §3.4.1", "www A 192.0.2.256", "3:7: an IPv4 address is expected"),
    ("RFC 1035 §3.4.1", "www A 192.0.2.01", "3:7: an IPv4 address is expected"),
    ("RFC 3596", "www AAAA 2001:db8:::1", "3:10: an IPv6 address is expected"),
    ("RFC 3596", "www AAAA 192.0.2.1", "3:10: an IPv6 address is expected"),
    ("RFC 2308 §4", "$TTL", "3:5: a TTL is missing here"),
    ("RFC 2308 §4", "$TTL 1h30", "3:6: a TTL as 3600 or 1h, up to 2147483647, is expected"),
    ("RFC 2181 §8", "www 2147483648 A 192.0.2.1", "3:5: a TTL as 3600 or 1h, up to 2147483647, is expected"),
    ("RFC 2181 §8", "www 9999999w A 192.0.2.1", "3:5: a TTL as 3600 or 1h, up to 2147483647, is expected"),
    (
        "RFC 3597 §5",
        "www TYPE65280 abcd",
        "3:15: data of the type TYPE65280 has only the form `\\# length hexadecimal`",
    ),
    ("RFC 3597 §5", "www TYPE65536 \\# 0", "3:5: `TYPE65536` is not a type, nor a class or a TTL"),
    ("RFC 3597 §5", "www A \\# 4 0A0000", "3:10: the length is told as 4, but there are 3 octets"),
    ("RFC 3597 §5", "www A \\# 3 0A0000", "3:6: the data is cut short"),
    ("RFC 3597 §5", "www TXT \\# 1 0g", "3:15: pairs of hexadecimal digits are expected"),
    (
        "RFC 3597 §5",
        "www NS \\# 2 c000",
        "3:7: a compression pointer does not point backwards, or may not be here",
    ),
    ("RFC 1876 §3", "www LOC 91 N 0 E 0m", "3:9: degrees from 0 to 90 are expected"),
    ("RFC 1876 §3", "www LOC 90 1 N 0 E 0m", "3:8: a location is not on the Earth"),
    ("RFC 1876 §3", "www LOC 9 60 N 0 E 0m", "3:11: minutes, or a hemisphere, is expected"),
    ("RFC 1876 §3", "www LOC 9 N 0 E 0m 90000001m 1e9m", "3:30: a size up to 90000000.00m is expected"),
    ("RFC 3123", "www APL 1:192.0.2.0/33", "3:9: a prefix as 1:192.0.2.0/24 or !2:2001:db8::/32 is expected"),
    ("RFC 4034 §2.2", "@ DNSKEY 256 3 8 A?AA", "3:19: base64 with its padding is expected"),
    ("RFC 4034 §2.2", "@ DNSKEY 256 3 8 AAA", "3:18: base64 with its padding is expected"),
    ("RFC 4034 §2.2", "@ DNSKEY 256 3 8", "3:17: base64 is missing here"),
    ("RFC 4034 §5.1.4", "@ DS 1 8 2 abcd", "3:5: the digest is not as long as one of its kind"),
    (
        "RFC 4034 §3.2",
        "@ RRSIG A 8 1 60 20241301000000 20240101000000 1 @ AAAA",
        "3:18: a time as YYYYMMDDHHmmSS is expected",
    ),
    ("RFC 4034 §4.2", "@ NSEC a A FOO", "3:12: not a type"),
    (
        "RFC 5155 §3.3",
        "@ NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojw A",
        "3:17: a hash in base32hex is expected",
    ),
    ("RFC 9276 §3.2", "@ NSEC3PARAM 1 0 51 -", "3:18: more than 50 iterations, which resolvers refuse"),
    (
        "RFC 9276 §3.2",
        "@ NSEC3PARAM \\# 5 0100003300",
        "3:19: more than 50 iterations, which resolvers refuse",
    ),
    ("RFC 9460 §2.1", "@ SVCB 1 . port=1 port=2", "3:19: this parameter is there twice"),
    ("RFC 9460 §2.1", "@ SVCB 1 . prt=1", "3:12: not a service parameter"),
    ("RFC 9460 §2.1", "@ SVCB 1 . key007=1", "3:12: not a service parameter"),
    ("RFC 9460 §7.2", "@ SVCB 1 . port=65536", "3:12: the value of this parameter is wrong"),
    ("RFC 9460 §7.2", "@ SVCB 1 . port", "3:12: the value of this parameter is wrong"),
    ("RFC 9460 §7.1", "@ SVCB 1 . alpn=h2,,h3", "3:12: the value of this parameter is wrong"),
    ("RFC 9460 §7.1", "@ SVCB 1 . no-default-alpn=x", "3:12: the value of this parameter is wrong"),
    ("RFC 9460 §7.3", "@ SVCB 1 . ipv4hint=2001:db8::1", "3:12: the value of this parameter is wrong"),
    ("RFC 9460 §8", "@ SVCB 1 . mandatory=port", "3:7: a mandatory parameter is absent"),
    ("RFC 9460 §8", "@ SVCB 1 . mandatory=mandatory", "3:12: the value of this parameter is wrong"),
    ("RFC 9460 §2.1", "@ SVCB 1 . alpn=\"h2", "3:17: this quote is not closed on its line"),
    ("RFC 8659 §4.1.1", "@ CAA 0 is-sue x", "3:9: a tag of letters and digits, without quotes, is expected"),
    ("RFC 8777", "@ AMTRELAY 1 2 0 .", "3:14: 0 or 1 is expected"),
    ("RFC 4025 §3.1", "@ IPSECKEY 1 4 0 .", "3:18: of an unknown kind"),
    (
        "RFC 7043 §3.2",
        "@ EUI48 00-00-5e-00-53",
        "3:9: pairs of hexadecimal digits with - between are expected",
    ),
    (
        "RFC 6742 §2.1.2",
        "@ NID 10 1:2:3",
        "3:10: four groups of hexadecimal digits with : between are expected",
    ),
];

#[test]
fn each_fault_is_told_with_its_place() {
    for (section, text, problem) in CASES {
        let text = format!("$ORIGIN example.\n$TTL 60\n{text}\n");
        assert_eq!(told(&read(&text, None)), [*problem], "{section}: {text}");
    }
}

#[test]
fn all_faults_are_told_and_what_is_right_is_read() {
    let text = "@ A 1\nwww A 192.0.2.1\n\t A )\n (\n x A 192.0.2.2 192.0.2.3 \"\n ) TXT \"\n A 192.0.2.4\n";
    let (reading, records) = read(&format!("$ORIGIN a.\n$TTL 1\n{text}"), None);
    assert_eq!(records, ["www.a. 1 IN A 192.0.2.1", "www.a. 1 IN A 192.0.2.4"]);
    assert!(reading.failed());
    assert_eq!(
        told(&(reading, records)),
        [
            "3:5: an IPv4 address is expected",
            "5:5: this parenthesis was not opened",
            "7:2: `x` is not a type, nor a class or a TTL",
            "7:26: this quote is not closed on its line",
            "8:8: this quote is not closed on its line",
        ]
    );
}

#[test]
fn without_origin_names_must_be_whole() {
    let place = "1:1: the name does not end in a dot, and no origin completes it";
    assert_eq!(told(&read("www 60 A 192.0.2.1\n", None)), [place]);
    assert_eq!(told(&read("@ 60 A 192.0.2.1\n", None)), ["1:1: no origin has been told that @ could mean"]);
    assert_eq!(told(&read("a. 60 NS @\n", None)), ["1:10: no origin has been told that @ could mean"]);
}

/// RFC 1035 §5.1, RFC 2308 §4.
#[test]
fn without_any_ttl_only_the_soa_has_one() {
    let no_ttl = "1:4: no TTL: none here, no $TTL before, and no record before that has one";
    assert_eq!(told(&read("a. A 192.0.2.1\n", None)), [no_ttl]);
    let (reading, records) = read("a. SOA . . 1 2 3 4 5\na. NS .\n", None);
    assert_eq!(records, ["a. 5 IN SOA . . 1 2 3 4 5", "a. 5 IN NS ."]);
    assert!(!reading.failed());
    let warning = "1:4: no TTL here and no $TTL before: taking the minimum of the SOA";
    assert_eq!(told(&(reading, records)), [warning]);
}

#[test]
fn the_number_of_problems_is_bounded() {
    let (reading, _) = read(&"x\n".repeat(5000), None);
    assert_eq!(reading.problems.len(), 1000);
    assert_eq!(reading.problems.last().unwrap().what, "too many problems: reading ends here");
}

/// The texts of all cases.
pub(super) fn zones() -> impl Iterator<Item = String> {
    CASES.iter().map(|(_, text, _)| format!("{text}\n"))
}
