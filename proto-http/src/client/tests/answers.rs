use async_compression::tokio::write::{BrotliEncoder, GzipEncoder};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;

use super::*;

const BOTH: [Versions; 2] = [Versions::One, Versions::Two];

#[tokio::test]
async fn content_goes_both_ways_over_both_versions() {
    for versions in BOTH {
        let place = Place::serving(echo);
        let client = place.client_of(|options| options.versions = versions);
        let long = "rope".repeat(100_000);
        let answer = client.request(post("http://x.example/a/b", long.clone())).await.unwrap();
        assert_eq!(answer.status(), 200);
        let expected = if versions == Versions::One { http::Version::HTTP_11 } else { http::Version::HTTP_2 };
        assert_eq!(answer.version(), expected);
        let said = text(answer).await;
        assert!(said.starts_with("POST /a/b\n") && said.ends_with(&long), "{versions:?}");
        let answer =
            client.request(post("http://x.example/", pieces(&["one", " two", " three"]))).await.unwrap();
        assert!(text(answer).await.ends_with("\n\none two three"), "{versions:?}");
    }
}

#[tokio::test]
async fn what_is_missing_in_a_request_is_added_and_what_is_there_is_left() {
    let place = Place::serving(echo);
    let said = text(place.client().get("http://x.example:81/").await.unwrap()).await;
    for line in ["host: x.example:81", "user-agent: ropewalk/", "accept: */*", "accept-encoding: gzip, br"] {
        assert!(said.contains(line), "{line} in {said}");
    }
    let mut request = Request::get("http://x.example/").body("").unwrap();
    for (name, value) in
        [("user-agent", "mine"), ("accept", "text/plain"), ("accept-encoding", "br"), ("host", "y.example")]
    {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let said = text(place.client().request(request).await.unwrap()).await;
    for line in ["user-agent: mine\n", "accept: text/plain\n", "accept-encoding: br\n", "host: y.example\n"] {
        assert!(said.contains(line), "{line} in {said}");
    }
}

#[tokio::test]
async fn framing_is_never_the_callers() {
    let place = Place::serving(echo);
    let mut request = post("http://x.example/", "four");
    request.headers_mut().insert("content-length", HeaderValue::from_static("2"));
    request.headers_mut().insert("transfer-encoding", HeaderValue::from_static("chunked"));
    let said = text(place.client().request(request).await.unwrap()).await;
    assert!(said.contains("content-length: 4\n") && !said.contains("transfer-encoding"), "{said}");
}

#[tokio::test]
async fn a_name_and_password_of_a_url_are_sent_by_the_basic_scheme() {
    let place = Place::serving(echo);
    let answer = place.client().get("http://Aladdin:open%20sesame@x.example/").await.unwrap();
    assert_eq!(report(&answer).url, "http://x.example/");
    // The example of RFC 7617 §2.
    let said = text(answer).await;
    assert!(said.contains("authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n"), "{said}");
    assert!(!said.contains("Aladdin"), "{said}");
}

#[tokio::test]
async fn trailers_come_after_the_content() {
    let place = Place::saying(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n3\r\nabc\r\n0\r\nSum: 6\r\n\r\n",
        false,
    );
    let answer = place.client().get("http://x.example/").await.unwrap();
    let whole = answer.into_body().collect().await.unwrap();
    assert_eq!(whole.trailers().and_then(|it| it.get("sum")), Some(&HeaderValue::from_static("6")));
    assert_eq!(whole.to_bytes(), "abc");
}

#[tokio::test]
async fn trailers_go_with_content() {
    let place = Place::new(|_, mut conn, _| async move {
        let head = head(&mut conn).await.unwrap();
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        let mut rest = vec![0; b"3\r\nabc\r\n0\r\nsum: 6\r\n\r\n".len()];
        conn.read_exact(&mut rest).await.unwrap();
        let said = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", rest.len());
        conn.write_all(&[said.as_bytes(), &rest].concat()).await.unwrap();
    });
    let frames = [http_body::Frame::data(Bytes::from("abc")), {
        let mut trailers = HeaderMap::new();
        trailers.insert("sum", HeaderValue::from_static("6"));
        http_body::Frame::trailers(trailers)
    }];
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, Cause>)));
    let mut request = post("http://x.example/", Body::wrap(body));
    request.headers_mut().insert("trailer", HeaderValue::from_static("sum"));
    let answer = place.client().request(request).await.unwrap();
    assert_eq!(text(answer).await, "3\r\nabc\r\n0\r\nsum: 6\r\n\r\n");
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let place = Place::saying(
        format!("HTTP/1.1 100 Continue\r\n\r\n{early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        false,
    );
    let answer = place.client().get("http://x.example/").await.unwrap();
    assert!(!answer.headers().contains_key("link"));
    assert_eq!(text(answer).await, "ok");
}

async fn coded(coding: &str, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if coding == "br" {
        let mut encoder = BrotliEncoder::new(&mut out);
        encoder.write_all(content).await.unwrap();
        encoder.shutdown().await.unwrap();
    } else {
        let mut encoder = GzipEncoder::new(&mut out);
        encoder.write_all(content).await.unwrap();
        encoder.shutdown().await.unwrap();
    }
    out
}

fn with_coding(coding: &str, content: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", content.len());
    [head.as_bytes(), content].concat()
}

