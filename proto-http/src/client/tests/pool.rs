use std::time::Duration;

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_is_used_again_when_its_answer_has_been_read() {
    for versions in [Versions::One, Versions::Two] {
        let place = Place::serving(echo);
        let client = place.client_of(|options| options.versions = versions);
        for n in 0..5 {
            let answer = client.request(post("http://x.example/", "content")).await.unwrap();
            assert_eq!(report(&answer).reused, n > 0);
            assert_eq!(report(&answer).spent.connect.is_some(), n == 0);
            text(answer).await;
        }
        assert_eq!(place.accepted(), 1, "{versions:?}");
    }
}

#[tokio::test]
async fn each_origin_has_its_connections() {
    let place = Place::serving(echo);
    let client = place.client();
    for url in ["http://x.example/", "http://y.example/", "http://x.example:81/", "http://X.example:80/"] {
        text(client.get(url).await.unwrap()).await;
    }
    assert_eq!(place.accepted(), 3);
}

#[tokio::test]
async fn an_answer_that_was_not_read_to_its_end_costs_the_connection() {
    let place =
        Place::serving(|_: crate::Request| async { Ok(Response::new(Body::from(vec![b'x'; 1 << 20]))) });
    let client = place.client();
    let mut body = client.get("http://x.example/").await.unwrap().into_body();
    body.chunk().await.unwrap();
    drop(body);
    text(client.get("http://x.example/").await.unwrap()).await;
    assert_eq!(place.accepted(), 2);
}

#[tokio::test]
async fn requests_at_once_share_a_connection_of_http2_and_none_of_http1() {
    for (versions, connections) in [(Versions::One, 3), (Versions::Two, 1)] {
        let place = Place::serving(echo);
        let client = place.client_of(|options| options.versions = versions);
        text(client.get("http://x.example/").await.unwrap()).await;
        let get = || client.get("http://x.example/");
        let (a, b, c) = tokio::join!(get(), get(), get());
        for answer in [a, b, c] {
            text(answer.unwrap()).await;
        }
        assert_eq!(place.accepted(), connections, "{versions:?}");
    }
}

#[tokio::test]
async fn no_more_connections_are_kept_than_was_said() {
    let place = Place::serving(echo);
    let client = place.client_of(|options| options.kept_per_origin = 2);
    let all: Vec<_> = futures_util::future::join_all((0..4).map(|_| client.get("http://x.example/"))).await;
    assert_eq!(place.accepted(), 4);
    for answer in all {
        text(answer.unwrap()).await;
    }
    assert_eq!(client.0.pool.len(), 2);
    let client = place.client_of(|options| options.kept = 2);
    for host in ["a", "b", "c"] {
        text(client.get(&format!("http://{host}.example/")).await.unwrap()).await;
    }
    assert_eq!(client.0.pool.len(), 2);
    let before = place.accepted();
    text(client.get("http://c.example/").await.unwrap()).await;
    assert_eq!(place.accepted(), before, "the oldest gave way");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_waits_too_long_is_closed() {
    let place = Place::saying(OK, false);
    let client = place.client_of(|options| options.keep = Duration::from_secs(5));
    text(client.get("http://x.example/").await.unwrap()).await;
    assert_eq!(client.0.pool.len(), 1);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(client.0.pool.len(), 0, "without anybody looking");
    text(client.get("http://x.example/").await.unwrap()).await;
    assert_eq!(place.accepted(), 2);
}

#[tokio::test]
async fn what_the_server_closes_is_not_used_again() {
    for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", OK] {
        let place = Place::saying(answer, true);
        let client = place.client();
        for _ in 0..3 {
            // A POST, which would not be sent again.
            assert_eq!(text(client.request(post("http://x.example/", "")).await.unwrap()).await, "ok");
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        assert_eq!(place.accepted(), 3);
    }
}

/// The first connection answers once, hears the next request, and closes without a word.
fn dies() -> Place {
    Place::new(|number, mut conn, _| async move {
        head(&mut conn).await;
        conn.write_all(OK.as_bytes()).await.unwrap();
        if head(&mut conn).await.is_some() && number > 0 {
            conn.write_all(OK.as_bytes()).await.unwrap();
        }
    })
}

#[tokio::test]
async fn a_kept_connection_that_turns_out_dead_is_replaced_for_what_may_be_done_twice() {
    let place = dies();
    let client = place.client();
    for _ in 0..2 {
        assert_eq!(text(client.get("http://x.example/").await.unwrap()).await, "ok");
    }
    assert_eq!(place.accepted(), 2);
}

#[tokio::test]
async fn what_may_not_be_done_twice_is_not() {
    let place = dies();
    let client = place.client();
    text(client.get("http://x.example/").await.unwrap()).await;
    let error = client.request(post("http://x.example/", "pay")).await.unwrap_err();
    assert_eq!(error.phase(), Phase::Head, "{error:?}");
    assert_eq!(place.accepted(), 1);
}

#[tokio::test]
async fn content_that_comes_once_is_not_sent_twice() {
    let place = dies();
    let client = place.client();
    text(client.get("http://x.example/").await.unwrap()).await;
    let put = Request::put("http://x.example/").body(pieces(&["once"])).unwrap();
    let error = client.request(put).await.unwrap_err();
    assert_eq!(error.phase(), Phase::Head, "{error:?}");
    assert_eq!(place.accepted(), 1);
}

#[tokio::test]
async fn a_new_connection_that_dies_is_not_replaced() {
    let place = Place::new(|_, mut conn, _| async move { drop(head(&mut conn).await) });
    let error = place.client().get("http://x.example/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Head);
    assert!(error.chain().contains("ended before"), "{error:?}");
    assert_eq!(place.accepted(), 1);
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_nobodys() {
    let two = format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    let place = Place::saying(two, false);
    let client = place.client();
    for _ in 0..3 {
        assert_eq!(text(client.get("http://x.example/").await.unwrap()).await, "ok");
    }
    assert_eq!(place.accepted(), 3);
}

/// Connections of HTTP/2 which answer once; the first is then cut at the next request.
fn cuts_http2() -> Place {
    Place::new(|number, conn, cx| async move {
        let asked = Arc::new(AtomicUsize::new(0));
        let ends = cx.clone();
        let handler = move |request: crate::Request| {
            let cut = number == 0 && asked.fetch_add(1, Ordering::Relaxed) > 0;
            let ends = ends.clone();
            async move {
                if cut {
                    ends.end();
                    std::future::pending::<()>().await;
                }
                echo(request).await
            }
        };
        // The client says what went wrong.
        let _ = Http::new(handler).serve(conn, cx).await;
    })
}

#[tokio::test]
async fn a_connection_of_http2_that_turns_out_dead_is_replaced_likewise() {
    let place = cuts_http2();
    let client = place.client_of(|options| options.versions = Versions::Two);
    for n in 0..3 {
        let said = text(client.get("http://x.example/").await.unwrap()).await;
        assert!(said.starts_with("GET /\n"), "{n}: {said}");
    }
    assert_eq!(place.accepted(), 2);
    let place = cuts_http2();
    let client = place.client_of(|options| options.versions = Versions::Two);
    text(client.get("http://x.example/").await.unwrap()).await;
    let error = client.request(post("http://x.example/", "pay")).await.unwrap_err();
    assert_eq!(error.phase(), Phase::Head, "{error:?}");
    assert_eq!(place.accepted(), 1);
}
