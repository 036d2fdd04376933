use ropewalk_core::Fault;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_closed_after_the_first_byte_deadline() {
    let mut peer = Peer::of(Http::new(echo));
    assert_eq!(peer.close().await, (String::new(), 10));
    let error = peer.server.await.unwrap().unwrap_err();
    assert_eq!((error.fault(), error.limit_name()), (Fault::Limit, Some("first_byte")));
}

#[tokio::test(start_paused = true)]
async fn half_a_preface_and_silence_is_closed() {
    let mut peer = Peer::of(Http::new(echo));
    peer.send("PRI * HTTP/2.0\r\n\r\nSM").await;
    assert_eq!(peer.close().await, (String::new(), 10));
    assert_eq!(peer.server.await.unwrap().unwrap_err().limit_name(), Some("head"));
}

#[tokio::test(start_paused = true)]
async fn half_a_head_and_silence_is_408() {
    let mut peer = Peer::of(Http::new(echo));
    peer.send("GET / HTTP/1.1\r\nHost:").await;
    let (said, after) = peer.close().await;
    assert_eq!((status(&said), after), ("408", 10));
}

#[tokio::test(start_paused = true)]
async fn what_speaks_another_protocol_does_not_wait_for_its_answer() {
    let mut peer = Peer::of(Http::new(echo));
    let begun = Instant::now();
    peer.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
    assert_eq!(status(&peer.until("\r\n\r\n").await), "400");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_head_in_drops_is_408_all_the_same() {
    let mut peer = Peer::of(Http::new(echo));
    let begun = Instant::now();
    peer.send("GET / HTTP/1.1\r\n").await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        peer.send("A: b\r\n").await;
    }
    assert_eq!(status(&peer.rest().await), "408");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_without_a_word() {
    let mut peer = Peer::of(Http::new(echo));
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    peer.until("GET /: ").await;
    assert_eq!(peer.close().await, (String::new(), 75));
    peer.server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_dozed_wakes_up() {
    let mut peer = Peer::of(Http::new(echo));
    for pause in [0, 5, 70] {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        peer.until("GET /: ").await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    peer.send("G").await;
    let (said, after) = peer.close().await;
    assert_eq!((status(&said), after), ("408", 10), "the head's deadline holds after a doze");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_408() {
    let mut peer = Peer::of(Http::new(echo));
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf").await;
    let (said, after) = peer.close().await;
    assert_eq!((status(&said), after), ("408", 30));
}

#[tokio::test(start_paused = true)]
async fn a_body_in_drops_is_408_and_one_at_a_fair_rate_is_not() {
    for (drop, fair) in [(1, false), (2000, true)] {
        let mut peer = Peer::of(Http::new(echo));
        peer.send(format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", drop * 40)).await;
        let mut sent = 0;
        while sent < 40 && peer.io.write_all(&vec![b'x'; drop]).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(2)).await;
            sent += 1;
        }
        assert_eq!(sent == 40, fair, "{sent}");
        let said = peer.until("\r\n").await;
        assert_eq!(status(&said), if fair { "200" } else { "408" });
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_closed() {
    let handler = |_: Request| async { Ok(Response::new(Body::from(vec![b'x'; 1 << 20]))) };
    let mut peer = Peer::of(Http::new(handler));
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let begun = Instant::now();
    let error = peer.server.await.unwrap().unwrap_err();
    assert_eq!((error.limit_name(), begun.elapsed().as_secs()), (Some("write"), 30));
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_whoever_has_asked_for_nothing() {
    for start in ["", "idle", "dozing"] {
        let mut peer = Peer::of(Http::new(echo));
        if !start.is_empty() {
            peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
            peer.until("GET /: ").await;
        }
        tokio::time::sleep(Duration::from_secs(if start == "dozing" { 5 } else { 0 })).await;
        peer.cx.stop();
        // Whoever has just come has a second to say what may be on its way.
        let grace = if start.is_empty() { 1 } else { 0 };
        assert_eq!(peer.close().await, (String::new(), grace), "{start}");
        peer.server.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_on_its_way_at_a_stop_is_answered() {
    let mut peer = Peer::of(Http::new(echo));
    tokio::time::sleep(Duration::from_millis(10)).await;
    peer.cx.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let (said, _) = peer.close().await;
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("connection: close"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_an_answer_finish_and_says_close() {
    let handler = |_: Request| async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok(Response::new(Body::from("done")))
    };
    let mut peer = Peer::of(Http::new(handler));
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    peer.cx.stop();
    let (said, after) = peer.close().await;
    assert!(said.contains("connection: close") && said.ends_with("done"), "{said}");
    assert_eq!(after, 19);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_drain_ends_all() {
    for start in ["PRI * HTTP/2.0\r\n\r\nSM", "GET / HTTP/1.1\r\nHo", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut peer = Peer::of(Http::new(|_: Request| std::future::pending::<Result<Response, Failure>>()));
        peer.send(start).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        peer.cx.stop();
        tokio::time::sleep(Duration::from_secs(1)).await;
        peer.cx.end();
        assert_eq!(peer.close().await.1, 0, "{start}");
    }
}
