use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::Context;
use crate::net::{Connection, Handshake};
use crate::sansio::{Inbox, Machine, Output, Respond};
use crate::tls::{ClientTls, ServerName, ServerTls};
use crate::{Error, Result};

/// Octets of one read.
const READ: usize = 8 * 1024;
/// Octets that are gathered before they are written though the machine has more to say.
const GATHER: usize = 64 * 1024;
/// Time and octets that a peer has to notice that we closed.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_OCTETS: u64 = 1024 * 1024;

/// Joins a machine and those who answer it to a connection, until either closes. It is
/// [`Drive::run`] with nothing set: for machines that do not ask for TLS.
///
/// # Errors
/// As [`Drive::run`].
pub async fn drive<M: Machine>(
    conn: Connection,
    machine: &mut M,
    respond: &mut impl Respond<M>,
    cx: &Context,
) -> Result<()> {
    Drive::default().run(conn, machine, respond, cx).await
}

/// How a machine is joined to a connection.
#[derive(Clone, Debug, Default)]
pub struct Drive {
    tls: Option<Tls>,
    buffer: Option<usize>,
}

#[derive(Clone, Debug)]
enum Tls {
    Accept(ServerTls),
    Connect(ClientTls, ServerName),
}

impl Drive {
    /// Answers [`Output::StartTls`] with the server's side of a handshake.
    #[must_use]
    pub fn accept_tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(Tls::Accept(tls));
        self
    }

    /// Answers [`Output::StartTls`] with the client's side of a handshake, with the server called `name`.
    #[must_use]
    pub fn connect_tls(mut self, tls: ClientTls, name: ServerName) -> Self {
        self.tls = Some(Tls::Connect(tls, name));
        self
    }

    /// Holds at most this many octets that the machine has not taken; by default the limit of a line and one
    /// read of 8 KiB more. The machine must be able to use the start of any input this long.
    #[must_use]
    pub fn buffer(mut self, octets: usize) -> Self {
        self.buffer = Some(octets);
        self
    }

    /// Serves the connection until the machine closes it, the peer goes away, or the context ends.
    ///
    /// Reads only when the machine asks for bytes and has no use for those that are there, so that a peer that sends ahead
    /// is held back by its own network. What is sent is gathered and written before an event or a wait,
    /// under the [write limit](crate::Limits::write). Events are answered one at a time; `respond` is
    /// dropped in the middle of one only with this future, or when [`Context::ended`] says so. When the context is
    /// [stopping](Context::stopping) the machine is told once, and closes when it is done. After a close the
    /// peer has two seconds to read what was sent last, lest a reset overtake it.
    ///
    /// `Ok` means that the machine closed or the context ended. Machine and responder are lent, so that a client can
    /// look at them afterwards.
    ///
    /// # Errors
    /// [`Fault::Peer`](crate::Fault::Peer): the peer went away, or sent plaintext ahead of TLS. `Limit`: it took or sent no bytes for
    /// too long, or filled the buffer with nothing of use. `Local`: TLS was asked for and none was given. Or whatever `respond` says.
    pub async fn run<M: Machine>(
        self,
        conn: Connection,
        machine: &mut M,
        respond: &mut impl Respond<M>,
        cx: &Context,
    ) -> Result<()> {
        let buffer = self.buffer.unwrap_or_else(|| cx.limits().line + READ);
        let line = Line { conn, out: BytesMut::new(), inbox: Inbox::default(), buffer, cx };
        tokio::select! {
            biased;
            () = cx.ended() => Ok(()),
            done = line.run(self.tls, machine, respond) => done,
        }
    }
}

/// A connection with what was read from it and what is to be written.
struct Line<'a> {
    conn: Connection,
    out: BytesMut,
    inbox: Inbox,
    buffer: usize,
    cx: &'a Context,
}

/// What ended a wait.
enum Woken<A> {
    Answer(A),
    Elapsed,
    Read(usize),
    Stopping,
}

