use super::*;

#[tokio::test]
async fn a_function_answers_and_the_connection_is_kept() {
    let mut peer = Peer::of(Http::new(echo));
    for path in ["/a", "/b"] {
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let head = peer.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert_eq!(peer.until(": ").await, format!("GET {path}: "));
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let one = |path: &str| format!("GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let said = say(Http::new(echo), one("1") + &one("2") + &one("3")).await;
    let at = |path: &str| said.find(&format!("GET /{path}: ")).unwrap();
    assert!(at("1") < at("2") && at("2") < at("3"));
}

#[tokio::test]
async fn a_body_streams_in() {
    let said = say(
        Http::new(echo),
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    )
    .await;
    assert!(said.ends_with("POST /: abcde"), "{said}");
}

#[tokio::test]
async fn a_body_over_the_handlers_limit_is_413_and_closes() {
    for framing in ["Content-Length: 200000", "Transfer-Encoding: chunked"] {
        let mut peer = Peer::of(Http::new(echo));
        peer.send(format!("POST / HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n")).await;
        if framing.starts_with('T') {
            peer.send("30000\r\n").await;
            peer.send(vec![b'x'; 0x20000]).await;
        }
        let said = peer.rest().await;
        assert_eq!(status(&said), "413", "{framing}");
        assert!(said.contains("connection: close"), "{said}");
    }
}

#[tokio::test]
async fn a_panic_is_500_and_the_process_lives() {
    let handler = |request: Request| async move {
        assert!(request.path.as_bytes() != b"/panic", "on purpose");
        Ok(Response::new(Body::from("fine")))
    };
    let mut peer = Peer::of(Http::new(handler));
    peer.send("GET /panic HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n").await;
    let said = peer.until("</html>").await;
    assert_eq!(status(&said), "500");
    assert!(!said.contains("purpose"), "the cause is ours alone");
    assert!(said.contains(&peer.cx.id().unwrap().to_string()), "the connection can be quoted");
    peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(peer.rest().await.ends_with("fine"));
}

#[tokio::test]
async fn hosts_that_are_not_one_valid_host_are_refused() {
    for head in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n",
    ] {
        let said = say(Http::new(echo), format!("{head}\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(status(&said), "400", "{head}");
        assert!(!said.contains("/second"), "the connection goes on after {head}");
    }
    let said = say(Http::new(echo), "GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&said), "200", "1.0 needs no host");
}

#[tokio::test]
async fn framing_that_two_programs_read_in_two_ways_is_refused() {
    for head in [
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n",
    ] {
        let said = say(Http::new(echo), format!("{head}\r\n0\r\n\r\n")).await;
        assert_eq!(status(&said), "400", "{head}");
    }
}

#[tokio::test]
async fn heads_and_targets_have_a_size() {
    let long = |n: usize| "x".repeat(n);
    let get = |target: String, more: String| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
    let fields = |n: usize| (0..n).map(|i| format!("A{i}: b\r\n")).collect::<String>();
    for (request, expected) in [
        (get(format!("/?{}", long(8190)), String::new()), "200"),
        (get(format!("/?{}", long(8191)), String::new()), "414"),
        (get(format!("/{}", long(70_000)), String::new()), "414"),
        (get("/".into(), format!("A: {}\r\n", long(60_000))), "200"),
        (get("/".into(), format!("A: {}\r\n", long(66_000))), "431"),
        (get("/".into(), fields(99)), "200"),
        (get("/".into(), fields(100)), "431"),
    ] {
        let said = say(Http::new(echo), &request).await;
        assert_eq!(status(&said), expected, "{}", request.len());
    }
}

#[tokio::test]
async fn paths_are_decoded_once() {
    for (path, expected) in [
        ("/%2e%2e/etc", "400"),
        ("/a%2fb", "400"),
        ("/a%5Cb", "200"),
        ("/a\\b", "400"),
        ("/%00", "400"),
        ("/%zz", "400"),
        ("/%252e%252e/", "200"),
    ] {
        let said = say(Http::new(echo), format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(status(&said), expected, "{path}");
    }
}

#[tokio::test]
async fn the_first_check_that_fails_is_the_answer() {
    // A target that is too long, without a host, and with dots: the order is limits, framing, host, path.
    let long = "x".repeat(9000);
    let said = say(Http::new(echo), format!("GET /../{long} HTTP/1.1\r\n\r\n")).await;
    assert_eq!(status(&said), "414");
    let said = say(Http::new(echo), "CONNECT x:1 HTTP/1.1\r\nHost: y z\r\n\r\n").await;
    assert_eq!(status(&said), "400", "the host comes before the method");
    let said = say(Http::new(echo), "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n").await;
    assert_eq!(status(&said), "501");
    let said = say(Http::new(echo), "OPTIONS * HTTP/1.1\r\nHost: y\r\n\r\n").await;
    assert_eq!(status(&said), "204");
}

#[tokio::test]
async fn head_is_get_without_content() {
    let said = say(Http::new(echo), "HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(said.contains("content-length: 11\r\n") && said.ends_with("\r\n\r\n"), "{said}");
    let said = say(Http::new(echo), "HEAD /%00 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(status(&said) == "400" && said.ends_with("\r\n\r\n"), "{said}");
}

#[tokio::test]
async fn continue_is_never_said_within_the_answer() {
    let mirror = |request: Request| async move { Ok(Response::new(request.body)) };
    let mut peer = Peer::of(Http::new(mirror));
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(peer.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    peer.send("hi").await;
    assert!(peer.until("\r\n\r\n").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(peer.until("hi").await, "hi");
}

#[tokio::test]
async fn continue_is_said_when_the_body_is_wanted() {
    let mut peer = Peer::of(Http::new(echo));
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").await;
    assert!(peer.until("\r\n\r\n").await.starts_with("HTTP/1.1 100 "));
    peer.send("hi").await;
    assert!(peer.until(": hi").await.starts_with("HTTP/1.1 200 "));
}
