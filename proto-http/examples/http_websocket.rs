//! WebSockets: `/echo` says what it hears, and in `/chat/ROOM` what one says all the others hear.
//!
//! Run it, and talk in two other terminals, with any WebSocket client; here, that of Python's `websockets`:
//!
//! ```console
//! $ cargo run -p ropewalk-http --example http_websocket
//! $ python3 -m websockets ws://localhost:8080/chat/rope
//! $ python3 -m websockets ws://localhost:8080/chat/rope
//! ```
//!
//! Expected output, in each after a line was typed in the other:
//!
//! ```text
//! Connected to ws://localhost:8080/chat/rope.
//! < 2 here
//! < hello
//! ```
//!
//! Or talk in a browser, in two windows of <http://localhost:8080/>.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ropewalk_core::Result;
use ropewalk_core::app::{Application, Member, Server};
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_http::ws::{CloseCode, Message, Sender, WebSocket, WebSockets};
use ropewalk_http::{Body, Failure, HeaderValue, Http, Request, Response, Routes, header};

const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>Chat</title>
<form><input name="text" autocomplete="off" autofocus> <button>Say</button></form>
<ul></ul>
<script>
const socket = new WebSocket(location.origin.replace("http", "ws") + "/chat/rope");
const show = text => document.querySelector("ul").appendChild(document.createElement("li")).textContent = text;
socket.onmessage = event => show(event.data);
socket.onclose = () => show("(the end)");
document.querySelector("form").onsubmit = event => {
  event.preventDefault();
  socket.send(event.target.text.value);
  event.target.reset();
};
</script>
"#;

async fn page(_: Request) -> Result<Response, Failure> {
    let mut response = Response::new(Body::from(PAGE));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}

async fn echo(mut socket: WebSocket, _: Request) -> Result<()> {
    while let Some(message) = socket.recv().await? {
        socket.send(&message).await?;
    }
    Ok(())
}

/// Who is in which room.
#[derive(Default)]
struct Rooms {
    rooms: Mutex<HashMap<Vec<u8>, HashMap<u64, Sender>>>,
    came: AtomicU64,
}

impl Rooms {
    async fn chat(self: Arc<Self>, mut socket: WebSocket, request: Request) -> Result<()> {
        let room = request.rest.as_bytes().to_vec();
        let me = self.came.fetch_add(1, Ordering::Relaxed);
        let here = self.with(&room, |room| {
            room.insert(me, socket.sender());
            room.len()
        });
        socket.send(&format!("{here} here")).await?;
        let end = loop {
            match socket.recv().await {
                Ok(Some(message)) => self.with(&room, |room| tell(room, me, &message)),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.with(&room, |room| room.remove(&me));
        end
    }

    fn with<T>(&self, room: &[u8], change: impl FnOnce(&mut HashMap<u64, Sender>) -> T) -> T {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let members = rooms.entry(room.to_vec()).or_default();
        let done = change(members);
        if members.is_empty() {
            rooms.remove(room);
        }
        done
    }
}

/// Who does not keep up is not waited for.
fn tell(room: &HashMap<u64, Sender>, me: u64, message: &Message) {
    for (_, other) in room.iter().filter(|(id, _)| **id != me) {
        if other.try_send(message).is_ok_and(|sent| !sent) {
            other.close(CloseCode::POLICY, "too slow");
        }
    }
}

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let at = std::env::args().nth(1).unwrap_or("tcp:8080:interface=localhost".into());
    let rooms = Arc::new(Rooms::default());
    let chat = WebSockets::new(move |socket, request| Arc::clone(&rooms).chat(socket, request));
    let routes =
        Routes::new().mount("/", page)?.mount("/echo", WebSockets::new(echo))?.mount("/chat", chat)?;
    let server = Server::new("http", Http::new(routes)).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("http", server)]).run()
}
