use std::future::{pending, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use ropewalk_core::app::{Context, Task};
use ropewalk_core::data::cred::{Login, Portal};
use ropewalk_core::data::files::{Files, Meta, VPath};
use ropewalk_core::net::Connection;
use ropewalk_core::sansio::Respond;
use ropewalk_core::telemetry::ByteCounters;
use ropewalk_core::tls::{ServerTls, TlsInfo};
use ropewalk_core::{Address, Result};

use super::commands::said;
use super::data::{Alarm, Door, Ends, Private, Way};
use super::errors::{Doing, refusal};
use super::event::{Answer, Event, Family, Transfer, What};
use super::guest::Guest;
use super::hash;
use super::passive::Owner;
use super::running::{LastCall, Progress, Running, linger};
use super::seats::Seat;
use super::session::Session;
use super::transfer::{self, Job};
use super::{Area, Ftp};
use crate::wire::Reply;

/// Answers one session: who is logged in, the data connection, the transfer that runs.
pub(crate) struct Handler<'a> {
    pub(super) ftp: &'a Ftp,
    pub(super) cx: Context,
    pub(super) peer: Address,
    pub(super) service: String,
    /// The host that was asked for, and its area.
    host: Option<(&'a str, &'a Area)>,
    agreed: Arc<OnceLock<TlsInfo>>,
    /// Our end of the control connection.
    local: SocketAddr,
    tls: Option<ServerTls>,
    rate: Option<u64>,
    login: Option<Arc<Stay>>,
    door: Option<Door>,
    running: Option<Running>,
    /// The rest of an upload that was refused, until the next transfer.
    lingering: Option<Task<()>>,
    last_call: LastCall,
    alarm: Alarm,
    bytes: ByteCounters,
    /// A data connection has gone on with the control connection's TLS session.
    tied: Arc<AtomicBool>,
}

/// Somebody who is logged in.
struct Stay {
    files: Arc<dyn Files>,
    login: Login<dyn Files>,
    seat: Seat,
}

impl<'a> Handler<'a> {
    /// `agreed` is what TLS has agreed on, or will have.
    pub(super) fn new(
        ftp: &'a Ftp,
        conn: &Connection,
        tls: Option<ServerTls>,
        agreed: Arc<OnceLock<TlsInfo>>,
        cx: Context,
    ) -> Self {
        let info = conn.info();
        Self {
            ftp,
            peer: info.peer.clone(),
            service: ftp.service.clone(),
            host: None,
            agreed,
            local: match info.local {
                Address::Ip(at) => at,
                _ => (Ipv4Addr::LOCALHOST, 0).into(),
            },
            tls,
            rate: conn.rate(),
            login: None,
            door: None,
            running: None,
            lingering: None,
            last_call: LastCall::default(),
            alarm: Alarm::default(),
            bytes: cx.metrics().bytes("ftp"),
            cx,
            tied: Arc::default(),
        }
    }

    pub(super) fn portal(&self) -> Portal<dyn Files> {
        // A name that was said in the clear counts only if TLS was begun with no other.
        let host = self.host.filter(|(name, _)| self.is_called(name));
        host.map_or(&self.ftp.area, |(_, area)| area).portal()
    }

    /// Whether the client calls us so by TLS too, where it says a name there (RFC 7151 §3.2.2).
    fn is_called(&self, name: &str) -> bool {
        let server_name = self.agreed.get().and_then(|tls| tls.server_name.as_deref());
        server_name.is_none_or(|server_name| server_name == name)
    }

    pub(super) fn enter(&mut self, login: Login<dyn Files>, seat: Seat) {
        let files = match login.principal().is_guest() {
            true => Arc::new(Guest::new(Arc::clone(login.avatar()), self.ftp.options.incoming.clone())),
            false => Arc::clone(login.avatar()),
        };
        self.login = Some(Arc::new(Stay { files, login, seat }));
    }

    /// Whoever is logged in. The session asks for a login first: nobody should hear of this.
    fn stay(&self) -> Result<&Arc<Stay>, Reply> {
        self.login.as_ref().ok_or_else(|| Reply::new(530, "log in first"))
    }

    /// The tree of whoever is logged in.
    pub(super) fn files(&self) -> Result<&Arc<dyn Files>, Reply> {
        Ok(&self.stay()?.files)
    }

    pub(super) async fn stat(&self, path: &VPath) -> Result<Meta, Reply> {
        self.files()?.stat(path, true).await.map_err(|error| refusal(&error, Doing::Using, path))
    }

    /// What runs goes on (RFC 959 §4.1.1).
    fn log_out(&mut self) {
        (self.login, self.door) = (None, None);
    }

    fn host(&mut self, name: &str) -> Answer {
        let known = self.ftp.hosts.get_key_value(name).filter(|(name, _)| self.is_called(name));
        // The one before is forgotten, also where this is none.
        self.host = known.map(|(name, area)| (name.as_str(), area));
        match self.host {
            Some(_) => Answer::Done,
            None => Answer::Say(Reply::new(504, "no such host here")),
        }
    }

    /// Who may be at the other end of a data connection.
    fn ends(&self) -> Ends {
        Ends { client: self.peer.ip(), options: Arc::clone(&self.ftp.options) }
    }

