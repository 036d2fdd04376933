//! What is tried against data connections and listings: each fails without its defence.

use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::data::files::{DotDot, Memory, VPath};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::super::{Ftp, Options};
use super::client::{area, options, serve, stranger, try_stranger};

#[tokio::test]
async fn a_strangers_data_connection_is_closed_and_the_clients_own_still_comes() {
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(options()));
    let mut client = server.login().await;
    let at = client.port("PASV").await;
    let mut thief = stranger(at).await;
    let mut data = TcpStream::connect(at).await.unwrap();
    assert_eq!(client.code("RETR a").await, 150);
    let mut text = String::new();
    data.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "text");
    assert_eq!(client.reply().await, "226 done\r\n");
    let mut stolen = Vec::new();
    let _ = thief.read_to_end(&mut stolen).await;
    assert_eq!(stolen, b"");
}

#[tokio::test]
async fn a_stranger_instead_of_the_client_ends_in_no_data_connection() {
    let options = Options { connect: Duration::from_millis(100), ..options() };
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(options));
    let mut client = server.login().await;
    let at = client.port("PASV").await;
    let mut thief = stranger(at).await;
    assert_eq!(client.code("RETR a").await, 150);
    assert_eq!(client.reply().await, "425 no data connection\r\n");
    let mut stolen = Vec::new();
    let _ = thief.read_to_end(&mut stolen).await;
    assert_eq!(stolen, b"");
    // Late ones are refused.
    assert!(TcpStream::connect(at).await.is_err());
}

#[tokio::test]
async fn a_stranger_does_not_wait_for_the_transfer_to_be_refused() {
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(options()));
    let mut client = server.login().await;
    let at = client.port("PASV").await;
    let mut thief = stranger(at).await;
    let mut stolen = Vec::new();
    let _ = thief.read_to_end(&mut stolen).await;
    assert_eq!(stolen, b"");
    let mut data = TcpStream::connect(at).await.unwrap();
    assert_eq!(client.code("RETR a").await, 150);
    let mut text = String::new();
    data.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), client.reply().await.as_str()), ("text", "226 done\r\n"));
}

#[tokio::test]
async fn a_port_that_the_client_does_not_come_to_is_closed() {
    let options = Options { connect: Duration::from_millis(100), ..options() };
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(options));
    let mut client = server.login().await;
    let at = client.port("PASV").await;
    while try_stranger(at).await.is_ok() {}
    assert!(TcpStream::connect(at).await.is_err());
    assert_eq!(client.code("RETR a").await, 150);
    assert_eq!(client.reply().await, "425 no data connection\r\n");
}

#[tokio::test]
async fn a_port_at_which_nobody_came_is_given_back() {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let first = (10_000..20_000).find(is_free).unwrap();
    let options =
        Options { passive: first..=first, connect: Duration::from_millis(50), ..Options::default() };
    let area = area(&Memory::new()).guests(Arc::new(Memory::new()));
    let server = serve(Ftp::new(area).with(options));
    let (mut idle, mut other) = (server.login().await, server.connect().await);
    other.log_in("anonymous", "x").await;
    assert_eq!((idle.code("EPSV").await, other.code("EPSV").await), (229, 425));
    let given_back = async {
        while other.code("EPSV").await == 425 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), given_back).await.expect("an idle session keeps no port");
}

#[tokio::test]
async fn with_fxp_only_those_who_are_named_may_come_and_be_connected_to() {
    let named = |network: &str| Options { fxp: vec![network.parse().unwrap()], active: true, ..options() };
    for (network, code, sent) in [("127.0.0.2", 200, "text"), ("127.0.0.3", 501, "")] {
        let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(named(network)));
        let mut client = server.login().await;
        assert_eq!(client.code("PORT 127,0,0,2,195,80").await, code, "{network}");
        let at = client.port("PASV").await;
        let mut other = stranger(at).await;
        assert_eq!(client.code("RETR a").await, 150);
        let mut text = String::new();
        let _ = other.read_to_string(&mut text).await;
        assert_eq!(text, sent, "{network}");
    }
}

