//! Zone text that is right, and the records it is.

use super::{read, told};

/// Section, text with the origin `example.`, and its records.
const CASES: &[(&str, &str, &[&str])] = &[
    ("RFC 1035 §5.1", "www 60 IN A 192.0.2.1", &["www.example. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", "www IN 60 A 192.0.2.1", &["www.example. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", "www 60 a 192.0.2.1", &["www.example. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", "www.other. 60 A 192.0.2.1", &["www.other. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", "@ 60 A 192.0.2.1", &["example. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", "\\@ 60 A 192.0.2.1", &["\\@.example. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", ". 60 NS .", &[". 60 IN NS ."]),
    ("RFC 1035 §5.1", "a\\.b.c 60 A 192.0.2.1", &["a\\.b.c.example. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", "\\097\\$ 60 A 192.0.2.1", &["a\\$.example. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", "A 60 A 192.0.2.1", &["A.example. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", "IN 60 NS ns", &["IN.example. 60 IN NS ns.example."]),
    ("RFC 1035 §5.1", "60 60 NS 60", &["60.example. 60 IN NS 60.example."]),
    (
        "RFC 1035 §5.1",
        "a 60 A 192.0.2.1\n\n   ; nothing\n\tA 192.0.2.2 ; more\r\n  30 IN A 192.0.2.3\n A 192.0.2.4",
        &[
            "a.example. 60 IN A 192.0.2.1",
            "a.example. 60 IN A 192.0.2.2",
            "a.example. 30 IN A 192.0.2.3",
            "a.example. 30 IN A 192.0.2.4",
        ],
    ),
    (
        "RFC 1035 §5.1",
        "@ 60 SOA ( ns ; (\n mail\n\t1 ; serial\n 2 3\n\n4 5 )\na TXT (\"b\"\n)c",
        &["example. 60 IN SOA ns.example. mail.example. 1 2 3 4 5", "a.example. 60 IN TXT \"b\" \"c\""],
    ),
    (
        "RFC 1035 §5.1",
        "( a\n60 )A 192.0.2.1\na ( 60\n IN ) A 192.0.2.1",
        &["a.example. 60 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.1"],
    ),
    (
        "RFC 1035 §5.1",
        "a 60 TXT \"b;c\" d;e\na 60 TXT \"(\" ; )\na 60 TXT \"b\"\"c\"",
        &[
            "a.example. 60 IN TXT \"b;c\" \"d\"",
            "a.example. 60 IN TXT \"(\"",
            "a.example. 60 IN TXT \"b\" \"c\"",
        ],
    ),
    (
        "RFC 1035 §5.1",
        "$ORIGIN sub ; below\na 60 NS b\n$origin .\na 60 NS b\n$ORIGIN Example.NET.\n@ 60 NS b",
        &["a.sub.example. 60 IN NS b.sub.example.", "a. 60 IN NS b.", "Example.NET. 60 IN NS b.Example.NET."],
    ),
    (
        "RFC 1035 §5.1",
        "a 60 A 192.0.2.1\n$ORIGIN b.\n A 192.0.2.2",
        &["a.example. 60 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.2"],
    ),
    (
        "RFC 1035 §5.2",
        "a 60 CH TXT b\na TXT c",
        &["a.example. 60 CH TXT \"b\"", "a.example. 60 CH TXT \"c\""],
    ),
    (
        "RFC 2308 §4",
        "$TTL 1h\na A 192.0.2.1\na 60 A 192.0.2.2\na A 192.0.2.3\n$TTL 0\na A 192.0.2.4",
        &[
            "a.example. 3600 IN A 192.0.2.1",
            "a.example. 60 IN A 192.0.2.2",
            "a.example. 3600 IN A 192.0.2.3",
            "a.example. 0 IN A 192.0.2.4",
        ],
    ),
    ("RFC 2181 §8", "a 2147483647 A 192.0.2.1", &["a.example. 2147483647 IN A 192.0.2.1"]),
    (
        "RFC 1035 §5.1",
        "a 1w2d3h4m5s A 192.0.2.1\na 1M A 192.0.2.2",
        &["a.example. 788645 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.2"],
    ),
    ("RFC 3597 §5", "a CLASS1 60 TYPE1 \\# 4 ( 0a\n00 0001 )", &["a.example. 60 IN A 10.0.0.1"]),
    (
        "RFC 3597 §5",
        "a 60 CLASS32 TYPE731 \\# 6 abcdef012345",
        &["a.example. 60 CLASS32 TYPE731 \\# 6 abcdef012345"],
    ),
    ("RFC 3597 §5", "a 60 TXT \"\\#\" 0", &["a.example. 60 IN TXT \"#\" \"0\""]),
    (
        "RFC 4592 §2.1.1",
        "* 60 A 192.0.2.1\n*.*.a 60 A 192.0.2.1",
        &["*.example. 60 IN A 192.0.2.1", "*.*.a.example. 60 IN A 192.0.2.1"],
    ),
    ("RFC 4343 §2.1", "a\\000\\200 60 A 192.0.2.1", &["a\\000\\200.example. 60 IN A 192.0.2.1"]),
    (
        "RFC 9460 §2.1",
        "a 60 HTTPS 1 . alpn=\"h2,h3\" port=\"443\"",
        &["a.example. 60 IN HTTPS 1 . alpn=\"h2,h3\" port=443"],
    ),
    ("RFC 1035 §5.1", "\u{feff}a 60 A 192.0.2.1", &["a.example. 60 IN A 192.0.2.1"]),
    ("RFC 1035 §5.1", "; nothing but this", &[]),
    ("RFC 1035 §5.1", "", &[]),
];

#[test]
fn text_is_read_as_these_records() {
    for (section, text, records) in CASES {
        // With a line end at the end of the file, and without.
        for text in [(*text).to_owned(), format!("{text}\n")] {
            let read = read(&text, Some("example."));
            assert_eq!(told(&read), [""; 0], "{section}: {text}");
            assert_eq!(read.1, *records, "{section}: {text}");
        }
    }
}

#[test]
fn generate_makes_an_entry_for_each_number() {
    for (text, records) in [
        (
            "1-3 h$ A 192.0.2.$",
            &["h1. 60 IN A 192.0.2.1", "h2. 60 IN A 192.0.2.2", "h3. 60 IN A 192.0.2.3"][..],
        ),
        (
            "0-4/2 $ 30 IN PTR a${10,4}.",
            &["0. 30 IN PTR a0010.", "2. 30 IN PTR a0012.", "4. 30 IN PTR a0014."],
        ),
        (
            "10-10 a$$b\\$ TXT \"${-9} ${0,0,x} ${0,3,X} ${0,0,o}\" c",
            &["a\\$b\\$. 60 IN TXT \"1 a 00A 12\" \"c\""],
        ),
        ("291-291 ${0,7,n}.x A 192.0.2.1", &["3.2.1.0.x. 60 IN A 192.0.2.1"]),
    ] {
        let read = read(&format!("$TTL 60\n$GENERATE {text}\n"), Some("."));
        assert_eq!(told(&read), [""; 0], "{text}");
        assert_eq!(read.1, records, "{text}");
    }
    for (text, problem) in [
        ("1 a A 192.0.2.1", "2:11: a range as 1-10 or 0-100/2 is expected"),
        ("2-1 a A 192.0.2.1", "2:11: a range as 1-10 or 0-100/2 is expected"),
        ("1-2/0 a A 192.0.2.1", "2:11: a range as 1-10 or 0-100/2 is expected"),
        ("0-65536 a A 192.0.2.1", "2:11: more than 65536 entries"),
        ("1-2 a${-3} A 192.0.2.1", "2:15: a $ is not as it must be"),
        ("1-2 a${0 A 192.0.2.1", "2:15: a $ is not as it must be"),
        ("255-300 a A 192.0.2.$", "2:1: at 256: an IPv4 address is expected"),
        ("1-2", "2:14: an owner is missing here"),
    ] {
        let read = read(&format!("$TTL 60\n$GENERATE {text}\n"), Some("."));
        assert_eq!(told(&read), [problem], "{text}");
    }
}

/// The texts of all cases.
pub(super) fn zones() -> impl Iterator<Item = String> {
    CASES.iter().map(|(_, text, _)| format!("{text}\n"))
}
