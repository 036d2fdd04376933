//! A whole connection: the engine for HTTP/1 over a pair in memory, any bytes in any pieces, and a clock that jumps.
//!
//! The first three octets say how the bytes come: two seed the sizes of the pieces, and the lowest bit of the third whether the
//! peer ends its half, or falls silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, StatusCode};
use ropewalk_core::app::{ConnId, Context, Protocol as _};
use ropewalk_core::net::Connection;
use ropewalk_core::{Fault, Limits, Result};
use ropewalk_http::ws::{WebSocket, WebSockets};
use ropewalk_http::{
    Body, Failure, FormLimits, Handler as _, Http, Multipart, Request, Response, Upgrade, Urlencoded,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::time::{sleep, timeout};

/// No connection of so few bytes is served for longer.
const LONGEST: Duration = Duration::from_secs(3600);

pub fn run(bytes: &[u8]) {
    let [first, second, end, bytes @ ..] = bytes else { return };
    // An HTTP/2 preface leads to another engine.
    if bytes.starts_with(b"PRI") {
        return;
    }
    let handled = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&handled);
    let http = Http::new(move |request: Request| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        async move { answer(request, number).await }
    });
    let seed = u16::from_le_bytes([*first, *second]);
    let said = talk(http, bytes, seed, end & 1 == 0);
    judge(&said, bytes, handled.load(Ordering::Relaxed));
}

/// A form is the same however it comes. The first octet says of which type it is, the second how it comes.
pub fn form(bytes: &[u8]) {
    let [kind, seed, form @ ..] = bytes else { return };
    let kind =
        if kind & 1 == 0 { "multipart/form-data; boundary=b" } else { "application/x-www-form-urlencoded" };
    let fields =
        format!("Host: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", form.len());
    let request = [format!("POST / HTTP/1.1\r\n{fields}\r\n").as_bytes(), form].concat();
    let told = |seed| {
        let said = talk(Http::new(read_form), &request, seed, false);
        let status = said.get(9..12).expect("a status").to_vec();
        // A page has the number of its connection.
        let content = said.windows(4).position(|it| it == b"\r\n\r\n").map(|end| said[end..].to_vec());
        (
            content.filter(|_| status == b"200").map(|it| it.escape_ascii().to_string()),
            status.escape_ascii().to_string(),
        )
    };
    let whole = told(0);
    assert!(matches!(&*whole.1, "200" | "400" | "413" | "415"), "{whole:?}");
    assert_eq!(told(u16::from(*seed) | 0x100), whole);
}

/// Answers with what a form holds.
async fn read_form(request: Request) -> Result<Response, Failure> {
    let mut limits = FormLimits::default();
    (limits.fields, limits.name, limits.part, limits.head) = (8, 16, 64, 128);
    let mut said = String::new();
    if request.headers.get("content-type").is_some_and(|it| it.as_bytes().starts_with(b"multipart")) {
        let mut form = Multipart::new(request, limits)?;
        while let Some(part) = form.next().await? {
            said += &format!("{:?} {:?} ", part.name(), part.filename());
            // One is read, the next is passed over.
            if said.len() % 2 == 0 {
                let content = part.bytes().await?;
                assert!(content.len() <= 64);
                said += &content.escape_ascii().to_string();
            }
        }
    } else {
        let form = Urlencoded::read(request, &limits).await?;
        assert!(
            form.iter().count() <= 8
                && form.iter().all(|(name, value)| name.len() <= 16 && value.len() <= 64)
        );
        said = format!("{form:?}");
    }
    Ok(Response::new(Body::from(said)))
}

fn talk(http: Http, bytes: &[u8], seed: u16, ends: bool) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(serve(http, bytes, seed, ends))
}

/// All that the server says.
async fn serve(http: Http, bytes: &[u8], seed: u16, ends: bool) -> Vec<u8> {
    let root = Context::root(Limits::default());
    let cx = root.connection(tracing::Span::none(), ConnId::next());
    let (conn, io) = Connection::pair();
    let serving = root.spawn(async move { http.serve(conn, cx).await });
    let (mut read, mut write) = split(io);
    let speak = async {
        let mut random = u32::from(seed) | 1;
        let mut rest = bytes;
        while !rest.is_empty() {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let octets = if seed == 0 { rest.len() } else { (random >> 24) as usize % 48 + 1 };
            let (piece, after) = rest.split_at(octets.min(rest.len()));
            rest = after;
            if write.write_all(piece).await.is_err() {
                return;
            }
            // Now and then the server gets its turn between two pieces, and time goes by.
            match random >> 16 & 7 {
                0 => sleep(Duration::from_millis(300)).await,
                1..4 => tokio::task::yield_now().await,
                _ => {}
            }
        }
        if ends {
            let _gone = write.shutdown().await;
        }
    };
    let mut said = Vec::new();
    let talk = async { tokio::join!(speak, read.read_to_end(&mut said)) };
    timeout(LONGEST, talk).await.expect("an end of the connection").1.expect("a pair has no errors");
    drop((read, write));
    let served = timeout(LONGEST, serving).await.expect("an end of the task").expect("no panic");
    if let Err(error) = served {
        assert!(error.fault() != Fault::Local, "our fault: {}", error.chain());
    }
    said
}

