//! `ropewalk dig`, from a server that says what a test wants, and from BIND over everything that it speaks.

use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::daemon::{Daemon, Done, Folder, free_port, run};

/// Makes a reply to a question.
type Reply = fn(&[u8]) -> Vec<u8>;

/// A server over UDP that makes these replies, one for each request.
fn server(replies: Vec<Reply>) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::spawn(move || {
        for reply in replies {
            let mut room = [0; 1500];
            let (length, peer) = socket.recv_from(&mut room).unwrap();
            socket.send_to(&reply(&room[..length]), peer).unwrap();
        }
    });
    port.to_string()
}

/// The request as a reply with this code, and these records of the answer section.
fn reply(request: &[u8], rcode: u8, count: u8, records: &[u8]) -> Vec<u8> {
    let end = 12 + request[12..].iter().position(|octet| *octet == 0).unwrap() + 5;
    let mut out = request[..end].to_vec();
    out[2] |= 0x84;
    out[3] = 0x80 | rcode;
    out[6..12].copy_from_slice(&[0, count, 0, 0, 0, 0]);
    out.extend_from_slice(records);
    out
}

fn two(request: &[u8]) -> Vec<u8> {
    let text =
        b"\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x05\x04a\x1b\"b\xc0\x0c\xff\0\0\x01\0\0\0\x3c\0\x02\xab\xcd";
    reply(request, 0, 2, text)
}

fn dig(port: &str, words: &[&str]) -> Done {
    run(["dig", "@127.0.0.1", "-p", port].iter().chain(words))
}

#[test]
fn an_answer_is_printed_as_sections() {
    let port = server(vec![two, two]);
    let said = dig(&port, &["a.example", "TXT"]);
    said.says(0, &[
        ";; status: NOERROR, opcode: QUERY, id: ",
        ";; flags: qr aa rd ra; question: 1, answer: 2, authority: 0, additional: 0\n",
        "\n;; QUESTION\n;a.example.\tIN\tTXT\n",
        "\n;; ANSWER\na.example.\t60\tIN\tTXT\t\"a\\027\\\"b\"\na.example.\t60\tIN\tTYPE65280\t\\# 2 abcd\n",
        &format!("octets from 127.0.0.1:{port} over UDP in "),
    ]);
    let said = dig(&port, &["a.example", "TXT", "+short"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "\"a\\027\\\"b\"\n\\# 2 abcd\n"));
}

#[test]
fn an_answer_is_printed_as_json() {
    let port = server(vec![two]);
    let said = dig(&port, &["a.example", "TXT", "--json"]);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    let message = &json["responseMessage"];
    assert_eq!((&json["version"], &json["transport"]), (&1.into(), &"UDP".into()));
    assert_eq!((&message["QNAME"], &message["QTYPEname"]), (&"a.example.".into(), &"TXT".into()));
    assert_eq!((&message["AA"], &message["TC"], &message["ANCOUNT"]), (&1.into(), &0.into(), &2.into()));
    let record = &message["answerRRs"][0];
    assert_eq!((&record["TTL"], &record["RDATAHEX"]), (&60.into(), &"04611B2262".into()));
    assert_eq!(record["rdataTXT"], "\"a\\027\\\"b\"");
}

#[test]
fn a_code_that_is_an_error_and_silence_have_their_exit_codes() {
    let port =
        server(vec![|request| reply(request, 3, 0, &[]), |request| reply(request, 3, 0, &[]), |request| {
            reply(request, 5, 0, &[])
        }]);
    dig(&port, &["a.example"]).says(1, &[";; status: NXDOMAIN"]);
    let said = dig(&port, &["a.example", "+short"]);
    said.says(1, &["error: the server answers NXDOMAIN"]);
    assert_eq!(said.out, "");
    dig(&port, &["a.example"]).says(1, &[";; status: REFUSED"]);

    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    dig(&port, &["a.example", "--timeout", "0.05"]).says(75, &["no answer within 0.05 s"]);
    let nobody = free_port().to_string();
    dig(&nobody, &["a.example", "+tcp"]).says(69, &["no answer: nobody answers"]);
    dig(&nobody, &["a..example"]).says(2, &["is no name"]);
    dig(&nobody, &["a.example", "+bogus"]).says(2, &["+bogus is unknown"]);
}

#[test]
fn addresses_are_asked_for_by_their_names() {
    let port = server(vec![|request| reply(request, 0, 0, &[])]);
    dig(&port, &["-x", "192.0.2.10"]).says(0, &[";10.2.0.192.in-addr.arpa.\tIN\tPTR\n"]);
}

