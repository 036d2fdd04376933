use std::fmt;
use std::pin::Pin;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{Instrument as _, info_span};

use super::backoff::random;
use super::link::{State, stopped};
use super::{Backoff, BoxProtocol, ConnId, Context, Link, Protocol, Service};
use crate::net::Connection;
use crate::{Error, Result};

type Connecting = Pin<Box<dyn Future<Output = Result<Connection>> + Send>>;

/// A client as a service: connects, runs its protocol on the connection, and connects again when that has ended.
///
/// Before the n-th attempt after a success it waits for a random part of `first` × 2ⁿ⁻¹, at most of `longest`
/// (exponential back-off with full jitter: clients that lost one server do not come back in step). A connection
/// that lasted as long as `settled` is a success; a shorter one is a failure like one that was never made.
///
/// It is ready at once, so that services do not wait for another machine; who needs the connection waits on its
/// [`Link`]. When it is told to stop it connects no more, and returns when the protocol has finished.
pub struct Reconnect {
    name: String,
    connect: Box<dyn Fn() -> Connecting + Send + Sync>,
    protocol: BoxProtocol,
    backoff: Backoff,
    random: Box<dyn Fn() -> f64 + Send + Sync>,
    state: watch::Sender<State>,
}

impl Reconnect {
    /// Connects like this, and does this with the connection. The name is for the log.
    pub fn new<C, F>(name: impl Into<String>, connect: C, protocol: impl Protocol) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Connection>> + Send + 'static,
    {
        Self {
            name: name.into(),
            connect: Box::new(move || Box::pin(connect())),
            protocol: protocol.boxed(),
            backoff: Backoff::default(),
            random: Box::new(random),
            state: watch::Sender::new(State::Down),
        }
    }

    /// With this back-off instead of the default.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// With this source of numbers from 0 to 1 for the jitter, for tests.
    #[must_use]
    pub fn random(self, random: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self { random: Box::new(random), ..self }
    }

    /// For those who wait for the connection. It stays good over all connections.
    pub fn link(&self) -> Link {
        Link(self.state.subscribe())
    }

    async fn connected(&self) -> Result<Connection> {
        let late = |_| Error::limit("connect", "could not connect in time");
        timeout(self.backoff.connect, (self.connect)()).await.map_err(late)?
    }

    /// Runs the protocol in a task of its own: its panic is a failure of this connection only.
    async fn serve(&self, conn: Connection, cx: &Context) -> Result<()> {
        let id = ConnId::next();
        let span = info_span!(parent: cx.span(), "connection", %id, peer = %conn.info().peer);
        let child = cx.connection(span, id);
        self.state.send_replace(State::Up(conn.info().clone()));
        let _up = Up(self, child.clone());
        tracing::info!(parent: child.span(), "connected");
        let protocol = self.protocol.clone();
        let own = child.clone();
        child.spawn(async move { protocol.serve(conn, own).await }).await?
    }

    /// Connects and serves over and over, until there are too many failures in a row: the last one's error.
    async fn attempts(&self, cx: &Context) -> (u32, Error) {
        let mut failures = 0;
        loop {
            let conn = tokio::select! {
                conn = self.connected() => conn,
                () = cx.stopping() => return (failures, stopped()),
            };
            let began = Instant::now();
            let result = match conn {
                Ok(conn) => self.serve(conn, cx).await,
                Err(error) => Err(error),
            };
            let lasted = began.elapsed();
            let settled = lasted >= self.backoff.settled;
            failures = if settled { 0 } else { failures + 1 };
            let error = result.err().unwrap_or_else(|| Error::peer("connection ended"));
            if cx.is_stopping() || self.backoff.give_up_after.is_some_and(|most| !settled && failures >= most)
            {
                return (failures, error);
            }
            let wait = self.backoff.wait(failures.max(1), (self.random)());
            tracing::warn!(error = %error.chain(), failures, ?lasted, ?wait, "connecting again");
            tokio::select! {
                () = sleep(wait) => {}
                () = cx.stopping() => return (failures, error),
            }
        }
    }
}

