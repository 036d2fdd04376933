//! Server-sent events: a page that shows a clock, ticked by the server.
//!
//! Run it, and ask in a second terminal, or open <http://localhost:8080/> in a browser:
//!
//! ```console
//! $ cargo run -p ropewalk-http --example http_events
//! $ curl -N http://localhost:8080/events
//! ```
//!
//! Expected output:
//!
//! ```text
//! retry: 2000
//!
//! event: tick
//! id: 1
//! data: 1 tick
//!
//! event: tick
//! id: 2
//! data: 2 ticks
//! ```
//!
//! A client that comes back says the id of the last event that it had, and goes on from there.

use std::time::Duration;

use ropewalk_core::Result;
use ropewalk_core::app::{Application, Member, Server};
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_http::{Body, Event, Events, Failure, HeaderValue, Http, Request, Response, Routes, header};

const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>Events</title>
<p id="clock">waiting</p>
<script>
const events = new EventSource("/events");
events.addEventListener("tick", event => document.getElementById("clock").textContent = event.data);
</script>
"#;

async fn page(_: Request) -> Result<Response, Failure> {
    let mut response = Response::new(Body::from(PAGE));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}

async fn events(request: Request) -> Result<Response, Failure> {
    let last: u64 = Events::last_id(&request.headers).and_then(|id| id.parse().ok()).unwrap_or(0);
    let (events, response) = Events::begin(&request, 16);
    request
        .facts
        .cx
        .spawn(async move { tick(&events, last).await.map_err(|error| error.log("events")) })
        .detach();
    Ok(response)
}

/// Ticks until the client has left.
async fn tick(events: &Events, last: u64) -> Result<()> {
    events.send(Event::retry(Duration::from_secs(2)))?;
    for number in last + 1.. {
        let data = format!("{number} tick{}", if number == 1 { "" } else { "s" });
        events.send(Event::named("tick")?.id(&number.to_string())?.data(&data))?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let at = std::env::args().nth(1).unwrap_or("tcp:8080:interface=localhost".into());
    let routes = Routes::new().mount("/", page)?.mount("/events", events)?;
    let server = Server::new("http", Http::new(routes)).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("http", server)]).run()
}
