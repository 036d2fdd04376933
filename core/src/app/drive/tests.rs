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
            None => pending().await,
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

#[tokio::test]
async fn after_starttls_the_dialogue_goes_on_inside_tls() {
    let issued = crate::tls::self_signed(&["localhost".into()]).unwrap();
    let certificates = crate::tls::Certificates::one(issued.certificate().unwrap());
    let tls = ServerTls::new(&certificates, crate::tls::ClientAuth::Off).unwrap();
    let trusted = crate::tls::Authorities::none().and_pem(issued.cert.as_bytes()).unwrap();
    let trusting = ClientTls::new(&trusted).unwrap();
    let cx = Context::root(Limits::default());
    let (conn, mut peer) = Connection::pair();
    let (_say, said) = mpsc::channel(1);
    let mut toy = Toy::with(Bug::None)(now());
    let mut upper = Upper(said);
    let agreed = Arc::new(OnceLock::new());
    let drive = Drive::default().accept_tls(tls).tell_tls(Arc::clone(&agreed));
    let serve = drive.run(conn, &mut toy, &mut upper, &cx);
    let client = async {
        let mut plain = [0; 17];
        peer.write_all(b"starttls\r\n").await.unwrap();
        peer.read_exact(&mut plain).await.unwrap();
        assert_eq!(&plain, b"hello\r\ngo ahead\r\n");
        let mut conn = trusting.connect(peer, &"localhost".parse().unwrap()).await.unwrap();
        conn.write_all(b"ask inside\r\nquit\r\n").await.unwrap();
        let mut rest = String::new();
        conn.read_to_string(&mut rest).await.unwrap();
        rest
    };
    let (done, rest) = tokio::join!(serve, client);
    assert!(rest.ends_with("INSIDE\r\nbye\r\n"), "{rest}");
    done.unwrap();
    assert_eq!(agreed.get().unwrap().server_name.as_deref(), Some("localhost"));
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
