use proptest::prelude::*;

use super::*;

const LIMIT: usize = 4096;

/// Reads a head that comes in pieces of this many octets.
fn read_by(text: &[u8], piece: usize) -> Result<Head, StatusCode> {
    let mut scan = Scan::default();
    let mut have = 0;
    loop {
        have = text.len().min(have + piece);
        let input = text.get(..have).unwrap();
        if let Some((start, end)) = scan.find(input, LIMIT)? {
            return parse(&Bytes::copy_from_slice(input.get(start..end).unwrap()), scan.fields(), 8);
        }
        assert!(have < text.len(), "no end in {:?}", String::from_utf8_lossy(text));
    }
}

fn read(text: &str) -> Result<Head, StatusCode> {
    read_by(text.as_bytes(), usize::MAX / 2)
}

fn status(text: &str) -> u16 {
    read(text).map_or_else(|status| status.as_u16(), |_| 200)
}

fn with(fields: &str) -> Result<Head, StatusCode> {
    read(&format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n"))
}

fn framed(fields: &str) -> Result<Framing, u16> {
    with(fields).map(|head| head.framing).map_err(|status| status.as_u16())
}

#[test]
fn a_head_is_read() {
    let head = read("GET /a?b HTTP/1.1\r\nHost: x\r\nX-A:\t b c \t\r\nx-a:\r\n\r\n").unwrap();
    assert_eq!((&head.parts.method, head.parts.uri.to_string()), (&Method::GET, "/a?b".into()));
    let values: Vec<_> = head.parts.headers.get_all("x-a").iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(values, [&b"b c"[..], b""]);
    assert_eq!((head.framing, head.keep_alive, head.expects), (Framing::Length(0), true, false));
}

#[test]
fn a_head_is_the_same_however_it_comes() {
    let text = b"\r\n\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nA:\r\n\r\nhello";
    for piece in 1..text.len() {
        let head = read_by(text, piece).unwrap();
        assert_eq!((head.parts.headers.len(), head.framing), (3, Framing::Length(5)), "{piece}");
    }
}

#[test]
fn lines_end_in_crlf_and_nothing_else() {
    for bad in [
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\n",
        "GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\r\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\rA: b\r\n\r\n",
    ] {
        assert_eq!(status(bad), 400, "{bad:?}");
    }
}

#[test]
fn few_empty_lines_may_come_before() {
    let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(status(&format!("{}{get}", "\r\n".repeat(4))), 200);
    assert_eq!(status(&format!("{}{get}", "\r\n".repeat(5))), 400);
}

#[test]
fn a_request_line_is_three_words() {
    for (line, expected) in [
        ("GET / HTTP/1.1", 200),
        ("brew / HTTP/1.1", 200),
        ("GET / HTTP/1.0", 200),
        ("GET / HTTP/1.7", 200),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/0.9", 505),
        ("GET /", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        (" GET / HTTP/1.1", 400),
        ("GET\t/ HTTP/1.1", 400),
        ("GET / x HTTP/1.1", 400),
        ("GET / http/1.1", 400),
        ("GET / HTTP/1.10", 400),
        ("GET / HTTP/1", 400),
        ("G(T / HTTP/1.1", 400),
        ("/ HTTP/1.1", 400),
    ] {
        assert_eq!(status(&format!("{line}\r\nHost: x\r\n\r\n")), expected, "{line}");
    }
    assert_eq!(status(&format!("{} / HTTP/1.1\r\n\r\n", "A".repeat(32))), 200);
    assert_eq!(status(&format!("{} / HTTP/1.1\r\n\r\n", "A".repeat(33))), 501);
}

#[test]
fn what_can_become_no_method_is_refused_before_its_line_ends() {
    for (begin, refused) in [
        ("\u{16}\u{3}\u{1}", Some(400)),
        (" ", Some(400)),
        ("G\0", Some(400)),
        ("GET\t", Some(400)),
        ("\r\n\0", Some(400)),
        ("G", None),
        ("\r", None),
        ("\r\n\r\nGE", None),
        ("GET /\0", None),
        ("GET / HTTP/1.1\r\n\0", None),
        (&"A".repeat(32), None),
        (&"A".repeat(33), Some(501)),
    ] {
        let found = Scan::default().find(begin.as_bytes(), LIMIT);
        assert_eq!(found.err().map(|status| status.as_u16()), refused, "{begin:?}");
    }
}

#[test]
fn each_form_of_a_target_has_its_methods() {
    for (line, expected) in [
        ("GET http://x/a", 200),
        ("GET https://x", 200),
        ("GET ftp://x/", 400),
        ("GET x", 400),
        ("GET x:80", 400),
        ("GET a/b", 400),
        ("GET *", 400),
        ("OPTIONS *", 200),
        ("OPTIONS *a", 400),
        ("CONNECT x:80", 200),
        ("CONNECT x", 400),
        ("CONNECT /", 400),
        ("CONNECT http://x:80/", 400),
        ("GET /#a", 400),
        ("GET /\u{e9}", 400),
        ("GET /\u{7f}", 400),
        ("GET /\0", 400),
    ] {
        assert_eq!(status(&format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n")), expected, "{line}");
    }
}

#[test]
fn a_field_line_is_a_token_a_colon_and_a_value() {
    for bad in
        ["A : b", " A: b", "\tb", "A", ": b", "A(: b", "A: b\0", "A: \u{1}", "A\u{e9}: b", "A: b\r\n c"]
    {
        assert_eq!(with(&format!("{bad}\r\n")).unwrap_err(), 400, "{bad:?}");
    }
    let head = with("A: \u{e9}:b\r\n").unwrap();
    assert_eq!(head.parts.headers.get("a").unwrap().as_bytes(), "\u{e9}:b".as_bytes());
}

#[test]
fn a_head_has_a_size() {
    let fields = |n| "A: b\r\n".repeat(n);
    assert!(with(&fields(7)).is_ok());
    assert_eq!(with(&fields(8)).unwrap_err(), 431);
    let long = |n| "x".repeat(n);
    let fixed = "GET / HTTP/1.1\r\nA: \r\n\r\n".len();
    assert_eq!(status(&format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", long(LIMIT - fixed))), 200);
    assert_eq!(status(&format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", long(LIMIT - fixed + 1))), 431);
    assert_eq!(status(&format!("GET /{} HTTP/1.1\r\n\r\n", long(LIMIT))), 414);
    assert_eq!(status(&long(LIMIT)), 501);
}

#[test]
fn a_target_is_no_longer_than_its_type() {
    let of = |octets: usize| {
        let head = Bytes::from(format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(octets - 1)));
        parse(&head, 1, 8).map(|head| head.parts.uri.path().len())
    };
    assert_eq!(of(65_534).unwrap(), 65_534);
    assert_eq!(of(65_535).unwrap_err(), 414);
}

#[test]
fn a_head_has_begun_where_more_came_than_empty_lines() {
    for (input, expected) in
        [("", false), ("\r\n", false), ("\r\n\r\n", false), ("\r\nG", true), ("G", true), ("\r", true)]
    {
        let mut scan = Scan::default();
        assert_eq!(scan.find(input.as_bytes(), LIMIT), Ok(None));
        assert_eq!(scan.has_begun(input.as_bytes()), expected, "{input:?}");
    }
}

#[test]
fn content_has_one_length() {
    assert_eq!(framed(""), Ok(Framing::Length(0)));
    assert_eq!(framed("Content-Length: 007\r\n"), Ok(Framing::Length(7)));
    assert_eq!(framed("Content-Length: 18446744073709551615\r\n"), Ok(Framing::Length(u64::MAX)));
    for bad in ["+1", "-1", "0x1", "1 1", "1,1", "1, 1", "", "18446744073709551616", "\u{661}"] {
        assert_eq!(framed(&format!("Content-Length: {bad}\r\n")), Err(400), "{bad}");
    }
    assert_eq!(framed("Content-Length: 1\r\nContent-Length: 2\r\n"), Err(400));
    assert_eq!(framed("Content-Length: 1\r\nContent-Length: 1\r\n"), Err(400));
}

#[test]
fn the_only_coding_is_chunked_and_it_is_the_last() {
    for (codings, expected) in [
        ("chunked", Ok(Framing::Chunked)),
        (", Chunked,", Ok(Framing::Chunked)),
        ("gzip, chunked", Err(501)),
        ("gzip", Err(400)),
        ("identity", Err(400)),
        ("chunked, gzip", Err(400)),
        ("chunked, chunked", Err(400)),
        ("chunked;a=b", Err(400)),
        ("\u{b}chunked", Err(400)),
        ("xchunked", Err(400)),
        ("", Err(400)),
    ] {
        assert_eq!(framed(&format!("Transfer-Encoding: {codings}\r\n")), expected, "{codings}");
    }
    assert_eq!(framed("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), Err(501));
    assert_eq!(framed("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), Err(400));
    assert_eq!(status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

#[test]
fn connections_persist_as_their_version_says() {
    for (version, fields, expected) in [
        ("1.1", "", true),
        ("1.1", "Connection: a, CLOSE\r\n", false),
        ("1.1", "Connection: a\r\nConnection: close\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ] {
        let head = read(&format!("GET / HTTP/{version}\r\n{fields}\r\n")).unwrap();
        assert_eq!(head.keep_alive, expected, "{version} {fields}");
    }
    assert!(with("Expect: 100-Continue\r\n").unwrap().expects);
    assert!(!read("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").unwrap().expects);
}

proptest! {
    #[test]
    fn nothing_panics_and_pieces_do_not_matter(text in "(GET /a HTTP/1.1|\r\n|\r|\n|A: b|[ -~]|\\PC){0,24}") {
        let text = [text.as_bytes(), b"\r\n\r\n\r\n\r\n\r\n\r\n"].concat();
        let told = |piece| read_by(&text, piece).map(|head| format!("{head:?}"));
        let whole = told(text.len());
        for piece in [1, 2, 3, 7] {
            prop_assert_eq!(&told(piece), &whole);
        }
    }

    #[test]
    fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut scan = Scan::default();
        if let Ok(Some((start, end))) = scan.find(&octets, LIMIT) {
            drop(parse(&Bytes::copy_from_slice(octets.get(start..end).unwrap()), scan.fields(), 8));
        }
    }
}
