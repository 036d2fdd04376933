//! Servers that misbehave: what the client says of each, and that it ends.

use std::time::Duration;

use ropewalk_core::Fault;
use tokio::time::Instant;

use super::*;

/// The error of the phase that fails when a server says this and closes.
async fn error_of(answer: impl Into<Bytes>) -> String {
    let place = Place::saying(answer, true);
    match place.client().get("http://x.example/").await {
        Err(error) => {
            assert_eq!(error.fault(), Fault::Peer, "{error:?}");
            error.chain()
        }
        Ok(answer) => {
            let mut body = answer.into_body();
            loop {
                match body.chunk().await {
                    Ok(Some(_)) => {}
                    Ok(None) => return "none".into(),
                    Err(error) => return error.chain(),
                }
            }
        }
    }
}

#[tokio::test]
async fn content_that_is_cut_is_an_error_of_the_body() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive!\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive!\r\n0\r\n",
    ] {
        let error = error_of(answer).await;
        assert!(error.starts_with("body: ") && error.contains("ended before"), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn broken_chunks_are_an_error_of_the_body() {
    for chunk in ["x\r\n", "-1\r\n", "fffffffffffffffff\r\n", "5\r\nfive!xx", "5;\u{0}\r\n", "\r\n"] {
        let error =
            error_of(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")).await;
        assert!(error.starts_with("body: "), "{chunk:?}: {error}");
    }
}

#[tokio::test]
async fn two_lengths_are_an_error_of_the_head() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, identity",
    ] {
        let error = error_of(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n0\r\n\r\n")).await;
        assert!(error.starts_with("head: "), "{fields}: {error}");
    }
}

#[tokio::test]
async fn what_is_no_head_is_an_error_of_the_head() {
    for answer in [
        "",
        "\r\n\r\n",
        "<html>\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let error = error_of(answer).await;
        assert!(error.starts_with("head: "), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn a_switch_that_nobody_asked_for_is_an_error_of_the_head() {
    let error =
        error_of("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
    assert!(error.starts_with("head: the server switches"), "{error}");
}

/// A server that says `start`, and then `more` for ever.
fn endless(start: &'static str, more: &'static str) -> Place {
    Place::new(move |_, mut conn, _| async move {
        head(&mut conn).await;
        let more = more.repeat(1000);
        if conn.write_all(start.as_bytes()).await.is_ok() {
            while conn.write_all(more.as_bytes()).await.is_ok() {}
        }
    })
}

#[tokio::test]
async fn heads_without_an_end_are_cut() {
    for (start, more) in [
        ("HTTP/1.1 200 OK\r\n", "A: b\r\n"),
        ("HTTP/1.1 200 OK\r\nA: ", "xxxxxxxx"),
        ("HTTP/1.1 200 ", "xxxxxxxx"),
        ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("HTTP/1.1 103 Early Hints\r\n", "A: b\r\n"),
    ] {
        let error = endless(start, more).client().get("http://x.example/").await.unwrap_err();
        assert_eq!(error.phase(), Phase::Head, "{start:?}: {error:?}");
    }
}

#[tokio::test]
async fn trailers_without_an_end_are_cut() {
    let place = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n");
    let mut body = place.client().get("http://x.example/").await.unwrap().into_body();
    let error = body.chunk().await.unwrap_err();
    assert!(error.chain().starts_with("body: "), "{error:?}");
}

#[tokio::test]
async fn more_header_fields_than_the_limit_are_an_error_of_the_head() {
    let place = Place::saying(format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101)), true);
    let error = place.client().get("http://x.example/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Head, "{error:?}");
    let more = place.client_of(|options| options.headers = 101);
    assert_eq!(more.get("http://x.example/").await.unwrap().headers().get_all("a").iter().count(), 101);
}

#[tokio::test]
async fn an_answer_of_http2_to_a_request_of_http1_is_an_error_of_the_head() {
    let error = error_of(&b"\0\0\0\x04\0\0\0\0\0"[..]).await;
    assert!(error.starts_with("head: "), "{error}");
    let place = Place::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true);
    let two = place.client_of(|options| options.versions = Versions::Two);
    let error = two.get("http://x.example/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Head, "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_has_its_time() {
    for (said, seconds) in [("", 60), ("HTTP/1.1 200 OK\r\nA:", 60)] {
        let place = Place::saying(said, false);
        let begun = Instant::now();
        let error = place.client().get("http://x.example/").await.unwrap_err();
        assert_eq!((error.phase(), error.fault()), (Phase::Head, Fault::Limit));
        assert_eq!(error.to_string(), "head: nothing within 60 s");
        assert_eq!(begun.elapsed().as_secs(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn content_that_does_not_come_has_its_time() {
    let place = Place::saying("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", false);
    let mut body = place.client().get("http://x.example/").await.unwrap().into_body();
    assert_eq!(body.chunk().await.unwrap().unwrap(), "short");
    // It is not the server's fault where we take our time.
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let begun = Instant::now();
    let error = body.chunk().await.unwrap_err();
    assert_eq!((error.fault(), error.chain().as_str()), (Fault::Limit, "body: nothing within 60 s"));
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert!(body.chunk().await.unwrap().is_none(), "an error is said once");
}

#[tokio::test(start_paused = true)]
async fn the_whole_has_its_time_too() {
    let place = Place::new(|_, mut conn, _| async move {
        head(&mut conn).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        conn.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
        while conn.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let begun = Instant::now();
    let client = place.client_of(|options| options.times.whole = Some(Duration::from_secs(3)));
    let error = client.get("http://x.example/").await.unwrap_err();
    assert_eq!((error.phase(), begun.elapsed().as_secs()), (Phase::Head, 3), "{error:?}");
    let begun = Instant::now();
    let client = place.client_of(|options| options.times.whole = Some(Duration::from_secs(30)));
    let mut body = client.get("http://x.example/").await.unwrap().into_body();
    let error = loop {
        match body.chunk().await {
            Ok(chunk) => assert!(chunk.is_some()),
            Err(error) => break error.chain(),
        }
    };
    assert_eq!(
        (error.as_str(), begun.elapsed().as_secs()),
        ("body: the time for the whole request is over", 30)
    );
}

#[tokio::test]
async fn content_that_never_ends_does() {
    let place = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "8\r\nlonglong\r\n");
    let client = place.client_of(|options| options.times.whole = Some(Duration::from_millis(200)));
    let mut body = client.get("http://x.example/").await.unwrap().into_body();
    let error = loop {
        match body.chunk().await {
            Ok(chunk) => assert!(chunk.is_some()),
            Err(error) => break error.chain(),
        }
    };
    assert_eq!(error, "body: the time for the whole request is over");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_of_the_content_has_its_time() {
    let place = Place::new(|_, conn, _| async move {
        tokio::time::sleep(Duration::from_secs(1000)).await;
        drop(conn);
    });
    let begun = Instant::now();
    let client = place.client_of(|options| options.expect = None);
    let error = client.request(post("http://x.example/", vec![b'x'; 1 << 20])).await.unwrap_err();
    assert_eq!((error.phase(), begun.elapsed().as_secs()), (Phase::Head, 60));
}

#[tokio::test(start_paused = true)]
async fn content_that_goes_out_slowly_is_no_silence_of_the_server() {
    let place = Place::new(|_, mut conn, _| async move {
        head(&mut conn).await;
        let mut content = Vec::new();
        while !content.ends_with(b"\r\n0\r\n\r\n") {
            content.push(conn.read_u8().await.unwrap());
        }
        conn.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    });
    let slow = futures_util::stream::unfold(0, |n| async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        (n < 10).then(|| (Ok(Bytes::from_static(b"xxxxxxxxxx")), n + 1))
    });
    let client = place.client_of(|options| options.times.head = Duration::from_secs(25));
    let answer = client.request(post("http://x.example/", Body::stream(slow))).await.unwrap();
    assert_eq!(text(answer).await, "ok");
}

#[tokio::test]
async fn content_of_ours_that_fails_is_our_fault() {
    let place = Place::serving(echo);
    let fails = futures_util::stream::iter([Ok(Bytes::from("x")), Err(Cause::local("the disk is gone"))]);
    let error = place.client().request(post("http://x.example/", Body::stream(fails))).await.unwrap_err();
    assert_eq!((error.phase(), error.fault()), (Phase::Request, Fault::Local), "{error:?}");
    assert!(error.chain().contains("the disk is gone"), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_an_error_of_the_request() {
    let client = Client::new();
    for url in [
        "",
        "x.example",
        "ftp://x.example/",
        "http://",
        "http://x y/",
        "http://x.example:0/",
        "http://a\r\nb/",
    ] {
        let error = client.get(url).await.unwrap_err();
        assert_eq!(error.phase(), Phase::Request, "{url}: {error:?}");
    }
    let connect = Request::connect("http://x.example/").body("").unwrap();
    assert_eq!(client.request(connect).await.unwrap_err().phase(), Phase::Request);
}

#[tokio::test]
async fn nobody_there_is_an_error_of_the_connect_and_no_such_name_one_of_the_lookup() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    drop(held);
    let error = Client::new().get(&format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert_eq!(error.phase(), Phase::Connect);
    let says = format!("connect: nobody answers at 127.0.0.1:{port}: Connection refused");
    assert!(error.chain().starts_with(&says), "{error:?}");
    let error = Client::new().get("http://no-such-name.invalid/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Resolve, "{error:?}");
    assert_eq!(error.to_string(), "resolve: cannot look up no-such-name.invalid");
}

#[tokio::test]
async fn a_client_whose_context_ends_says_so_and_does_not_hang() {
    let place = Place::saying("", false);
    let cx = Context::root(Limits::default());
    let client = Client::within(cx.clone(), place.options());
    let get = client.get("http://x.example/");
    let end = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cx.end();
    };
    let (answer, ()) = tokio::join!(get, end);
    assert_eq!(answer.unwrap_err().phase(), Phase::Head);
    place.cx.end();
}

#[tokio::test]
async fn a_folded_line_is_one_value() {
    let place = Place::saying("HTTP/1.1 200 OK\r\nA: b\r\n  folded\r\nContent-Length: 0\r\n\r\n", true);
    let answer = place.client().get("http://x.example/").await.unwrap();
    let said = answer.headers()["a"].to_str().unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(said, ["b", "folded"]);
}

#[tokio::test]
async fn after_a_417_the_request_is_sent_without_its_expectation() {
    let place = Place::saying("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", true);
    let ask = |expects: bool| {
        let request = Request::post("http://x.example/");
        let request = if expects { request.header("expect", "100-continue") } else { request };
        request.body(Body::from("content")).unwrap()
    };
    // Once, however often the server says it.
    for expects in [true, false] {
        assert_eq!(place.client().request(ask(expects)).await.unwrap().status(), 417);
    }
}

/// The head of an answer that refuses, and its content.
const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno";

#[tokio::test]
async fn an_answer_is_heard_though_the_server_takes_no_more() {
    let (give, mut taken) = tokio::sync::mpsc::channel(1);
    let place = Place::new(move |_, mut conn, _| {
        let give = give.clone();
        async move {
            head(&mut conn).await.unwrap();
            give.send(conn).await.unwrap();
        }
    });
    // In the very moment in which the content is to be written, the server answers and has gone.
    let content = futures_util::stream::once(async move {
        let mut conn = taken.recv().await.unwrap();
        conn.write_all(REFUSED.as_bytes()).await.unwrap();
        drop(conn);
        Ok::<_, Cause>(Bytes::from(vec![0; 1 << 20]))
    });
    let client = place.client_of(|options| options.expect = None);
    let answer = client.request(post("http://x.example/", Body::stream(content))).await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(text(answer).await, "no");
}

#[tokio::test(start_paused = true)]
async fn much_content_waits_until_the_server_wants_it() {
    for (first, then, goes) in [
        ("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true),
        // What knows nothing of it says nothing.
        ("", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true),
        (REFUSED, "", false),
    ] {
        let (tell, mut told) = tokio::sync::mpsc::channel(1);
        let place = Place::new(move |_, mut conn, _| {
            let tell = tell.clone();
            async move {
                let head = head(&mut conn).await.unwrap();
                assert!(head.contains("expect: 100-continue\r\n"), "{head}");
                conn.write_all(first.as_bytes()).await.unwrap();
                let mut content = Vec::new();
                while !content.ends_with(b"0\r\n\r\n") {
                    let Ok(octet) = conn.read_u8().await else { break };
                    content.push(octet);
                }
                tell.send(String::from_utf8(content).unwrap()).await.unwrap();
                let _ = conn.write_all(then.as_bytes()).await;
            }
        });
        let answer = place.client().request(post("http://x.example/", pieces(&["content"]))).await.unwrap();
        assert_eq!(answer.status(), if goes { 200 } else { 401 }, "{first:?}");
        assert_eq!(text(answer).await, if goes { "ok" } else { "no" });
        assert_eq!(told.recv().await.unwrap().contains("content"), goes, "{first:?}");
    }
}

#[tokio::test]
async fn little_content_is_sent_with_its_head() {
    let place = Place::serving(echo);
    let said = text(place.client().request(post("http://x.example/", "four")).await.unwrap()).await;
    assert!(!said.contains("expect"), "{said}");
}