    fn passive(&mut self, family: Family) -> Answer {
        let fits = match family {
            Family::Same => true,
            Family::V4 => self.local.is_ipv4(),
            Family::V6 => self.local.is_ipv6(),
        };
        if !fits {
            let text = if self.local.is_ipv4() { "use (1)" } else { "use EPSV, for (2)" };
            let code = if family == Family::V6 || self.local.is_ipv6() { 522 } else { 425 };
            return Answer::Say(Reply::new(code, format!("not the protocol of this connection: {text}")));
        }
        // The one before is closed first, so that its port may be had again.
        self.door = None;
        let owner = match self.stay() {
            Ok(stay) => Owner { client: self.peer.ip(), who: stay.seat.who().clone() },
            Err(reply) => return Answer::Say(reply),
        };
        match Door::passive(&self.ftp.ports, self.local, &owner, self.ends()) {
            Ok((door, at)) => {
                self.door = Some(door);
                let public = self.ftp.options.masquerade.iter().find_map(|public| public.of(&self.peer));
                Answer::Passive(said(at, public))
            }
            Err(error) => {
                error.log("no port for a data connection");
                Answer::Say(Reply::new(425, "no port is free"))
            }
        }
    }

    fn active(&mut self, at: SocketAddr) -> Answer {
        // RFC 2577 §3: whoever has us connect to a third host uses our address against it.
        if !self.ends().include(at.ip()) {
            tracing::warn!(peer = %self.peer, %at, "asked to connect to somebody else");
            return Answer::Say(Reply::new(501, "a foreign address is not connected to"));
        }
        self.door = Some(Door::active(at, self.local));
        Answer::Say(Reply::new(200, "noted"))
    }

    async fn begin(&mut self, transfer: Transfer) -> Answer {
        let opening = match self.try_begin(transfer).await {
            Ok(opening) => opening,
            Err(refused) => return Answer::Ended(refused),
        };
        // What is over at once is told in one go.
        let Some(running) = &mut self.running else { return Answer::Opening(opening) };
        match poll_fn(|cx| Poll::Ready(Pin::new(&mut *running).poll(cx))).await {
            Poll::Pending => Answer::Opening(opening),
            Poll::Ready(reply) => {
                self.over();
                Answer::Over(opening, reply)
            }
        }
    }

    async fn try_begin(&mut self, transfer: Transfer) -> Result<Option<Reply>, Reply> {
        self.lingering = None;
        let stay = Arc::clone(self.stay()?);
        let files = &stay.files;
        let options = &self.ftp.options;
        if let What::Hash { .. } = transfer.what {
            let person = stay.login.principal().name();
            let job = hash::digest(&**files, transfer, options, &self.ftp.hashes, person).await?;
            self.running = Some(Running::start(stay, Arc::default(), |progress| job.run(progress)));
            return Ok(None);
        }
        let (door, private) = (self.door.take(), transfer.private);
        if options.tls_required && !transfer.private {
            // RFC 4217 §10.1.
            return Err(Reply::new(521, "only under TLS: PROT P first"));
        }
        let progress = Arc::<Progress>::default();
        let (job, opening) = Job::open(files, transfer, options, door.is_some(), &progress).await?;
        let door = door.ok_or_else(transfer::no_door)?;
        let private = match &self.tls {
            Some(tls) if private => {
                // Some clients call data by a name of their own.
                let tls = tls.with_alpn(["ftp-data", "ftp"]);
                let tls = if job.receives() { tls.sparing() } else { tls };
                Some(Private { tls, tie: options.tie, tied: Arc::clone(&self.tied) })
            }
            _ => None,
        };
        let way = Way {
            door,
            private,
            stall: options.stall,
            connect: options.connect,
            handshake: self.cx.limits().handshake,
            rate: self.rate,
            bytes: self.bytes.clone(),
        };
        self.running = Some(Running::start(stay, progress, |progress| job.run(way, progress)));
        Ok(Some(opening))
    }

    /// The transfer has ended.
    fn over(&mut self) {
        let refused = self.running.take().and_then(|running| running.refused());
        self.lingering = refused.map(|conn| self.cx.spawn(linger(conn)));
    }

    fn progress(&self) -> Answer {
        let octets = self.running.as_ref().map(Running::octets);
        let text = octets.map_or("nothing runs".into(), |octets| format!("{octets} bytes transferred"));
        Answer::Say(Reply::new(213, text))
    }

    async fn abort(&mut self) -> Answer {
        self.door = None;
        match self.running.take() {
            // What it comes to is told, rather than that it was aborted.
            Some(running) if !running.give_up() => Answer::Ended(running.await),
            _ => Answer::Done,
        }
    }
}

impl Respond<Session> for Handler<'_> {
    async fn handle(&mut self, event: Event) -> Result<Answer> {
        Ok(match event {
            Event::Host(name) => self.host(&name),
            Event::Login { user, password } => self.log_in(&user, &password).await,
            Event::Logout => {
                self.log_out();
                Answer::Done
            }
            Event::Reset => {
                self.log_out();
                // RFC 7151 §3.2.1.
                self.host = None;
                Answer::Done
            }
            Event::Offence(offence) => {
                tracing::info!(peer = %self.peer, offence = offence.name(), "hung up");
                self.cx.report(&self.peer, offence);
                Answer::Done
            }
            Event::Enter(path) => self.enter_dir(&path).await,
            Event::Find(path) => self.find(&path).await,
            Event::Ask(ask) => Answer::Say(self.reply_to(ask).await),
            Event::Passive(family) => self.passive(family),
            Event::Active(at) => self.active(at),
            Event::Begin(transfer) => self.begin(transfer).await,
            Event::Progress => self.progress(),
            Event::Abort => self.abort().await,
        })
    }

    async fn next(&mut self) -> Answer {
        let Some(running) = &mut self.running else {
            if let Some(door) = &mut self.door {
                door.watch(&mut self.alarm).await;
            }
            return pending().await;
        };
        let reply = tokio::select! {
            reply = &mut *running => reply,
            () = self.last_call.wait(&self.cx) => match running.give_up() {
                true => Reply::new(426, "the server stops, transfer aborted"),
                false => running.await,
            },
        };
        self.over();
        Answer::Ended(reply)
    }
}