/// BIND, with the zone `example.org`: plain, over TLS, and over HTTPS.
struct Named {
    _daemon: Daemon,
    _folder: Folder,
    plain: String,
    tls: String,
    https: String,
    cert: String,
}

impl Named {
    /// `None` where it is not installed; in CI it must be.
    fn start() -> Option<Self> {
        let found =
            Command::new("named").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
        assert!(found || !required, "missing peer: named");
        if !found {
            println!("missing peer: named");
            return None;
        }
        let folder = Folder::new();
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let cert = cert.to_str().unwrap().to_owned();
        run(["cert", "self-signed", "--cert", &cert, "--key", key.to_str().unwrap()]).says(0, &[]);
        let [plain, tls, https] = [(); 3].map(|()| free_port().to_string());
        folder.write("zone", include_str!("dig.zone"));
        let conf = format!(
            "tls local {{ cert-file \"cert.pem\"; key-file \"key.pem\"; }};\n\
             options {{ directory \"{}\"; pid-file none; session-keyfile \"session.key\"; recursion no;\n\
             allow-transfer {{ any; }}; listen-on-v6 {{ none; }};\n\
             listen-on port {plain} {{ 127.0.0.1; }};\n\
             listen-on port {tls} tls local {{ 127.0.0.1; }};\n\
             listen-on port {https} tls local http default {{ 127.0.0.1; }}; }};\n\
             controls {{ }};\n\
             zone \"example.org\" {{ type primary; file \"zone\"; }};\n",
            folder.path().display()
        );
        folder.write("named.conf", &conf);
        let mut command = Command::new("named");
        command.args(["-g", "-n", "1", "-c"]).arg(folder.join("named.conf")).stdout(Stdio::null());
        let daemon = Daemon::begin(&mut command);
        daemon.wait_for("running");
        Some(Self { _daemon: daemon, _folder: folder, plain, tls, https, cert })
    }
}

#[test]
fn bind_is_asked_over_all_that_it_speaks() {
    let Some(named) = Named::start() else { return };
    let (plain, tls, https, cert) = (&named.plain, &named.tls, &named.https, &named.cert);
    for (port, how, over) in
        [(plain, "+notcp", "UDP"), (plain, "+tcp", "TCP"), (tls, "+tls", "TLS"), (https, "+https", "HTTPS")]
    {
        let words = ["www.example.org", "A", how, "--cacert", cert.as_str(), "--tls-name", "localhost"];
        dig(port, &words).says(
            0,
            &[
                "\n;; ANSWER\nwww.example.org.\t300\tIN\tA\t192.0.2.1\n",
                ";; status: NOERROR",
                &format!(" over {over} in "),
            ],
        );
        // Many records, which do not fit into a datagram.
        let said = dig(port, &["many.example.org", "TXT", "+short", how, "-k"]);
        assert_eq!((said.code, said.out.lines().count()), (Some(0), 40), "{said:#?}");
    }
    dig(plain, &["many.example.org", "TXT"]).says(0, &[" over TCP in "]);
    dig(plain, &["many.example.org", "TXT", "+ignore"]).says(0, &["flags: qr aa tc rd"]);
    dig(plain, &["none.example.org", "MX"])
        .says(1, &["NXDOMAIN", "\n;; AUTHORITY\nexample.org.\t300\tIN\tSOA\t"]);
    dig(plain, &["example.net"]).says(1, &["REFUSED"]);
    dig(plain, &["version.bind", "CH", "TXT", "+short"]).says(0, &["\"9."]);
    // Nobody is believed who is not known.
    dig(tls, &["www.example.org", "+tls", "--cacert", cert, "--tls-name", "other.example"])
        .says(1, &["error: ", "no answer"]);
    dig(tls, &["www.example.org", "+tls", "--tls-name", "localhost"]).says(1, &["error: "]);
}

#[test]
fn a_zone_of_bind_is_transferred() {
    let Some(named) = Named::start() else { return };
    for (port, how) in [(&named.plain, "+tcp"), (&named.tls, "+tls")] {
        let said = dig(port, &["example.org", "AXFR", how, "-k"]);
        let records: Vec<_> = said.out.lines().filter(|line| !line.starts_with(';')).collect();
        assert_eq!((said.code, records.len()), (Some(0), 45), "{said:#?}");
        assert!(records[0].contains("\tSOA\t") && records[0] == records[44]);
        assert!(records.contains(&"www.example.org.\t300\tIN\tA\t192.0.2.1"));
    }
    let said = dig(&named.plain, &["example.org", "AXFR", "--json"]);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["answerRRs"].as_array().unwrap().len(), 45);
    dig(&named.plain, &["example.net", "AXFR"]).says(1, &["the server answers "]);
}