impl Line<'_> {
    async fn run<M: Machine>(
        mut self,
        tls: Option<Tls>,
        machine: &mut M,
        respond: &mut impl Respond<M>,
    ) -> Result<()> {
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut stopped = false;
        loop {
            // A machine that never waits still leaves the thread to others.
            consume_budget().await;
            match machine.poll() {
                Output::Send(bytes) => self.send(&bytes).await?,
                Output::Event(event) => {
                    self.flush().await?;
                    let answer = respond.handle(event).await?;
                    machine.answer(now(), answer);
                    self.inbox.changed();
                }
                Output::StartTls => {
                    self = self.start_tls(tls.as_ref()).await?;
                    machine.tls_started();
                }
                Output::Wait { read: true, .. } if self.inbox.offer(machine, now()) => {}
                Output::Wait { until, read } => {
                    self.flush().await?;
                    let read = read && !self.inbox.is_finished();
                    match self.wait(timer.as_mut(), until.into(), read, stopped, respond).await? {
                        Woken::Answer(answer) => machine.answer(now(), answer),
                        Woken::Elapsed => machine.elapsed(now()),
                        Woken::Read(0) => self.inbox.finish(machine, now()),
                        Woken::Read(_) => {}
                        Woken::Stopping => {
                            stopped = true;
                            machine.stop();
                        }
                    }
                    self.inbox.changed();
                }
                Output::Close => return self.close().await,
            }
        }
    }

    async fn wait<M: Machine>(
        &mut self,
        mut timer: Pin<&mut Sleep>,
        until: Instant,
        read: bool,
        stopped: bool,
        respond: &mut impl Respond<M>,
    ) -> Result<Woken<M::Answer>> {
        if read && self.inbox.len() >= self.buffer {
            return Err(Error::limit("line", "input buffer full of nothing of use"));
        }
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        let room = self.buffer - self.inbox.len().min(self.buffer);
        tokio::select! {
            () = self.cx.stopping(), if !stopped => Ok(Woken::Stopping),
            answer = respond.next() => Ok(Woken::Answer(answer)),
            octets = fill(&mut self.conn, &mut self.inbox, room), if read => Ok(Woken::Read(octets?)),
            () = timer => Ok(Woken::Elapsed),
        }
    }

    async fn send(&mut self, bytes: &Bytes) -> Result<()> {
        self.out.extend_from_slice(bytes);
        if self.out.len() >= GATHER { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let limit = self.cx.limits().write;
        while self.out.has_remaining() {
            if within(limit, self.conn.write_buf(&mut self.out)).await? == 0 {
                return Err(Error::peer("the peer takes no more"));
            }
        }
        self.out = BytesMut::new();
        within(limit, self.conn.flush()).await
    }

    async fn start_tls(mut self, tls: Option<&Tls>) -> Result<Self> {
        self.flush().await?;
        if !self.inbox.is_empty() {
            // RFC 3207 §6: somebody on the way may have put them there.
            return Err(Error::peer("plaintext ahead of TLS"));
        }
        let how = Handshake { deadline: self.cx.limits().handshake, ..Handshake::default() };
        self.conn = match tls {
            Some(Tls::Accept(tls)) => self.conn.start_tls(tls, how).await?,
            Some(Tls::Connect(tls, name)) => self.conn.connect_tls(tls, name, how).await?,
            None => return Err(Error::local("a machine asks for TLS, and none is configured")),
        };
        Ok(self)
    }

    /// Closes our half, then reads on for a moment: a socket that is closed over unread bytes is reset, and a reset
    /// overtakes what was sent last.
    async fn close(mut self) -> Result<()> {
        self.flush().await?;
        within(self.cx.limits().write, self.conn.shutdown()).await?;
        if !self.inbox.is_finished() {
            let mut rest = self.conn.take(LINGER_OCTETS);
            let drained = timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
            tracing::trace!(?drained, "lingered");
        }
        Ok(())
    }
}

/// Reads once, without a buffer while there is nothing to read.
async fn fill(conn: &mut Connection, inbox: &mut Inbox, room: usize) -> Result<usize> {
    poll_fn(|cx| {
        let mut space = [const { MaybeUninit::uninit() }; READ];
        let space = space.get_mut(..room.min(READ)).unwrap_or_default();
        let mut buf = ReadBuf::uninit(space);
        ready!(Pin::new(&mut *conn).poll_read(cx, &mut buf))?;
        inbox.put(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    })
    .await
}

async fn within<T>(limit: Duration, write: impl Future<Output = std::io::Result<T>>) -> Result<T> {
    match timeout(limit, write).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Error::limit("write", "the peer takes no bytes")),
    }
}