impl Service for Reconnect {
    /// # Errors
    /// Ours, with the last failure as its cause, after too many failures in a row.
    async fn run(&self, cx: Context) -> Result<()> {
        let running = Running(&self.state);
        self.state.send_replace(State::Down);
        cx.ready();
        let span = info_span!(parent: cx.span(), "client", client = self.name);
        let (failures, error) = self.attempts(&cx).instrument(span).await;
        if cx.is_stopping() {
            return Ok(());
        }
        self.state.send_replace(State::GaveUp(error.chain()));
        drop(running);
        Err(Error::local(format!("gave up after {failures} failures in a row")).caused_by(error))
    }
}

impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Says, when it is dropped, that the connection has ended, and ends its context with all its tasks.
struct Up<'a>(&'a Reconnect, Context);

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.0.state.send_replace(State::Down);
        self.1.end();
    }
}

/// Says, when it is dropped, that no more connections will come, unless the reason was said already.
struct Running<'a>(&'a watch::Sender<State>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.send_if_modified(|state| {
            let silent = !matches!(state, State::GaveUp(_));
            if silent {
                *state = State::Stopped;
            }
            silent
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::io::AsyncReadExt as _;
    use tokio::time::advance;

    use super::*;
    use crate::{Fault, Limits};

    /// When a client tried to connect, in seconds from the start.
    #[derive(Clone)]
    struct Attempts(Instant, Arc<Mutex<Vec<f64>>>);

    impl Attempts {
        fn new() -> Self {
            Self(Instant::now(), Arc::default())
        }

        fn note(&self) -> usize {
            let mut all = self.1.lock().unwrap();
            // Timers are exact to a millisecond.
            all.push(self.0.elapsed().as_millis() as f64 / 1000.0);
            all.len()
        }

        fn all(&self) -> Vec<f64> {
            self.1.lock().unwrap().clone()
        }
    }

    fn give_up_after(failures: u32) -> Backoff {
        Backoff { give_up_after: Some(failures), ..Backoff::default() }
    }

    async fn nothing(_: Connection, _: Context) -> Result<()> {
        Ok(())
    }

    /// Nobody answers.
    fn refused(attempts: &Attempts, backoff: Backoff) -> Reconnect {
        let attempts = attempts.clone();
        let connect = move || {
            attempts.note();
            async { Err(Error::local("refused")) }
        };
        Reconnect::new("test", connect, nothing).backoff(backoff).random(|| 1.0)
    }

    /// Everybody answers.
    fn answered(attempts: &Attempts, protocol: impl Protocol) -> Reconnect {
        let attempts = attempts.clone();
        let connect = move || {
            attempts.note();
            async { Ok(Connection::pair().0) }
        };
        Reconnect::new("test", connect, protocol).random(|| 1.0)
    }

    fn root() -> Context {
        Context::root(Limits::default())
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_the_longest_and_the_last_failure_is_told() {
        let attempts = Attempts::new();
        let backoff = Backoff { longest: Duration::from_secs(5), ..give_up_after(6) };
        let client = refused(&attempts, backoff);
        let link = client.link();
        let error = client.run(root()).await.unwrap_err();
        assert_eq!(attempts.all(), [0.0, 1.0, 3.0, 7.0, 12.0, 17.0]);
        assert_eq!(error.fault(), Fault::Local);
        assert_eq!(error.chain(), "gave up after 6 failures in a row: refused");
        let waiter = link.when_connected().await.unwrap_err();
        assert_eq!(waiter.chain(), "could not connect: refused");
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_is_a_random_part() {
        let attempts = Attempts::new();
        let parts = Mutex::new([0.5, 0.0, 0.25].into_iter());
        let client =
            refused(&attempts, give_up_after(4)).random(move || parts.lock().unwrap().next().unwrap());
        client.run(root()).await.unwrap_err();
        assert_eq!(attempts.all(), [0.0, 0.5, 0.5, 1.5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_settled_starts_the_count_anew() {
        let attempts = Attempts::new();
        let counted = attempts.clone();
        let connect = move || {
            let count = counted.note();
            async move { if count == 3 { Ok(Connection::pair().0) } else { Err(Error::local("refused")) } }
        };
        let protocol = |_: Connection, _: Context| async {
            sleep(Duration::from_secs(30)).await;
            Ok(())
        };
        let client = Reconnect::new("test", connect, protocol).backoff(give_up_after(3)).random(|| 1.0);
        let error = client.run(root()).await.unwrap_err();
        assert_eq!(attempts.all(), [0.0, 1.0, 3.0, 34.0, 35.0, 37.0]);
        assert_eq!(error.to_string(), "gave up after 3 failures in a row");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ends_or_panics_at_once_is_a_failure() {
        let attempts = Attempts::new();
        let client = answered(&attempts, nothing).backoff(give_up_after(3));
        assert_eq!(
            client.run(root()).await.unwrap_err().chain(),
            "gave up after 3 failures in a row: connection ended"
        );
        assert_eq!(attempts.all(), [0.0, 1.0, 3.0]);

        async fn panics(_: Connection, _: Context) -> Result<()> {
            panic!("bad day")
        }
        let client = answered(&attempts, panics).backoff(give_up_after(1));
        let chain = client.run(root()).await.unwrap_err().chain();
        assert!(chain.starts_with("gave up after 1 failures in a row: task panicked"), "{chain}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_answers_is_given_up_in_time() {
        let connect = || std::future::pending::<Result<Connection>>();
        let client = Reconnect::new("test", connect, nothing).backoff(give_up_after(1));
        let start = Instant::now();
        let error = client.run(root()).await.unwrap_err();
        assert_eq!(start.elapsed().as_secs(), 30);
        assert_eq!(error.chain(), "gave up after 1 failures in a row: could not connect in time");
    }

    /// Serves until it is told to stop, and then takes a second.
    async fn polite(_: Connection, cx: Context) -> Result<()> {
        cx.stopping().await;
        sleep(Duration::from_secs(1)).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_hear_of_the_connection_and_of_the_stop() {
        let client = answered(&Attempts::new(), polite);
        let link = client.link();
        let waiters = futures_util::future::join_all((0..100).map(|_| link.when_connected()));
        let cx = root();
        let running = cx.spawn({
            let cx = cx.clone();
            async move { client.run(cx).await }
        });
        assert!(waiters.await.iter().all(Result::is_ok));
        assert!(link.is_connected() && cx.is_ready());
        let start = Instant::now();
        cx.stop();
        running.await.unwrap().unwrap();
        assert_eq!(start.elapsed().as_secs(), 1, "the protocol was let finish");
        assert!(!link.is_connected());
        assert_eq!(link.when_connected().await.unwrap_err().to_string(), "the client has stopped");
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_ends_the_wait_and_the_attempt() {
        let hangs = || std::future::pending::<Result<Connection>>();
        for client in [refused(&Attempts::new(), Backoff::default()), Reconnect::new("test", hangs, nothing)]
        {
            let cx = root();
            let mut run = Box::pin(client.run(cx.clone()));
            assert!(run.as_mut().now_or_never().is_none());
            cx.stop();
            assert!(run.now_or_never().unwrap().is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_runs_in_a_connection_ends_with_it() {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&ended);
        let protocol = move |_: Connection, cx: Context| {
            let kept = Arc::clone(&kept);
            async move {
                kept.lock().unwrap().push(cx.clone());
                Ok(())
            }
        };
        let client = answered(&Attempts::new(), protocol).backoff(give_up_after(2));
        client.run(root()).await.unwrap_err();
        let contexts = ended.lock().unwrap();
        assert_eq!(contexts.len(), 2);
        assert!(contexts.iter().all(|cx| cx.is_ended() && cx.id().is_some()));
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_run_closes_the_connection() {
        let far = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&far);
        let connect = move || {
            let (near, far) = Connection::pair();
            *kept.lock().unwrap() = Some(far);
            async { Ok(near) }
        };
        let client = Reconnect::new("test", connect, polite);
        let link = client.link();
        let cx = root();
        let mut run = Box::pin(client.run(cx.clone()));
        assert!(run.as_mut().now_or_never().is_none());
        assert!(link.is_connected());
        drop(run);
        advance(Duration::from_millis(1)).await;
        let mut far = far.lock().unwrap().take().unwrap();
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
        assert!(!link.is_connected());
    }

    #[tokio::test(start_paused = true)]
    async fn it_may_be_run_again_after_giving_up() {
        let attempts = Attempts::new();
        let client = refused(&attempts, give_up_after(1));
        client.run(root()).await.unwrap_err();
        let link = client.link();
        let mut again = Box::pin(client.run(root()));
        again.as_mut().now_or_never();
        assert_eq!(attempts.all().len(), 2);
        assert!(link.when_connected().await.is_err());
    }
}
