//! What programs are told (RFC 3875 §4).

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ropewalk_core::data::cred::{Method as By, Principal};
use ropewalk_core::testkit::Log;
use tracing::instrument::WithSubscriber as _;

use super::*;
use crate::Routes;

/// Says the environment that it was started with.
const ENVIRONMENT: &str = "printf 'Content-Type: text/plain\\n\\n'; tr '\\0' '\\n' < /proc/$$/environ";

fn variables(content: &str) -> BTreeMap<&str, &str> {
    content.lines().filter_map(|line| line.split_once('=')).collect()
}

#[tokio::test]
async fn all_that_is_known_is_in_the_environment_and_nothing_else() {
    let place = Place::new().with("env.sh", ENVIRONMENT);
    let folder = place.0.path().to_str().unwrap();
    let cgi = Routes::new().mount("/cgi", place.cgi().variable("MORE", "1")).unwrap();
    let (_, content) = ask(
        cgi,
        "POST /cgi/env.sh/a%20b//c/?x=%41&y=+ HTTP/1.0\r\nHost: Example.org:81\r\nContent-Type: text/x-y\r\n\
        Content-Length: 3\r\nX-One: 1\r\nx-one: 2\r\nCookie: a=b\r\nCookie: c=d\r\nUser-Agent: é\r\n\r\nabc",
    )
    .await;
    let file = format!("{folder}/env.sh");
    let translated = format!("{folder}/a b/c/");
    let expected = BTreeMap::from([
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("MORE", "1"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_SOFTWARE", concat!("ropewalk/", env!("CARGO_PKG_VERSION"))),
        ("SERVER_PROTOCOL", "HTTP/1.0"),
        ("SERVER_NAME", "Example.org"),
        ("SERVER_ADDR", "127.0.0.1"),
        ("SERVER_PORT", "80"),
        ("REQUEST_SCHEME", "http"),
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_URI", "/cgi/env.sh/a%20b//c/?x=%41&y=+"),
        ("QUERY_STRING", "x=%41&y=+"),
        ("SCRIPT_NAME", "/cgi/env.sh"),
        ("SCRIPT_FILENAME", &file),
        ("DOCUMENT_ROOT", folder),
        ("PATH_INFO", "/a b/c/"),
        ("PATH_TRANSLATED", &translated),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("REMOTE_HOST", "127.0.0.1"),
        ("REDIRECT_STATUS", "200"),
        ("CONTENT_LENGTH", "3"),
        ("CONTENT_TYPE", "text/x-y"),
        ("HTTP_HOST", "Example.org:81"),
        ("HTTP_X_ONE", "1, 2"),
        ("HTTP_COOKIE", "a=b; c=d"),
        ("HTTP_USER_AGENT", "é"),
    ]);
    assert_eq!(variables(&content), expected);
}

#[tokio::test]
async fn programs_beside_files_are_told_where_those_are() {
    let place = Place::new().with("env.sh", ENVIRONMENT);
    let cgi = place.cgi().document_root("/srv/site");
    let (_, content) = ask(cgi, "GET /env.sh/a HTTP/1.0\r\n\r\n").await;
    let variables = variables(&content);
    assert_eq!((variables["DOCUMENT_ROOT"], variables["PATH_TRANSLATED"]), ("/srv/site", "/srv/site/a"));
}

#[tokio::test]
async fn without_more_said_variables_are_empty_or_not_there() {
    let place = Place::new().with("env.sh", ENVIRONMENT);
    let (_, content) = ask(place.cgi(), "GET /env.sh HTTP/1.0\r\n\r\n").await;
    let variables = variables(&content);
    assert_eq!(variables["QUERY_STRING"], "");
    assert_eq!(variables["SERVER_NAME"], "127.0.0.1");
    for name in ["PATH_INFO", "PATH_TRANSLATED", "CONTENT_LENGTH", "CONTENT_TYPE", "REMOTE_USER", "HTTP_HOST"]
    {
        assert!(!variables.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_client_cannot_forge_what_others_say() {
    let place = Place::new().with("env.sh", ENVIRONMENT);
    let request = "GET /env.sh HTTP/1.0\r\nHost: x\r\nProxy: http://evil/\r\nX_Forwarded_For: 1\r\n\
        Remote_User: root\r\nX.Y: 1\r\nAuthorization: Basic YTpi\r\nProxy-Authorization: Basic YTpi\r\n\
        Expect: 100-continue\r\nConnection: close\r\nTE: trailers\r\nX-Forwarded-For: 2\r\n\r\n";
    let (_, content) = ask(place.cgi(), request).await;
    let said: Vec<_> = variables(&content).into_keys().filter(|name| name.starts_with("HTTP")).collect();
    assert_eq!(said, ["HTTP_HOST", "HTTP_X_FORWARDED_FOR"], "{content}");
    assert!(content.contains("HTTP_X_FORWARDED_FOR=2\n") && !content.contains("REMOTE_USER"));
    let (_, content) = ask(place.cgi().authorization(), request).await;
    assert_eq!(variables(&content)["HTTP_AUTHORIZATION"], "Basic YTpi");
}

#[tokio::test]
async fn who_has_logged_in_is_the_remote_user() {
    let place = Place::new().with("env.sh", ENVIRONMENT);
    let cgi = Arc::new(place.cgi());
    let with_login = move |mut request: Request| {
        let cgi = Arc::clone(&cgi);
        let by = if request.slash { By::Token } else { By::Password };
        request.extensions.insert(Principal::new("ann".parse().unwrap(), [], by));
        async move { cgi.handle(request).await }
    };
    for (target, scheme) in [("/env.sh", "Basic"), ("/env.sh/", "Bearer")] {
        let request = format!("GET {target} HTTP/1.0\r\nAuthorization: Basic YTpi\r\n\r\n");
        let (_, content) = ask(with_login.clone(), request).await;
        let variables = variables(&content);
        assert_eq!((variables["REMOTE_USER"], variables["AUTH_TYPE"]), ("ann", scheme));
        assert!(!variables.contains_key("HTTP_AUTHORIZATION"));
    }
}

#[tokio::test]
async fn the_query_is_never_an_argument() {
    let place = Place::new().with("a.sh", "printf 'Content-Type: a/b\\n\\n'; echo $# \"$@\"");
    assert_eq!(get(place.cgi(), "/a.sh?-s+x").await.1, "0\n");
}

#[tokio::test]
async fn a_program_runs_in_its_folder_and_in_a_group_of_its_own() {
    let text = "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'; pwd; echo $$; cut -d' ' -f5 /proc/$$/stat; sleep 0.2; ulimit -n";
    let place = Place::new().executable("run", text);
    let cgi = {
        let limits = CgiLimits { descriptors: 123, ..CgiLimits::default() };
        Cgi::new(place.0.path()).limits(limits)
    };
    let (_, content) = get(cgi, "/run").await;
    let lines: Vec<_> = content.lines().collect();
    assert_eq!(lines[0], place.0.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(lines[1], lines[2]);
    assert_eq!(lines[3], "123");
}

#[tokio::test]
async fn no_descriptor_of_ours_is_open_in_a_program() {
    let list = "ls /proc/self/fd";
    let held = fs::File::open("/proc/self/status").unwrap();
    // Of another's making, such as whoever started the tests.
    let before = Command::new("sh").args(["-c", list]).output().unwrap().stdout;
    let place = Place::new().with("a.sh", &format!("printf 'Content-Type: a/b\\n\\n'; {list}"));
    assert_eq!(get(place.cgi(), "/a.sh").await.1, String::from_utf8(before).unwrap());
    drop(held);
}

#[tokio::test]
async fn a_method_is_passed_on_but_for_those_of_the_server() {
    let place = Place::new().with("a.sh", "printf 'Content-Type: a/b\\n\\n'; echo $REQUEST_METHOD");
    assert_eq!(ask(place.cgi(), "PROPFIND /a.sh HTTP/1.0\r\n\r\n").await.1, "PROPFIND\n");
    let (head, _) = ask(place.cgi(), "TRACE /a.sh HTTP/1.0\r\nCookie: a\r\n\r\n").await;
    assert!(status(&head) == "405" && head.contains("allow: GET"), "{head}");
}

/// Says what it reads.
const CAT: &str = "printf \"Content-Type: text/plain\\n\\n$CONTENT_LENGTH:\"; cat";

#[tokio::test]
async fn content_comes_whole_with_its_length() {
    let place = Place::new().with("cat.sh", CAT);
    let content = "0123456789".repeat(30_000);
    let long = format!("Content-Length: {}\r\n\r\n{content}", content.len());
    let chunked = |chunk: &str| {
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{chunk}\r\n3\r\nend\r\n0\r\n\r\n", chunk.len())
    };
    for (framed, expected) in [
        ("Content-Length: 3\r\n\r\nabc".to_owned(), "3:abc".to_owned()),
        ("Content-Length: 0\r\n\r\n".into(), "0:".into()),
        ("\r\n".into(), ":".into()),
        (long, format!("300000:{content}")),
        (chunked("abc"), "6:abcend".into()),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), "0:".into()),
        // Over what is kept in memory.
        (chunked(&content), format!("300003:{content}end")),
    ] {
        for buffered in [false, true] {
            let cgi = place.limited(|limits| limits.buffered = buffered);
            let mut client = Client::of(cgi);
            let (mut reader, mut writer) = tokio::io::split(&mut client.io);
            let request = format!("POST /cat.sh HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framed}");
            let mut said = String::new();
            let (sent, read) =
                tokio::join!(writer.write_all(request.as_bytes()), reader.read_to_string(&mut said));
            sent.and(read.map(drop)).unwrap();
            let (_, chunks) = said.split_once("\r\n\r\n").unwrap();
            assert_eq!(dechunked(chunks), expected);
        }
    }
}

fn dechunked(mut chunks: &str) -> String {
    let mut content = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let (chunk, rest) = rest.split_at(usize::from_str_radix(size, 16).unwrap());
        content += chunk;
        chunks = &rest[2..];
    }
    content
}

#[tokio::test]
async fn the_same_goes_over_http_2() {
    let text =
        "printf \"Content-Type: a/b\\n\\n$SERVER_PROTOCOL $HTTP_HOST $HTTP_COOKIE $CONTENT_LENGTH:\"; cat";
    let place = Place::new().with("a.sh", text);
    let Client { io, cx: _cx, _server } = Client::of(place.cgi());
    let (mut sender, conn) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    let _conn = Context::root(Limits::default()).spawn(async move { drop(conn.await) });
    let pieces = ["one", "two"].map(|piece| Ok::<_, std::io::Error>(Frame::data(Bytes::from(piece))));
    // In pieces it has no length.
    let body = StreamBody::new(futures_util::stream::iter(pieces));
    let request =
        http::Request::post("http://x:8/a.sh").header("cookie", "a").header("cookie", "b").body(body);
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let content = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(content, "HTTP/2.0 x:8 a; b 6:onetwo");
}

#[tokio::test]
async fn content_over_the_limit_is_413() {
    let place = Place::new().with("cat.sh", CAT);
    for framed in ["Content-Length: 11\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n"] {
        let cgi = place.limited(|limits| limits.content = 10);
        let (head, _) = ask(cgi, format!("POST /cat.sh HTTP/1.1\r\nHost: x\r\n{framed}")).await;
        assert_eq!(status(&head), "413");
    }
}

#[tokio::test]
async fn both_ways_are_open_at_once() {
    let place = Place::new().with(
        "a.sh",
        "printf 'Content-Type: a/b\\n\\nready\\n'; while read line; do echo \"got $line\"; done",
    );
    let mut client = Client::of(place.cgi());
    client.send("POST /a.sh HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n").await;
    client.until("ready\n\r\n").await;
    client.send("one\n").await;
    client.until("got one\n\r\n").await;
    client.send("two\n").await;
    client.until("got two\n\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn a_program_need_not_read() {
    let place = Place::new().with("a.sh", "exec <&-; printf 'Content-Type: a/b\\n\\nfine'");
    let content = "x".repeat(200_000);
    let mut client = Client::of(place.cgi());
    let (mut reader, mut writer) = tokio::io::split(&mut client.io);
    let request = format!(
        "POST /a.sh HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n{content}"
    );
    let mut said = String::new();
    let (_, read) = tokio::join!(writer.write_all(request.as_bytes()), reader.read_to_string(&mut said));
    read.unwrap();
    assert!(said.contains("fine"), "{said}");
}

#[tokio::test]
async fn only_programs_of_the_folder_are_run() {
    let place = Place::new()
        .executable("run", "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\nran'")
        .with("plain.txt", "secret");
    symlink("/bin/ls", place.path("ls")).unwrap();
    symlink("run", place.path("same")).unwrap();
    let cgi = || Cgi::new(place.0.path()).at("/cgi-bin").unwrap();
    for (target, expected) in [
        ("/cgi-bin/run", "200"),
        ("/cgi-bin/same/x", "200"),
        ("/run", "404"),
        ("/cgi-bin", "404"),
        ("/cgi-bin/", "404"),
        ("/cgi-bin/none", "404"),
        ("/cgi-bin/ls", "404"),
        ("/cgi-bin/plain.txt", "403"),
        ("/cgi-bin/../run", "400"),
        ("/cgi-bin/%2e%2e/run", "400"),
        ("/cgi-bin/run%2fx", "400"),
        ("/cgi-bin/run/a%2fb", "400"),
        ("/cgi-bin/run%00.txt", "400"),
        ("/cgi-bin/run/%00", "400"),
    ] {
        let (head, content) = get(cgi(), target).await;
        assert_eq!(status(&head), expected, "{target}");
        assert_eq!(content == "ran", expected == "200", "{target}");
    }
}

#[tokio::test]
async fn what_is_no_program_is_handed_on_and_a_program_never_is() {
    let place =
        Place::new().with("a.sh", "printf 'Content-Type: a/b\\n\\nran'").with(".b.sh", "").with("c.txt", "");
    let all = |_: Request| async { Ok(Response::new(crate::Body::from("handed on"))) };
    for (target, expected) in
        [("/a.sh", "ran"), ("/c.txt", "handed on"), ("/", "handed on"), ("/x/y", "handed on")]
    {
        assert_eq!(get(place.cgi().otherwise(all), target).await.1, expected, "{target}");
    }
    for target in ["/.b.sh", "/none.sh", "/none.sh/x", "/.git/x.sh"] {
        let (head, _) = get(place.cgi().otherwise(all), target).await;
        assert_eq!(status(&head), "404", "{target}");
    }
    let index = place.cgi().index("a.sh").otherwise(all);
    assert_eq!(get(index, "/").await.1, "ran");
}

/// What is logged while a request is answered.
async fn logged(cgi: Cgi, target: &str) -> String {
    let log = Log::new();
    let listens = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).without_time().finish();
    let (conn, mut io) = Connection::pair();
    io.write_all(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let cx = Context::root(Limits::default());
    Http::new(cgi).serve(conn, cx).with_subscriber(listens).await.unwrap();
    log.text()
}

#[tokio::test]
async fn standard_error_is_logged_in_bounded_lines() {
    let text = "printf 'a\\033[2Jb\\n\\n' >&2; head -c 3000 /dev/zero | tr '\\0' x >&2; echo >&2
        i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done >&2
        sleep 0.3; echo again >&2; sleep 0.1; printf 'Content-Type: a/b\\n\\n'";
    let said = logged(Place::new().with("a.sh", text).cgi(), "/a.sh").await;
    let lines: Vec<_> = said.lines().filter(|line| line.contains("program says")).collect();
    assert!(lines[0].contains(r#"script="/a.sh" line="a\u{1b}[2Jb""#), "{}", lines[0]);
    assert!(lines[1].contains(&"x".repeat(1024)) && !lines[1].contains(&"x".repeat(1025)), "{}", lines[1]);
    assert!((100..200).contains(&lines.len()), "{}", lines.len());
    assert!(said.contains("line 0") && !said.contains("line 299"));
    assert!(said.contains("program says too much") && said.contains("again"), "what was left out is told");
}
