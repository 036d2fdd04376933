use std::sync::Mutex;

use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use proptest::prelude::*;
use ropewalk_core::Limits;
use ropewalk_core::app::{ConnId, Protocol as _, Task};
use ropewalk_core::net::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, timeout};

use super::*;
use crate::server::{Failure, Http};

/// What a client makes of a stream: type, data and last id, as the standard says (§9.2.6).
fn interpret(stream: &str) -> Vec<(String, String, String)> {
    let (mut events, mut name, mut data, mut id) = (Vec::new(), String::new(), String::new(), String::new());
    for line in stream.replace("\r\n", "\n").split(['\r', '\n']) {
        if line.is_empty() {
            if data.pop().is_some() {
                let name = if name.is_empty() { "message".into() } else { name.clone() };
                events.push((name, data.clone(), id.clone()));
            }
            data.clear();
            name.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value.into(),
            "data" => data.extend([value, "\n"]),
            "id" => id = value.into(),
            _ => {}
        }
    }
    events
}

fn text(event: &Event) -> &str {
    std::str::from_utf8(&event.0).unwrap()
}

#[test]
fn an_event_is_written_as_the_standard_says() {
    assert_eq!(
        text(&Event::new("one\ntwo\r\nthree\rfour")),
        "data: one\ndata: two\ndata: three\ndata: four\n\n"
    );
    assert_eq!(text(&Event::new("")), "data: \n\n");
    assert_eq!(text(&Event::new("end\n")), "data: end\ndata: \n\n");
    assert_eq!(
        text(&Event::named("tick").unwrap().id("7").unwrap().data(" x")),
        "event: tick\nid: 7\ndata:  x\n\n"
    );
    assert_eq!(text(&Event::retry(Duration::from_secs(2))), "retry: 2000\n\n");
}

#[test]
fn no_name_or_id_adds_a_line() {
    for bad in ["a\nb", "a\rb", "\n", "a\0"] {
        assert!(Event::named(bad).is_err() && Event::with_id(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_last_id_is_told() {
    let headers = |id: &[u8]| HeaderMap::from_iter([(LAST_EVENT_ID, HeaderValue::from_bytes(id).unwrap())]);
    assert_eq!(Events::last_id(&headers("ü7".as_bytes())), Some("ü7"));
    assert_eq!(Events::last_id(&headers(b"")), None);
    assert_eq!(Events::last_id(&headers(b"\xff")), None);
    assert_eq!(Events::last_id(&HeaderMap::new()), None);
}

proptest! {
    #[test]
    fn any_data_comes_back_as_lines(data in "[a: \r\n\u{feff}é]{0,30}", name in "[a: é]{1,5}", id in "[a: é]{0,5}") {
        let event = Event::named(&name).unwrap().id(&id).unwrap().data(&data);
        let data = data.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(interpret(text(&event)), vec![(name, data, id)]);
    }
}

/// A client, and the way to it.
struct Client {
    io: DuplexStream,
    cx: Context,
    events: Arc<Mutex<Option<Events>>>,
    _server: Task<Result<()>>,
}

impl Client {
    fn new(queue: usize) -> Self {
        let events: Arc<Mutex<Option<Events>>> = Arc::default();
        let place = Arc::clone(&events);
        let handler = move |request: Request| {
            let (events, response) = Events::begin(&request, queue);
            *place.lock().unwrap() = Some(events);
            async move { Ok::<_, Failure>(response) }
        };
        let root = Context::root(Limits::default());
        let cx = root.connection(tracing::Span::none(), ConnId::next());
        let (conn, io) = Connection::pair();
        let (http, inner) = (Http::new(handler), cx.clone());
        let server = root.spawn(async move { http.serve(conn, inner).await });
        Self { io, cx, events, _server: server }
    }

    async fn begun(queue: usize) -> (Self, Events, String) {
        let mut client = Self::new(queue);
        client.io.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let head = client.until("\r\n\r\n").await;
        let events = client.events.lock().unwrap().take().unwrap();
        (client, events, head)
    }

    async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            let byte = timeout(Duration::from_secs(1000), self.io.read_u8()).await.expect("more bytes");
            bytes.push(byte.unwrap_or_else(|e| panic!("{e} after {:?}", String::from_utf8_lossy(&bytes))));
        }
        String::from_utf8(bytes).unwrap()
    }
}

#[tokio::test]
async fn events_go_out_at_once_and_are_kept_nowhere() {
    let (mut client, events, head) = Client::begun(4).await;
    for field in ["content-type: text/event-stream\r\n", "no-store", "no-transform", "x-accel-buffering: no"]
    {
        assert!(head.contains(field), "{head}");
    }
    for data in ["one", "two"] {
        events.send(Event::new(data)).unwrap();
        client.until(&format!("data: {data}\n\n\r\n")).await;
    }
    drop(events);
    client.until("0\r\n\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_shows_that_it_lives() {
    let (mut client, events, _) = Client::begun(4).await;
    let begun = Instant::now();
    client.until(":\n\n\r\n").await;
    client.until(":\n\n\r\n").await;
    assert_eq!(begun.elapsed(), 2 * KEEP_ALIVE);
    events.send(Event::new("x")).unwrap();
    client.until("data: x\n\n\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_too_slow_is_cut_off() {
    let (mut client, events, _) = Client::begun(8).await;
    let large = Event::new(&"x".repeat(100_000));
    let mut sent = 0;
    while events.send(large.clone()).is_ok() {
        sent += 1;
        assert!(sent < 100, "it is bounded");
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(events.send(Event::new("late")).unwrap_err().limit_name(), Some("queue"));
    let mut said = Vec::new();
    client.io.read_to_end(&mut said).await.unwrap();
    assert!(!said.ends_with(b"0\r\n\r\n"), "it is cut, not ended");
    events.closed().await;
}

#[tokio::test]
async fn a_client_that_left_is_noticed() {
    let (client, events, _) = Client::begun(4).await;
    client.cx.end();
    timeout(Duration::from_secs(10), events.closed()).await.unwrap();
    assert_eq!(events.send(Event::new("x")).unwrap_err().fault(), ropewalk_core::Fault::Peer);
}

#[tokio::test]
async fn a_stop_ends_the_stream_after_what_was_sent() {
    let (mut client, events, _) = Client::begun(4).await;
    events.send(Event::new("last")).unwrap();
    client.cx.stop();
    let said = client.until("0\r\n\r\n").await;
    assert!(said.contains("data: last\n\n"), "{said}");
    events.closed().await;
}

#[tokio::test]
async fn events_go_over_http_2() {
    let Client { io, events, cx: _cx, _server } = Client::new(4);
    let (mut sender, conn) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    let root = Context::root(Limits::default());
    let _conn = root.spawn(async move { drop(conn.await) });
    let request = http::Request::get("http://x/").body(Empty::<Bytes>::new()).unwrap();
    let mut response = sender.send_request(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let events = events.lock().unwrap().take().unwrap();
    for data in ["one", "two"] {
        events.send(Event::new(data)).unwrap();
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), format!("data: {data}\n\n"));
    }
    drop(response);
    timeout(Duration::from_secs(10), events.closed()).await.expect("a reset stream is a client that left");
}
