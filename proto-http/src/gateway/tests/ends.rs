//! How programs end, whether they want to or not.

use super::*;

#[tokio::test]
async fn a_program_without_a_head_in_time_is_504_and_ends() {
    let place = Place::new().with("a.sh", "echo $$ > pid; echo 'X-A: b'; sleep 1000");
    let cgi = place.limited(|limits| limits.head_time = Duration::from_millis(300));
    assert_eq!(status(&get(cgi, "/a.sh").await.0), "504");
    gone(&written(&place.path("pid")).await).await;
}

#[tokio::test]
async fn a_program_that_falls_silent_is_cut() {
    let place = Place::new().with("a.sh", "echo $$ > pid; printf 'Content-Type: a/b\\n\\nhalf'; sleep 1000");
    let cgi = place.limited(|limits| limits.idle_time = Duration::from_millis(300));
    let mut client = Client::of(cgi);
    client.send("GET /a.sh HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let said = client.rest().await;
    assert!(said.ends_with("half\r\n"), "there is no last chunk in {said:?}");
    gone(&written(&place.path("pid")).await).await;
}

/// All that is said to a request of HTTP/1.1.
async fn whole(place: &Place) -> String {
    let mut client = Client::of(place.cgi());
    client.send("GET /a.sh HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    client.rest().await
}

#[tokio::test]
async fn the_answer_of_a_program_that_fails_in_the_middle_is_cut() {
    for end in ["exit 3", "kill -9 $$"] {
        let place = Place::new().with("a.sh", &format!("printf 'Content-Type: a/b\\n\\nhalf'; {end}"));
        let said = whole(&place).await;
        assert!(said.ends_with("half\r\n"), "{end}: there is no last chunk in {said:?}");
    }
}

#[tokio::test]
async fn a_program_that_fails_after_all_of_its_answer_is_believed() {
    let length =
        Place::new().with("a.sh", "printf 'Content-Type: a/b\nContent-Length: 4\n\nfull'; kill -9 $$");
    let said = whole(&length).await;
    assert!(said.ends_with("\r\n\r\nfull"), "{said:?}");
    let text = "printf 'Content-Type: a/b\nStatus: 500\n\noops'; ";
    let said = whole(&Place::new().with("a.sh", &[text, "exit 255"].concat())).await;
    assert!(said.ends_with("oops\r\n0\r\n\r\n"), "it says itself that it failed: {said:?}");
    let said = whole(&Place::new().with("a.sh", &[text, "kill -9 $$"].concat())).await;
    assert!(said.ends_with("oops\r\n"), "{said:?}");
}

#[tokio::test]
async fn in_http2_the_stream_of_a_program_that_fails_is_reset() {
    let place = Place::new().with("a.sh", "printf 'Content-Type: a/b\n\nhalf'; kill -9 $$");
    let Client { io, cx, _server } = Client::of(place.cgi());
    let builder = hyper::client::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
    let (mut client, conn) = builder.handshake(hyper_util::rt::TokioIo::new(io)).await.unwrap();
    let _conn = cx.spawn(async move { drop(conn.await) });
    let request = http::Request::get("http://x/a.sh").body(http_body_util::Empty::<bytes::Bytes>::new());
    let response = client.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let error = http_body_util::BodyExt::collect(response.into_body()).await.unwrap_err();
    assert!(!error.is_closed() && format!("{error:?}").contains("INTERNAL_ERROR"), "{error:?}");
}

#[tokio::test]
async fn the_time_of_a_run_ends_also_while_it_speaks() {
    let text = "echo $$ > pid; printf 'Content-Type: a/b\\n\\n'; yes more";
    let place = Place::new().with("a.sh", text);
    let cgi = place.limited(|limits| limits.time = Duration::from_millis(300));
    let mut client = Client::of(cgi);
    client.send("GET /a.sh HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(client.rest().await.contains("more"));
    gone(&written(&place.path("pid")).await).await;
}

#[tokio::test]
async fn what_a_program_leaves_does_not_keep_its_answer_open() {
    let much = "printf 'Content-Type: a/b\\n\\n'; head -c 200000 /dev/zero | tr '\\0' x; printf done; ";
    for left in ["sleep 1000 & echo $! > pid", "setsid sleep 1000 & echo $! > pid"] {
        let place = Place::new().with("a.sh", &[much, left].concat());
        let said = whole(&place).await;
        assert!(said.ends_with("done\r\n0\r\n\r\n"), "{left}: {}", said.len());
        assert_eq!(said.matches('x').count(), 200_000, "{left}");
        let pid = written(&place.path("pid")).await;
        if left.starts_with("setsid") {
            // Of a group of its own, and so none of ours.
            assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        }
        gone(&pid).await;
    }
}

#[tokio::test]
async fn what_a_program_leaves_in_its_group_ends_with_it() {
    let text = "printf 'Content-Type: a/b\\n\\ndone'; sleep 1000 >/dev/null 2>&1 & echo $! > pid";
    let place = Place::new().with("a.sh", text);
    assert_eq!(get(place.cgi(), "/a.sh").await.1, "done");
    gone(&written(&place.path("pid")).await).await;
}

#[tokio::test]
async fn a_program_may_close_its_output_and_go_on() {
    let text = "printf 'Content-Type: a/b\\n\\ndone'; exec >&- 2>&-; until [ -e go ]; do sleep 0.01; done
        echo $$ > late";
    let place = Place::new().with("a.sh", text);
    assert_eq!(get(place.cgi(), "/a.sh").await.1, "done");
    fs::write(place.path("go"), "").unwrap();
    gone(&written(&place.path("late")).await).await;
}

/// Catches what would end it, and tells.
const DEAF: &str = "trap 'echo term > term' TERM; echo $$ > pid; ";

#[tokio::test]
async fn the_program_of_a_client_that_goes_is_told_and_then_killed() {
    for text in
        ["while :; do sleep 0.02; done", "printf 'Content-Type: a/b\\n\\n'; while :; do sleep 0.02; done"]
    {
        let place = Place::new().with("a.sh", &[DEAF, text].concat());
        let cgi = place.limited(|limits| limits.grace = Duration::from_millis(200));
        let mut client = Client::of(cgi);
        client.send("GET /a.sh HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let pid = written(&place.path("pid")).await;
        client.cx.end();
        assert_eq!(written(&place.path("term")).await, "term");
        gone(&pid).await;
    }
}

#[tokio::test]
async fn a_program_whose_content_breaks_off_ends() {
    let place = Place::new()
        .with("a.sh", "echo $$ > pid; cat > got; echo done > done; printf 'Content-Type: a/b\\n\\n'");
    let mut client = Client::of(place.cgi());
    client.send("POST /a.sh HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf").await;
    let pid = written(&place.path("pid")).await;
    client.io.shutdown().await.unwrap();
    let said = client.rest().await;
    assert_eq!(status(&said), "400", "{said}");
    gone(&pid).await;
    assert!(!place.path("done").exists(), "what was cut was not taken for the whole");
}

#[tokio::test]
async fn a_program_that_says_much_waits_for_a_slow_reader() {
    // 1 GiB in steps of 64 KiB, which are counted.
    let text = "printf 'Content-Type: a/b\\n\\n'; echo $$ > pid
        i=0; while [ $i -lt 16384 ]; do head -c 65536 /dev/zero || exit; i=$((i+1)); echo $i > count; done";
    let place = Place::new().with("a.sh", text);
    let mut client = Client::of(place.cgi());
    client.send("GET /a.sh HTTP/1.1\r\nHost: x\r\n\r\n").await;
    client.until("\r\n\r\n").await;
    let count = || {
        fs::read_to_string(place.path("count")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    };
    let mut steps = (0_u32, 0);
    // Until nothing goes on any more.
    while steps.1 < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        steps = if count() == steps.0 { (steps.0, steps.1 + 1) } else { (count(), 0) };
    }
    assert!(steps.0 < 10, "{} steps, and nobody reads", steps.0);
    client.io.read_exact(&mut vec![0; 4 << 20]).await.unwrap();
    while count() < 50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let pid = written(&place.path("pid")).await;
    client.cx.end();
    gone(&pid).await;
}

#[tokio::test]
async fn who_finds_too_many_programs_waits_and_is_then_told_503() {
    let place = Place::new().with(
        "a.sh",
        "echo $$ > pid; printf 'Content-Type: a/b\\n\\n'; until [ -e go ]; do sleep 0.01; done; echo done",
    );
    let cgi = Arc::new(place.limited(|limits| {
        limits.processes = 1;
        limits.queue_time = Duration::from_millis(300);
    }));
    let shared = |cgi: &Arc<Cgi>| {
        let cgi = Arc::clone(cgi);
        move |request: Request| {
            let cgi = Arc::clone(&cgi);
            async move { cgi.handle(request).await }
        }
    };
    let mut first = Client::of(shared(&cgi));
    first.send("GET /a.sh HTTP/1.0\r\n\r\n").await;
    let pid = written(&place.path("pid")).await;
    let (head, _) = get(shared(&cgi), "/a.sh").await;
    assert_eq!(status(&head), "503");
    assert!(head.contains("retry-after: 5"), "{head}");
    fs::write(place.path("go"), "").unwrap();
    assert!(first.rest().await.ends_with("done\n"));
    gone(&pid).await;
    assert_eq!(get(shared(&cgi), "/a.sh").await.1, "done\n");
}

#[test]
fn with_the_runtime_all_programs_end() {
    let place = Place::new().with("a.sh", "trap '' TERM; echo $$ > pid; sleep 1000");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let pid = runtime.block_on(async {
        let mut client = Client::of(place.cgi());
        client.send("GET /a.sh HTTP/1.0\r\n\r\n").await;
        let pid = written(&place.path("pid")).await;
        // Dropped with the runtime, without a word.
        std::mem::forget(client);
        pid
    });
    drop(runtime);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let dead = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    };
    let begun = std::time::Instant::now();
    while !dead() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{stat}");
        std::thread::yield_now();
    }
}
