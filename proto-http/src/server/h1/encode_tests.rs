use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn written(
    status: u16,
    fields: &[(&'static str, &'static str)],
    framing: Framing,
    persistence: Persistence,
) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    let mut out = BytesMut::new();
    head(&mut out, StatusCode::from_u16(status).unwrap(), &headers, framing, persistence);
    let text = String::from_utf8(out.to_vec()).unwrap();
    let date = text.find("date: ").unwrap();
    assert_eq!(text.get(date + 35..date + 37), Some("\r\n"));
    format!("{}{}", &text[..date], &text[date + 37..])
}

#[test]
fn the_engine_alone_says_how_a_message_is_framed() {
    let fields = [
        ("content-length", "9"),
        ("transfer-encoding", "gzip"),
        ("connection", "close, x"),
        ("keep-alive", "1"),
        ("a", "b"),
    ];
    for (framing, persistence, said) in [
        (Framing::Length(120), Persistence::Usual, "a: b\r\ncontent-length: 120\r\n"),
        (
            Framing::Length(0),
            Persistence::KeepAlive,
            "a: b\r\ncontent-length: 0\r\nconnection: keep-alive\r\n",
        ),
        (Framing::Chunked, Persistence::Usual, "a: b\r\ntransfer-encoding: chunked\r\n"),
        (Framing::Close, Persistence::Close, "a: b\r\nconnection: close\r\n"),
        (Framing::Nothing, Persistence::Usual, "content-length: 9\r\na: b\r\n"),
    ] {
        assert_eq!(written(200, &fields, framing, persistence), format!("HTTP/1.1 200 OK\r\n{said}\r\n"));
    }
    assert_eq!(
        written(204, &fields, Framing::Nothing, Persistence::Usual),
        "HTTP/1.1 204 No Content\r\na: b\r\n\r\n"
    );
}

#[test]
fn an_answer_says_when_it_was_made() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let begun = now();
    // The second is taken from what the first left.
    for _ in 0..2 {
        let mut out = BytesMut::new();
        head(&mut out, StatusCode::OK, &HeaderMap::new(), Framing::Nothing, Persistence::Usual);
        let text = String::from_utf8(out.to_vec()).unwrap();
        let said = text.split("date: ").nth(1).unwrap().split("\r\n").next().unwrap();
        let said = date::parse(&HeaderValue::from_str(said).unwrap()).unwrap();
        assert!((begun..=now()).contains(&said), "{text}");
    }
    let own = written_with_date("Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(own, "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

fn written_with_date(date: &'static str) -> String {
    let headers = HeaderMap::from_iter([(header::DATE, HeaderValue::from_static(date))]);
    let mut out = BytesMut::new();
    head(&mut out, StatusCode::OK, &headers, Framing::Nothing, Persistence::Usual);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn an_interim_answer_says_nothing_of_content_or_connection() {
    let mut headers = HeaderMap::new();
    for (name, value) in [("link", "</a>"), ("content-length", "3"), ("connection", "x"), ("keep-alive", "1")]
    {
        headers.append(name, HeaderValue::from_static(value));
    }
    let mut out = BytesMut::new();
    interim(&mut out, StatusCode::EARLY_HINTS, &headers);
    assert_eq!(out, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
}

#[test]
fn a_code_without_a_name_keeps_its_space() {
    assert_eq!(written(599, &[], Framing::Nothing, Persistence::Usual), "HTTP/1.1 599 \r\n\r\n");
}

#[test]
fn content_is_framed_as_the_client_understands() {
    let of = |version, status, length: Option<&'static str>, body: &Body| {
        let headers = length.map(|length| (header::CONTENT_LENGTH, HeaderValue::from_static(length)));
        framing(false, version, status, &headers.into_iter().collect(), body)
    };
    let stream = Body::stream(futures_util::stream::empty());
    assert_eq!(of(Version::HTTP_11, StatusCode::OK, None, &stream), Framing::Chunked);
    assert_eq!(of(Version::HTTP_10, StatusCode::OK, None, &stream), Framing::Close);
    assert_eq!(of(Version::HTTP_10, StatusCode::OK, Some("7"), &stream), Framing::Length(7));
    assert_eq!(of(Version::HTTP_11, StatusCode::OK, Some("9"), &Body::from("hello")), Framing::Length(5));
    assert_eq!(of(Version::HTTP_11, StatusCode::NO_CONTENT, None, &Body::from("x")), Framing::Nothing);
    assert_eq!(of(Version::HTTP_11, StatusCode::NOT_MODIFIED, None, &stream), Framing::Nothing);
    assert_eq!(of(Version::HTTP_11, StatusCode::SWITCHING_PROTOCOLS, None, &stream), Framing::Nothing);
    let to_head = framing(true, Version::HTTP_11, StatusCode::OK, &HeaderMap::new(), &Body::from("x"));
    assert_eq!(to_head, Framing::Nothing);
}

proptest! {
    #[test]
    fn numbers_are_decimal(number: u64) {
        let mut out = BytesMut::new();
        decimal(&mut out, number);
        prop_assert_eq!(out.to_vec(), number.to_string().into_bytes());
    }
}
