//! A small HTTP client that keeps to the documents, but for the one fault it is given.

mod content;
mod fault;
mod head;
mod redirect;
mod request;

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(super) use self::fault::ClientFault;
use self::fault::ClientFault as F;
use self::head::Head;
use self::redirect::parts;
use crate::{Fetch, Fetched};

/// Long, for it counts in real time, on machines that have much else to do.
const GIVE_UP: Duration = Duration::from_millis(1500);
const HEAD_MOST: usize = 256 * 1024;

struct Wire {
    authority: String,
    stream: TcpStream,
    buffer: Vec<u8>,
}

struct Client {
    fault: Option<F>,
    idle: Option<Wire>,
}

/// Does the requests in order.
pub(super) async fn drive(fetches: Vec<Fetch>, fault: Option<F>) -> Vec<Fetched> {
    let mut client = Client { fault, idle: None };
    let mut all = Vec::new();
    for fetch in fetches {
        let mut fetched = Fetched::default();
        fetched.failed = client.fetch(fetch, &mut fetched).await.is_err();
        all.push(fetched);
    }
    all
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

impl Client {
    fn is(&self, fault: F) -> bool {
        self.fault == Some(fault)
    }

    async fn exchange(&mut self, fetch: &Fetch, fetched: &mut Fetched) -> io::Result<Head> {
        let kept = self.idle.is_some();
        let first = self.attempt(fetch, fetched).await;
        let silent = fetched.status == 0;
        let safe = fetch.method != "POST" || self.is(F::RepeatsPost);
        let again = (kept && !self.is(F::NeverRepeats)) || self.is(F::RepeatsPost);
        let head = match first {
            Err(_) if again && silent && safe => self.attempt(fetch, fetched).await?,
            other => other?,
        };
        if head.status == 417 && !self.is(F::NotAgain) {
            let mut plain = fetch.clone();
            plain.fields.retain(|field| !field.starts_with("Expect"));
            *fetched = Fetched::default();
            return self.attempt(&plain, fetched).await;
        }
        Ok(head)
    }

    async fn attempt(&mut self, fetch: &Fetch, fetched: &mut Fetched) -> io::Result<Head> {
        let (mut authority, mut path) = parts(&fetch.url);
        if !self.is(F::SendsFragment) {
            path = path.split('#').next().unwrap_or_default().to_owned();
        }
        let named = authority.clone();
        authority = authority.rsplit('@').next().unwrap_or_default().to_owned();
        if path.is_empty() && !self.is(F::EmptyTarget) {
            path.push('/');
        }
        let idle = self.idle.take().filter(|wire| wire.authority == authority && !self.is(F::NeverReuses));
        let mut wire = match idle {
            Some(wire) => wire,
            None => {
                let stream = TcpStream::connect(&authority).await?;
                Wire { authority: authority.clone(), stream, buffer: Vec::new() }
            }
        };
        let host = if self.is(F::SendsUserinfo) { &named } else { &authority };
        let (head, content) = self.request(fetch, host, &path);
        wire.stream.write_all(head.as_bytes()).await?;
        let mut early = None;
        if head.contains("Expect: ") && !content.is_empty() {
            let patience =
                if self.is(F::WaitsForEver) { Duration::from_secs(60) } else { Duration::from_millis(100) };
            early = timeout(patience, self.head(&mut wire)).await.ok().transpose()?;
        }
        let refused = early.as_ref().is_some_and(|head| head.status >= 200);
        if !refused {
            self.upload(&mut wire, &content).await?;
        }
        if self.is(F::ReusesEarly) && fetch.url.ends_with("/one") {
            let head = self.head(&mut wire).await?;
            fetched.status = head.status;
            self.idle = Some(wire);
            return Ok(head);
        }
        let mut head = match early.filter(|head| head.status >= 200 || self.is(F::ContinueIsFinal)) {
            Some(head) => head,
            None => self.head(&mut wire).await?,
        };
        while head.status < 200 && !self.is(F::InterimIsFinal) && !self.is(F::ContinueIsFinal) {
            if self.is(F::Only100) && head.status != 100 {
                return Err(wrong("an unknown interim response"));
            }
            head = self.head(&mut wire).await?;
        }
        if self.is(F::KnownCodesOnly) && head.status == 299 {
            return Err(wrong("an unknown code"));
        }
        fetched.status = head.status;
        fetched.content.clear();
        let whole = self.content(&mut wire, fetch, &head, &mut fetched.content).await?;
        self.keep(wire, &head, whole);
        Ok(head)
    }

    fn keep(&mut self, mut wire: Wire, head: &Head, whole: bool) {
        let closes = (head.closes() && !self.is(F::IgnoresClose)) || (head.old && !self.is(F::Keeps10));
        let mut late = [0; 1024];
        if let Ok(read) = wire.stream.try_read(&mut late) {
            if read == 0 && !self.is(F::NeverRepeats) {
                return;
            }
            wire.buffer.extend_from_slice(late.get(..read).unwrap_or_default());
        }
        if self.is(F::ForgetsLeftOver) {
            wire.buffer.clear();
        }
        let clean = wire.buffer.is_empty() || self.is(F::TakesLeftOver);
        if whole && clean && !closes {
            self.idle = Some(wire);
        }
    }

    async fn more(&self, wire: &mut Wire) -> io::Result<usize> {
        timeout(GIVE_UP, wire.stream.read_buf(&mut wire.buffer)).await.map_err(|_| wrong("silence"))?
    }
}
