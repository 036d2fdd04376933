use std::time::Duration;

use ropewalk_core::app::Task;
use ropewalk_core::{Fault, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::super::frame::{CONTROL, Head, Opcode, encode};
use super::*;

/// A client of frames, and the function that serves it.
struct Peer {
    io: DuplexStream,
    cx: Context,
    server: Task<Result<()>>,
}

impl Peer {
    fn of<R>(options: Options, app: impl FnOnce(WebSocket) -> R + Send + 'static) -> Self
    where
        R: Future<Output = Result<()>> + Send + 'static,
    {
        let root = Context::root(Limits::default());
        let cx = root.child(tracing::Span::none());
        let (mut conn, io) = Connection::pair();
        conn.pace().write(Duration::from_secs(30));
        let inner = cx.clone();
        let server = root.spawn(async move { serve(conn, None, &options, inner, app).await });
        Self { io, cx, server }
    }

    fn echo() -> Self {
        Self::of(Options::default(), echo)
    }

    async fn say(&mut self, opcode: Opcode, payload: &[u8]) {
        self.part(true, opcode, payload).await;
    }

    async fn part(&mut self, fin: bool, opcode: Opcode, payload: &[u8]) {
        let mut wire = Vec::new();
        encode(&mut wire, fin, opcode, payload, Some([1, 2, 3, 4]));
        self.io.write_all(&wire).await.unwrap();
    }

    /// The next frame; `None` at the end.
    async fn hear(&mut self) -> Option<(Opcode, Vec<u8>)> {
        let mut head = Vec::new();
        loop {
            match self.io.read_u8().await {
                Ok(octet) => head.push(octet),
                Err(_) if head.is_empty() => return None,
                Err(error) => panic!("{error} in a head"),
            }
            let Some((Head { opcode, octets, fin, .. }, _)) = Head::parse(&head, Role::Client).unwrap()
            else {
                continue;
            };
            assert!(fin);
            let mut payload = vec![0; octets as usize];
            self.io.read_exact(&mut payload).await.unwrap();
            return Some((opcode, payload));
        }
    }

    async fn hear_text(&mut self) -> String {
        let (opcode, payload) = self.hear().await.expect("a frame");
        assert_eq!(opcode, Opcode::Text, "{payload:?}");
        String::from_utf8(payload).unwrap()
    }

    /// The payload of a Close that is the next frame and the last.
    async fn hear_close(&mut self) -> Vec<u8> {
        let (opcode, payload) = self.hear().await.expect("a Close");
        assert_eq!(opcode, Opcode::Close, "{payload:?}");
        assert_eq!(self.hear().await, None);
        payload
    }

    async fn hear_close_code(&mut self) -> u16 {
        u16::from_be_bytes(*self.hear_close().await.first_chunk().expect("a code"))
    }
}

async fn echo(mut socket: WebSocket) -> Result<()> {
    while let Some(message) = socket.recv().await? {
        socket.send(&message).await?;
    }
    Ok(())
}

const NORMAL: &[u8] = b"\x03\xe8";

#[tokio::test(start_paused = true)]
async fn messages_come_back_in_their_order_and_kind() {
    let mut peer = Peer::echo();
    peer.say(Opcode::Text, "é".as_bytes()).await;
    peer.say(Opcode::Binary, &[7; 70_000]).await;
    peer.part(false, Opcode::Text, b"in ").await;
    peer.part(true, Opcode::Continuation, b"parts").await;
    assert_eq!(peer.hear_text().await, "é");
    assert_eq!(peer.hear().await, Some((Opcode::Binary, vec![7; 70_000])));
    assert_eq!(peer.hear_text().await, "in parts");
    peer.say(Opcode::Close, NORMAL).await;
    assert_eq!(peer.hear_close().await, NORMAL);
    peer.server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_close_is_answered_by_its_code_and_nothing_comes_after_it() {
    for said in [&b""[..], b"\x03\xe8", b"\x0f\xa0why"] {
        let mut peer = Peer::echo();
        peer.say(Opcode::Close, said).await;
        peer.say(Opcode::Text, b"late").await;
        peer.say(Opcode::Ping, b"late").await;
        assert_eq!(peer.hear_close().await, said[..said.len().min(2)]);
        peer.server.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_was_sent_before_goes_out_before_the_answer_to_a_close() {
    let (told, mut closed) = mpsc::channel(1);
    let mut peer = Peer::of(Options::default(), |mut socket| async move {
        socket.send("first").await?;
        assert!(socket.recv().await?.is_none());
        told.send(socket.closed()).await.unwrap();
        assert!(socket.send("too late").await.is_err());
        Ok(())
    });
    peer.say(Opcode::Close, b"\x0f\xa1enough").await;
    assert_eq!(peer.hear_text().await, "first");
    assert_eq!(peer.hear_close().await, b"\x0f\xa1");
    let close = closed.recv().await.unwrap().unwrap();
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::new(4001), "enough"));
}

#[tokio::test(start_paused = true)]
async fn the_result_of_the_function_is_the_code_of_the_close() {
    let local = || Err(Error::local("secret"));
    for (result, code) in [(Ok(()), 1000), (local(), 1011), (Err(Error::peer("secret")), 1008)] {
        let mut peer = Peer::of(Options::default(), |_| async { result });
        assert_eq!(peer.hear().await, Some((Opcode::Close, u16::to_be_bytes(code).into())), "no reason");
        peer.say(Opcode::Close, &u16::to_be_bytes(code)).await;
        assert_eq!(peer.hear().await, None);
        assert_eq!(peer.server.await.unwrap().is_err(), code != 1000);
    }
}

#[tokio::test(start_paused = true)]
async fn who_breaks_the_protocol_is_told_the_code() {
    let oversize = [&[0x82, 0xff][..], &(1_u64 << 30).to_be_bytes(), &[1, 2, 3, 4]].concat();
    let wrong: [(&[u8], u16); 8] = [
        (&[0x81, 0x01, b'x'], 1002),
        (&[0xc1, 0x80], 1002),
        (&[0x83, 0x80], 1002),
        (&[0x09, 0x80], 1002),
        (&[0x89, 0xfe], 1002),
        (&[0x80, 0x80, 1, 2, 3, 4], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
        (&oversize, 1009),
    ];
    for (bytes, code) in wrong {
        let mut peer = Peer::of(Options::default(), |mut socket| async move {
            assert_eq!(socket.recv().await?, Some(Message::Text("before".into())));
            let error = socket.recv().await.unwrap_err();
            assert_eq!(socket.recv().await?, None, "it is told once");
            Err(error)
        });
        peer.say(Opcode::Text, b"before").await;
        peer.io.write_all(bytes).await.unwrap();
        assert_eq!(peer.hear_close_code().await, code, "{bytes:x?}");
        let error = peer.server.await.unwrap().unwrap_err();
        assert_eq!(error.fault() == Fault::Limit, code == 1009, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_in_ever_more_fragments_is_cut_off() {
    let mut peer = Peer::echo();
    peer.part(false, Opcode::Binary, b"").await;
    for _ in 0..Options::default().frames {
        peer.part(false, Opcode::Continuation, b"").await;
    }
    assert_eq!(peer.hear_close_code().await, 1009);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_while_the_application_is_busy() {
    let mut peer = Peer::of(Options::default(), |_socket| async {
        sleep(Duration::from_secs(3600)).await;
        Ok(())
    });
    for ping in [&b""[..], &[b'x'; CONTROL]] {
        peer.say(Opcode::Ping, ping).await;
        assert_eq!(peer.hear().await, Some((Opcode::Pong, ping.into())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_then_given_up() {
    let mut peer = Peer::echo();
    let begun = Instant::now();
    assert_eq!(peer.hear().await, Some((Opcode::Ping, vec![])));
    assert_eq!(begun.elapsed().as_secs(), 30);
    assert_eq!(peer.hear().await, None);
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert_eq!(peer.server.await.unwrap().unwrap_err().limit_name(), Some("pong"));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_stays() {
    let mut peer = Peer::echo();
    let begun = Instant::now();
    for round in 1..5 {
        assert_eq!(peer.hear().await, Some((Opcode::Ping, vec![])));
        sleep(Duration::from_secs(10)).await;
        peer.say(Opcode::Pong, b"").await;
        assert_eq!(begun.elapsed().as_secs(), 40 * round);
    }
    peer.say(Opcode::Text, b"there").await;
    assert_eq!(peer.hear_text().await, "there");
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_held_back_while_the_application_is_behind_and_not_blamed() {
    let (go, mut wait) = mpsc::channel::<()>(1);
    let peer = Peer::of(Options::default(), |mut socket| async move {
        wait.recv().await;
        let mut octets = 0;
        while let Some(message) = socket.recv().await? {
            octets += message.as_bytes().len();
        }
        assert_eq!(octets, 100 * 10_000);
        Ok(())
    });
    let (mut from, mut to) = tokio::io::split(peer.io);
    let flood = peer.cx.spawn(async move {
        let mut wire = Vec::new();
        encode(&mut wire, true, Opcode::Binary, &[0; 10_000], Some([1, 2, 3, 4]));
        for sent in 0..100 {
            let mut write = pin!(to.write_all(&wire));
            if timeout(Duration::from_secs(600), &mut write).await.is_err() {
                // The inbox, one read, and the pair's own buffer.
                assert!(sent <= 16, "{sent} messages were taken in though nobody asked");
                go.send(()).await.unwrap();
                write.await.unwrap();
            }
        }
        to
    });
    let mut to = flood.await.unwrap();
    let mut close = Vec::new();
    encode(&mut close, true, Opcode::Close, NORMAL, Some([0; 4]));
    to.write_all(&close).await.unwrap();
    let mut heard = Vec::new();
    from.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"\x88\x02\x03\xe8");
    peer.server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_holds_no_more_than_the_queue_and_is_cut() {
    let (tell, mut told) = mpsc::channel(1);
    let peer = Peer::of(Options::default(), |socket| async move {
        let mut queued = 0;
        while socket.sender().try_send(&[0; 1000][..])? {
            queued += 1;
            tokio::task::yield_now().await;
        }
        tell.send(queued).await.unwrap();
        let waiting = Instant::now();
        let error = socket.send("one more").await.unwrap_err();
        assert_eq!(waiting.elapsed().as_secs(), 30);
        Err(error)
    });
    // The queue, and the 64 KiB of the pair.
    let queued = told.recv().await.unwrap();
    assert!((300..350).contains(&queued), "{queued} kB were queued");
    peer.server.await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn pings_of_a_peer_that_reads_nothing_are_not_hoarded() {
    let mut peer = Peer::of(Options { queue: 1000, ..Options::default() }, |mut socket| async move {
        while socket.recv().await?.is_some() {}
        Ok(())
    });
    let mut pings = Vec::new();
    for number in 0..2000_u32 {
        let mut ping = [0; CONTROL];
        ping[..4].copy_from_slice(&number.to_be_bytes());
        encode(&mut pings, true, Opcode::Ping, &ping, Some([0; 4]));
    }
    peer.io.write_all(&pings).await.unwrap();
    peer.say(Opcode::Close, NORMAL).await;
    let mut heard = Vec::new();
    while let Some((Opcode::Pong, payload)) = peer.hear().await {
        heard.push(u32::from_be_bytes(*payload.first_chunk().unwrap()));
    }
    assert!(heard.is_sorted() && heard.len() < 1000, "{} pongs", heard.len());
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_a_close_by_1001_and_is_not_waited_for_without_end() {
    let mut peer = Peer::echo();
    peer.say(Opcode::Text, b"a").await;
    assert_eq!(peer.hear_text().await, "a");
    let begun = Instant::now();
    peer.cx.stop();
    assert_eq!(peer.hear().await, Some((Opcode::Close, b"\x03\xe9".into())));
    assert_eq!(peer.hear().await, None);
    assert_eq!(begun.elapsed().as_secs(), 10);
    peer.server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_close_is_an_error() {
    let mut peer = Peer::echo();
    peer.part(false, Opcode::Text, b"half").await;
    peer.io.shutdown().await.unwrap();
    let error = peer.server.await.unwrap().unwrap_err();
    assert_eq!(
        (error.fault(), error.to_string().as_str()),
        (Fault::Peer, "connection ended without a Close")
    );
}

#[tokio::test(start_paused = true)]
async fn recv_can_be_cancelled_anywhere() {
    let (tell, mut told) = mpsc::channel(1);
    let mut peer = Peer::of(Options::default(), |mut socket| async move {
        let mut heard = Vec::new();
        loop {
            match timeout(Duration::from_millis(3), socket.recv()).await {
                Ok(Ok(Some(message))) => heard.extend_from_slice(message.as_bytes()),
                Ok(end) => {
                    assert!(end?.is_none());
                    tell.send(heard).await.unwrap();
                    return Ok(());
                }
                Err(_) => {}
            }
        }
    });
    let mut wire = Vec::new();
    for octet in 0..10 {
        encode(&mut wire, true, Opcode::Binary, &[octet], Some([9; 4]));
    }
    encode(&mut wire, true, Opcode::Close, b"", Some([9; 4]));
    for octet in wire {
        peer.io.write_all(&[octet]).await.unwrap();
        sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(told.recv().await.unwrap(), Vec::from_iter(0..10));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_goes_on_without_its_connection_is_dropped() {
    let mut peer = Peer::of(Options::default(), |_socket| std::future::pending());
    let begun = Instant::now();
    peer.say(Opcode::Close, NORMAL).await;
    assert_eq!(peer.hear_close().await, NORMAL);
    drop(peer.io);
    assert_eq!(peer.server.await.unwrap().unwrap_err().fault(), Fault::Local);
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn senders_of_other_tasks_are_heard_until_the_close() {
    let mut peer = Peer::of(Options::default(), |mut socket| async move {
        let sender = socket.sender();
        let other = Context::root(Limits::default()).spawn(async move {
            for number in 0..1000 {
                sender.send(&number.to_string()).await?;
            }
            sender.close(CloseCode::NORMAL, "that is all");
            assert!(!sender.try_send("more").is_ok_and(|sent| sent));
            Ok(())
        });
        assert!(socket.recv().await?.is_none());
        other.await?
    });
    for number in 0..1000 {
        assert_eq!(peer.hear_text().await, number.to_string());
    }
    assert_eq!(peer.hear().await, Some((Opcode::Close, b"\x03\xe8that is all".into())));
    peer.say(Opcode::Close, NORMAL).await;
    peer.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_close_of_ours_drops_what_still_comes_and_waits_for_the_answer() {
    let mut peer = Peer::of(Options::default(), |socket| async move {
        socket.send("last").await?;
        socket.close(CloseCode::UNSUPPORTED, "no").await
    });
    assert_eq!(peer.hear_text().await, "last");
    assert_eq!(peer.hear().await, Some((Opcode::Close, b"\x03\xebno".into())));
    peer.say(Opcode::Text, &[b'x'; 100_000]).await;
    assert!(!peer.server.is_finished());
    peer.say(Opcode::Close, NORMAL).await;
    assert_eq!(peer.hear().await, None);
    peer.server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_end_is_answered_before_it() {
    for (last, code) in [(&[0x88, 0x82, 0, 0, 0, 0, 3, 0xe8][..], 1000), (&[0xf1, 0x80], 1002)] {
        let mut peer = Peer::echo();
        let mut wire = Vec::new();
        encode(&mut wire, true, Opcode::Text, b"a", Some([1, 2, 3, 4]));
        encode(&mut wire, true, Opcode::Text, b"b", Some([1, 2, 3, 4]));
        peer.io.write_all(&[&wire, last].concat()).await.unwrap();
        assert_eq!(peer.hear_text().await, "a");
        assert_eq!(peer.hear_text().await, "b");
        assert_eq!(peer.hear_close_code().await, code);
        assert_eq!(peer.server.await.unwrap().is_ok(), code == 1000);
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_asks_for_nothing_does_not_keep_a_close_waiting_for_long() {
    let mut peer = Peer::of(Options::default(), |socket| async move {
        let mut said = 0;
        while socket.send(&said.to_string()).await.is_ok() {
            sleep(Duration::from_secs(1)).await;
            said += 1;
        }
        Ok(())
    });
    let begun = Instant::now();
    assert_eq!(peer.hear_text().await, "0");
    peer.say(Opcode::Text, b"not asked for").await;
    peer.say(Opcode::Close, NORMAL).await;
    for number in 1..=10 {
        assert_eq!(peer.hear_text().await, number.to_string());
    }
    assert_eq!(peer.hear_close_code().await, 1000);
    assert_eq!(begun.elapsed().as_secs(), 10);
    drop(peer.io);
    peer.server.await.unwrap().unwrap();
}