#[tokio::test]
async fn nobody_else_is_connected_to() {
    let options = Options { active: true, ..options() };
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "text"))).with(options));
    let mut client = server.login().await;
    let victim = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = victim.local_addr().unwrap().port();
    let [high, low] = port.to_be_bytes();
    for command in [format!("PORT 127,0,0,2,{high},{low}"), format!("EPRT |1|127.0.0.2|{port}|")] {
        assert_eq!(client.say(&command).await, "501 a foreign address is not connected to\r\n");
    }
    assert_eq!(client.codes(["PORT 127,0,0,1,0,25", "EPRT |1|127.0.0.1|80|"]).await, [501, 501]);
    // And nothing was left behind that a transfer would use.
    assert_eq!(client.code("RETR a").await, 425);
    assert!(tokio::time::timeout(Duration::from_millis(50), victim.accept()).await.is_err());
}

#[tokio::test]
async fn nothing_is_dialled_before_a_transfer() {
    let options = Options { active: true, ..options() };
    let server = serve(Ftp::new(area(&Memory::new())).with(options));
    let mut client = server.login().await;
    let own = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = own.local_addr().unwrap().port();
    assert_eq!(client.codes([&*format!("EPRT |1|127.0.0.1|{port}|"), "RETR none"]).await, [200, 550]);
    assert!(tokio::time::timeout(Duration::from_millis(50), own.accept()).await.is_err());
}

#[tokio::test]
async fn two_sessions_have_a_port_each() {
    let server = serve(Ftp::new(area(&Memory::new().with("/a", "A").with("/b", "B"))).with(options()));
    let (mut one, mut two) = (server.login().await, server.login().await);
    let (first, second) = (one.passive().await, two.passive().await);
    assert_eq!((one.code("RETR a").await, two.code("RETR b").await), (150, 150));
    assert_eq!(super::client::all(second).await, b"B");
    assert_eq!(super::client::all(first).await, b"A");
}

#[tokio::test]
async fn globs_and_flags_mean_nothing_and_no_path_leaves_the_root() {
    let memory = Memory::new().with("/a", "").with("/d/e/f", "").with("/etc/passwd", "ours");
    let server = serve(Ftp::new(area(&memory)).with(options()));
    let mut client = server.login().await;
    assert!(!client.fetch("LIST -laR /").await.contains(" e\r\n"));
    for glob in ["NLST *", "NLST *{*{*", "LIST a*", "NLST ~root", "LIST [a]"] {
        let _data = client.passive().await;
        assert_eq!(client.code(glob).await, 550, "{glob}");
    }
    for path in ["../../../etc/passwd", "//etc//passwd", "/d/../../etc/passwd"] {
        assert_eq!(client.fetch(&format!("RETR {path}")).await, "ours");
    }
    let _data = client.passive().await;
    assert_eq!(client.code("RETR %2e%2e/etc/passwd").await, 550);
}

#[tokio::test]
async fn no_name_makes_a_line_of_its_own() {
    let name = b"/x\r\n226 done\r\n\x1b[2J\"";
    let memory = Memory::new();
    memory.put(&VPath::parse(name, &VPath::ROOT, DotDot::Refuse).unwrap(), "").unwrap();
    let server = serve(Ftp::new(area(&memory)).with(options()));
    let mut client = server.login().await;
    for listing in ["LIST", "NLST", "MLSD"] {
        assert_eq!(client.fetch(listing).await.lines().count(), 1, "{listing}");
    }
    let status = client.say("STAT /").await;
    assert_eq!(status.lines().count(), 3, "{status}");
    assert!(!status.contains('\x1b'));
    assert_eq!(client.code("NOOP").await, 200);
}

#[tokio::test]
async fn a_wrong_user_and_a_wrong_password_are_one_answer() {
    let server = serve(Ftp::new(area(&Memory::new())).with(options()));
    let mut client = server.connect().await;
    let mut answers = Vec::new();
    for user in ["ann", "nobody"] {
        let name = client.say(&format!("USER {user}")).await;
        answers.push((name, client.say("PASS wrong").await));
    }
    answers.dedup();
    assert_eq!(answers, [("331 password, please\r\n".to_owned(), "530 login refused\r\n".to_owned())]);
    assert_eq!(client.codes(["USER anonymous", "PASS wrong"]).await, [331, 530]);
    assert_eq!(client.reply().await, "");
}