/// The runtime's clock, which tests can set.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::io::DuplexStream;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    use super::*;
    use crate::testkit::toy::{Bug, IDLE, Toy};
    use crate::{Fault, Limits};

    /// Answers in capitals, and says what comes through the channel.
    struct Upper(mpsc::Receiver<String>);

    impl Respond<Toy> for Upper {
        async fn handle(&mut self, event: String) -> Result<String> {
            Ok(event.to_uppercase())
        }

        async fn next(&mut self) -> String {
            match self.0.recv().await {
                Some(text) => text,
                None => std::future::pending().await,
            }
        }
    }

    struct Served {
        peer: DuplexStream,
        cx: Context,
        say: mpsc::Sender<String>,
        task: crate::app::Task<(Result<()>, usize)>,
    }

    fn serve(bug: Bug) -> Served {
        let cx = Context::root(Limits::default());
        let (conn, peer) = Connection::pair();
        let (say, said) = mpsc::channel(8);
        let mine = cx.child(tracing::Span::none());
        let task = cx.child(tracing::Span::none());
        let run = async move {
            let mut toy = Toy::with(bug)(now());
            let done = drive(conn, &mut toy, &mut Upper(said), &mine).await;
            (done, toy.received)
        };
        // The task must outlive the context that is ended in some tests.
        let task = Context::root(Limits::default()).spawn(async move {
            let _task = task;
            run.await
        });
        Served { peer, cx, say, task }
    }

    impl Served {
        async fn hear(&mut self, text: &str) {
            let mut heard = vec![0; text.len()];
            self.peer.read_exact(&mut heard).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&heard), text);
        }

        async fn say(&mut self, text: &str) {
            self.peer.write_all(text.as_bytes()).await.unwrap();
        }

        /// All until the end.
        async fn end(mut self) -> (String, Result<()>) {
            let mut rest = String::new();
            self.peer.read_to_string(&mut rest).await.unwrap();
            drop(self.peer);
            (rest, self.task.await.unwrap().0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn commands_sent_ahead_are_answered_in_order() {
        let mut served = serve(Bug::None);
        served.say("ask a\r\nx\r\nask b\r\nas").await;
        served.hear("hello\r\nA\r\n? x\r\nB\r\n").await;
        served.say("k c\r\nquit\r\n").await;
        let (rest, done) = served.end().await;
        assert_eq!(rest, "C\r\nbye\r\n");
        done.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_comes_by_itself() {
        let began = Instant::now();
        let (rest, done) = serve(Bug::None).end().await;
        assert_eq!(rest, "hello\r\ntimeout\r\n");
        assert!(began.elapsed() >= IDLE && began.elapsed() < IDLE + Duration::from_secs(1));
        done.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_application_says_unasked_is_sent() {
        let mut served = serve(Bug::None);
        served.hear("hello\r\n").await;
        served.say.send("news".into()).await.unwrap();
        served.hear("news\r\n").await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_ahead_is_held_back() {
        let mut served = serve(Bug::None);
        served.say("hold\r\n").await;
        let flood = vec![b'x'; 1024 * 1024];
        let sent = timeout(Duration::from_secs(5), served.peer.write_all(&flood)).await;
        assert!(sent.is_err(), "a megabyte went through though nobody reads");
        // Held: no more than the pair's own 64 KiB and one buffer of ours; and it goes on when the answer comes.
        served.say.send("go".into()).await.unwrap();
        served.hear("hello\r\ngo\r\n").await;
        served.hear("line too long\r\n").await;
    }

    #[tokio::test(start_paused = true)]
    async fn no_command_is_acted_upon_while_none_is_wanted() {
        let mut served = serve(Bug::None);
        served.say("hold\r\n").await;
        served.hear("hello\r\n").await;
        served.say("quit\r\n").await;
        let (rest, done) = served.end().await;
        // The deadline comes; `quit` was never seen.
        assert_eq!(rest, "timeout\r\n");
        done.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn plaintext_ahead_of_tls_is_the_peers_fault() {
        let mut served = serve(Bug::None);
        served.say("starttls\r\nask evil\r\n").await;
        let (rest, done) = served.end().await;
        assert_eq!(rest, "hello\r\ngo ahead\r\n");
        assert_eq!(done.unwrap_err().fault(), Fault::Peer);
    }

    #[tokio::test(start_paused = true)]
    async fn tls_that_is_not_configured_is_our_fault() {
        let mut served = serve(Bug::None);
        served.say("starttls\r\n").await;
        assert_eq!(served.end().await.1.unwrap_err().fault(), Fault::Local);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_told_once_and_the_end_cuts_off() {
        let served = serve(Bug::None);
        served.cx.stop();
        let (rest, done) = served.end().await;
        assert!(rest.ends_with("stopping\r\n"));
        assert_eq!(rest.matches("stopping").count(), 1);
        done.unwrap();
        let mut served = serve(Bug::None);
        served.hear("hello\r\n").await;
        served.cx.end();
        assert_eq!(served.end().await.0, "");
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_in_hand_is_finished_before_a_stop_is_told() {
        let cx = Context::root(Limits::default());
        let (conn, mut peer) = Connection::pair();
        let mut slow = |event: String| async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(event)
        };
        let mut toy = Toy::new(now());
        let talk = async {
            peer.write_all(b"ask a\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            cx.stop();
            let mut all = String::new();
            peer.read_to_string(&mut all).await.unwrap();
            drop(peer);
            all
        };
        let (done, all) = tokio::join!(drive(conn, &mut toy, &mut slow, &cx), talk);
        done.unwrap();
        assert_eq!(all, "hello\r\na\r\nstopping\r\n");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_input_is_told_after_all_that_came_before() {
        let mut served = serve(Bug::None);
        served.say("ask a\r\nask b\r\nunfinish").await;
        served.peer.shutdown().await.unwrap();
        let (rest, done) = served.end().await;
        assert_eq!(rest, "hello\r\nA\r\nB\r\n");
        done.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_meets_the_write_limit() {
        let cx = Context::root(Limits::default());
        let (near, _far) = tokio::io::duplex(64);
        let info = crate::net::Info::new(crate::Address::Memory, crate::Address::Memory);
        let mut toy = Toy::with(Bug::Spins)(now());
        let mut conn = Connection::new(near, info);
        conn.unread("spin\r\n".into());
        let error = drive(conn, &mut toy, &mut |text| ready(Ok(text)), &cx).await.unwrap_err();
        assert_eq!(error.limit_name(), Some("write"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_with_no_use_for_its_input_meets_the_buffers_end() {
        let cx = Context::root(Limits::default());
        let (conn, mut peer) = Connection::pair();
        peer.write_all(&[b'x'; 60]).await.unwrap();
        let mut toy = Toy::new(now());
        let drive = Drive::default().buffer(50);
        let error = drive.run(conn, &mut toy, &mut |text| ready(Ok(text)), &cx).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Limit);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_never_waits_leaves_the_thread_and_ends_with_its_context() {
        for bug in [Bug::SpinsMute, Bug::WaitsForThePast] {
            let mut served = serve(bug);
            served.hear("hello\r\n").await;
            served.say("spin\r\n").await;
            tokio::time::advance(2 * IDLE).await;
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert!(!served.task.is_finished());
            served.cx.end();
            served.end().await.1.unwrap();
        }
    }

    #[tokio::test]
    async fn a_peer_that_is_still_sending_meets_no_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let cx = Context::root(Limits::default());
        // Still sending when the server closes: a closed socket would answer that with a reset.
        let talk = async {
            client.write_all(b"quit\r\n").await.unwrap();
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(30)).await;
                client.write_all(b"more\r\n").await.unwrap();
            }
            let mut all = String::new();
            client.read_to_string(&mut all).await.unwrap();
            drop(client);
            all
        };
        let mut toy = Toy::new(now());
        let conn = Connection::tcp(socket).unwrap();
        let mut respond = |text| ready(Ok(text));
        let (done, all) = tokio::join!(drive(conn, &mut toy, &mut respond, &cx), talk);
        done.unwrap();
        assert_eq!(all, "hello\r\nbye\r\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_closes_is_left_after_a_moment() {
        let mut served = serve(Bug::None);
        served.say("quit\r\n").await;
        let began = Instant::now();
        served.task.await.unwrap().0.unwrap();
        assert!(began.elapsed() <= LINGER + Duration::from_millis(10));
    }
}