#[tokio::test]
async fn coded_content_is_decoded() {
    let plain = "yarns laid together ".repeat(10_000);
    let gzip = coded("gzip", plain.as_bytes()).await;
    let both = coded("br", &gzip).await;
    for (coding, content) in
        [("gzip", gzip.clone()), ("br", coded("br", plain.as_bytes()).await), ("gzip, br", both)]
    {
        let place = Place::saying(with_coding(coding, &content), false);
        let client = place.client();
        for _ in 0..2 {
            let answer = client.get("http://x.example/").await.unwrap();
            assert!(!answer.headers().contains_key("content-encoding"), "{coding}");
            assert!(!answer.headers().contains_key("content-length"), "{coding}");
            assert_eq!(report(&answer).decoded.len(), coding.split(',').count());
            assert_eq!(text(answer).await, plain, "{coding}");
        }
        assert_eq!(place.accepted(), 1, "the connection is used again: {coding}");
    }
}

#[tokio::test]
async fn who_asks_for_codings_or_a_range_gets_what_comes() {
    let gzip = coded("gzip", b"plain").await;
    let place = Place::saying(with_coding("gzip", &gzip), false);
    for (name, value) in [("accept-encoding", "gzip"), ("range", "bytes=0-99")] {
        let mut request = Request::get("http://x.example/").body("").unwrap();
        request.headers_mut().insert(name, HeaderValue::from_static(value));
        let answer = place.client().request(request).await.unwrap();
        assert_eq!(answer.headers().get("content-encoding"), Some(&HeaderValue::from_static("gzip")));
        assert_eq!(answer.into_body().read(1000).await.unwrap(), gzip);
    }
    let answer = place.client_of(|options| options.decode = false).get("http://x.example/").await.unwrap();
    assert_eq!(answer.into_body().read(1000).await.unwrap(), gzip);
}

#[tokio::test]
async fn content_made_to_fill_the_disk_is_cut() {
    let bomb = coded("br", &vec![0; 20 << 20]).await;
    assert!(bomb.len() < 100_000);
    let place = Place::saying(with_coding("br", &bomb), false);
    let mut body = place.client().get("http://x.example/").await.unwrap().into_body();
    let mut octets = 0;
    let error = loop {
        match body.chunk().await {
            Ok(chunk) => octets += chunk.expect("an error before the end").len(),
            Err(error) => break error,
        }
    };
    assert!(octets <= 17 << 20, "{octets}");
    assert!(error.chain().starts_with("body: ") && error.limit_name() == Some("expansion"), "{error:?}");
}

#[tokio::test]
async fn content_that_is_not_coded_as_it_says_fails_in_the_body() {
    let gzip = coded("gzip", b"yarns laid together").await;
    let cut = gzip[..gzip.len() - 9].to_vec();
    let mut wrong_sum = gzip.clone();
    *wrong_sum.iter_mut().rev().nth(5).unwrap() ^= 1;
    let brotli = [coded("br", b"yarns").await, b"more".to_vec()].concat();
    for (coding, content) in [("gzip", b"plain".to_vec()), ("gzip", cut), ("gzip", wrong_sum), ("br", brotli)]
    {
        let place = Place::saying(with_coding(coding, &content), false);
        let mut body = place.client().get("http://x.example/").await.unwrap().into_body();
        let error = loop {
            match body.chunk().await {
                Ok(chunk) => assert!(chunk.is_some(), "an end without an error: {coding}"),
                Err(error) => break error.chain(),
            }
        };
        assert!(error.starts_with("body: "), "{error}");
    }
}

#[tokio::test]
async fn an_answer_to_head_has_no_content_whatever_its_fields_say() {
    let place =
        Place::saying("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 999\r\n\r\n", false);
    let client = place.client();
    for _ in 0..2 {
        let answer = client.request(Request::head("http://x.example/").body("").unwrap()).await.unwrap();
        assert_eq!(answer.headers().get("content-length"), Some(&HeaderValue::from_static("999")));
        assert_eq!(text(answer).await, "");
    }
    assert_eq!(place.accepted(), 1);
}

#[tokio::test]
async fn cookies_are_kept_where_that_is_asked_for() {
    let handler = |request: crate::Request| async move {
        let cookies = request.headers.get("cookie").cloned().unwrap_or(HeaderValue::from_static("none"));
        let mut answer = Response::new(Body::from(cookies.as_bytes().to_vec()));
        answer.headers_mut().append("set-cookie", HeaderValue::from_static("a=1; Path=/"));
        answer.headers_mut().append("set-cookie", HeaderValue::from_static("b=2; Path=/only"));
        Ok::<_, Failure>(answer)
    };
    let place = Place::serving(handler);
    for (cookies, second, below) in [(true, "a=1", "b=2; a=1"), (false, "none", "none")] {
        let client = place.client_of(|options| options.cookies = cookies);
        assert_eq!(text(client.get("http://x.example/").await.unwrap()).await, "none");
        assert_eq!(text(client.get("http://x.example/").await.unwrap()).await, second);
        assert_eq!(text(client.get("http://x.example/only/this").await.unwrap()).await, below);
        assert_eq!(text(client.get("http://y.example/").await.unwrap()).await, "none");
    }
}

#[tokio::test]
async fn an_answer_of_any_status_is_an_answer() {
    for status in [204, 304, 404, 500] {
        let place = Place::serving(move |_: crate::Request| async move {
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok::<_, Failure>(answer)
        });
        assert_eq!(place.client().get("http://x.example/").await.unwrap().status(), status);
    }
}