/// Everything that a handler may do with a request.
async fn answer(mut request: Request, number: usize) -> Result<Response, Failure> {
    let method = request.method.clone();
    let mut response = match request.path.as_bytes() {
        b"/unread" => Response::new(Body::from("unread")),
        b"/stream" => {
            Response::new(Body::stream(stream::iter(["ab", "", "c"].map(|it| Ok(Bytes::from(it))))))
        }
        b"/through" => Response::new(request.body),
        b"/first" => {
            let first = request.body.chunk().await?.unwrap_or_default();
            Response::new(Body::from(first))
        }
        b"/slow" => {
            sleep(Duration::from_secs(7)).await;
            Response::new(Body::from("slow"))
        }
        b"/hint" => {
            request.interim().send(StatusCode::EARLY_HINTS, &HeaderMap::new());
            Response::new(Body::from("hinted"))
        }
        b"/upgrade" => Upgrade::to("echo", |mut conn, _| async move {
            let mut room = [0; 64];
            // How long it waits is its own affair.
            while let Ok(read) = timeout(LONGEST / 2, conn.read(&mut room)).await {
                match read? {
                    0 => break,
                    octets => conn.write_all(room.get(..octets).unwrap_or_default()).await?,
                }
            }
            Ok(())
        }),
        b"/ws" => WebSockets::new(echo).handle(request).await?,
        b"/empty" => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        b"/fail" => return Err(Failure::new(StatusCode::IM_A_TEAPOT)),
        _ => Response::new(Body::from(request.body.read(1000).await?)),
    };
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-number"), number.into());
    headers.insert(
        HeaderName::from_static("x-method"),
        HeaderValue::from_str(method.as_str()).expect("a token"),
    );
    Ok(response)
}

async fn echo(mut socket: WebSocket, _: Request) -> Result<()> {
    while let Some(message) = socket.recv().await? {
        socket.send(message.as_bytes()).await?;
    }
    Ok(())
}

/// What is said is answers, each whole, in order, at most one to a request; nothing follows one that closes.
fn judge(mut said: &[u8], asked: &[u8], handled: usize) {
    let all = said;
    let ends = asked.windows(4).filter(|it| it == b"\r\n\r\n").count();
    let mut answers = 0;
    let mut last = None;
    while !said.is_empty() {
        let what = || format!("{} after {}", said.escape_ascii(), all.escape_ascii());
        let end =
            said.windows(4).position(|it| it == b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {}", what()));
        let (head, rest) = said.split_at(end + 4);
        let (status, fields) = read(head).unwrap_or_else(|| panic!("no head: {}", what()));
        let field = |name: &str| fields.iter().find(|(it, _)| *it == name).map(|it| it.1);
        assert!(
            fields.iter().filter(|(name, _)| matches!(*name, "content-length" | "transfer-encoding")).count()
                <= 1,
            "{}",
            what()
        );
        said = rest;
        if status == 101 && field("upgrade") == Some("websocket") {
            return;
        }
        if status == 101 {
            assert_eq!((field("x-number").is_some(), field("upgrade")), (true, Some("echo")), "{}", what());
            // What was echoed came last.
            assert!(asked.ends_with(said), "{}", what());
            return;
        }
        if status < 200 {
            assert!(matches!(status, 100 | 103) && fields.is_empty() && !rest.is_empty(), "{}", what());
            continue;
        }
        answers += 1;
        if let Some(number) = field("x-number") {
            let number: usize = number.parse().unwrap_or_else(|_| panic!("no number: {}", what()));
            assert!(number < handled && last.is_none_or(|last| number > last), "{}", what());
            last = Some(number);
        }
        let is_page = field("x-number").is_none();
        // A page says how long it would be where HEAD was asked for it.
        let is_empty = field("x-method") == Some("HEAD")
            || matches!(status, 204 | 304)
            || (is_page && (said.is_empty() || said.starts_with(b"HTTP/")));
        let closes = field("connection") == Some("close");
        if !is_empty {
            let after = match (field("content-length"), field("transfer-encoding")) {
                (Some(length), None) => said.get(length.parse::<usize>().unwrap_or(usize::MAX)..),
                (None, Some("chunked")) => after_chunks(said),
                (None, None) => {
                    assert!(closes, "no end: {}", what());
                    Some(&b""[..])
                }
                _ => None,
            };
            match after {
                Some(after) => said = after,
                // What goes through is cut where what came was.
                None => {
                    assert!(asked.windows(8).any(|it| it == b"/through"), "cut: {}", what());
                    return;
                }
            }
        }
        assert!(
            !closes || said.is_empty(),
            "more after the last: {} in {}",
            said.escape_ascii(),
            all.escape_ascii()
        );
        assert!(status != 400 || !is_page || closes || answers < ends + 1, "{}", what());
    }
    assert!(answers <= ends + 1, "{answers} answers to {ends} heads: {}", all.escape_ascii());
}

/// Status and fields, if this is a head as RFC 9112 §4 says.
fn read(head: &[u8]) -> Option<(u16, Vec<(&str, &str)>)> {
    let head = str::from_utf8(head).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let line = lines.next()?.strip_prefix("HTTP/1.1 ")?;
    let (status, _reason) = line.split_once(' ').filter(|(status, _)| status.len() == 3)?;
    let fields = lines.map(|line| line.split_once(": ")).collect::<Option<Vec<_>>>()?;
    let is_token = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let fits = fields.iter().all(|(name, value)| is_token(name) && !value.contains(|c: char| c.is_control()));
    fits.then_some((status.parse().ok()?, fields))
}

/// What follows content in chunks, if that is whole.
fn after_chunks(mut said: &[u8]) -> Option<&[u8]> {
    loop {
        let end = said.windows(2).position(|it| it == b"\r\n")?;
        let size = usize::from_str_radix(str::from_utf8(said.get(..end)?).ok()?, 16).ok()?;
        said = said.get(end + 2..)?;
        if size == 0 {
            break;
        }
        said = said.get(size..)?.strip_prefix(b"\r\n")?;
    }
    // Trailers end with an empty line.
    if let Some(after) = said.strip_prefix(b"\r\n") {
        return Some(after);
    }
    let end = said.windows(4).position(|it| it == b"\r\n\r\n")?;
    said.get(end + 4..)
}
