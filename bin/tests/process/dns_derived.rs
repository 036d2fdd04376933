//! Records that are made of the services that run: as they are asked for, and what becomes of them when those change.

use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, Folder, done, ropewalk, until};
use crate::ftp::is_there;

/// A zone of a file, which says itself that there is no FTP and where the host is.
const ZONE: &str = "$ORIGIN file.test.\n$TTL 300\n@ SOA ns hostmaster 1 2h 30m 2w 300\n@ NS ns\nns A 192.0.2.1\n\
                    @ A 192.0.2.1\n_ftp._tcp SRV 0 0 0 .\n";
const FTP: &str =
    "[[service]]\nkind = \"ftp\"\nanonymous = \"main\"\nlisten = [\"tcp:0:interface=127.0.0.1\"]\n";

/// A server of names, of files over HTTP and over FTP.
struct Names {
    folder: Folder,
    server: Daemon,
    /// DNS over UDP; HTTP; HTTPS; FTP.
    ports: [u16; 4],
}

impl Names {
    fn new() -> Self {
        let folder = Folder::with(&format!(
            "[files.main]\npath = \"site\"\n[zones.main]\nzone = [\n\
             {{ origin = \"box.test\", derived = {{ host = \"ns.box.test\", addresses = [\"127.0.0.1\"] }} }},\n\
             {{ file = \"zone\", derived = {{ addresses = [\"127.0.0.1\"] }} }}]\n\
             [[service]]\nkind = \"dns\"\nzones = \"main\"\nlisten = [\"udp:0:interface=127.0.0.1\"]\n\
             [[service]]\nkind = \"http\"\nfiles = \"main\"\nlisten = [\"tcp:0:interface=127.0.0.1\", \
             \"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\"]\n{FTP}"
        ));
        fs::create_dir(folder.join("site")).unwrap();
        folder.write("zone", ZONE);
        certificate(&folder);
        let server = Daemon::of(&mut folder.command(&[]));
        let [dns, http, https, ftp] = server.addresses()[..] else { panic!("{}", server.log()) };
        Self { ports: [dns, http, https, ftp].map(|at| at.port()), folder, server }
    }

    /// What our client says that this name has.
    #[track_caller]
    fn ask(&self, name: &str, rtype: &str) -> String {
        let port = self.ports[0].to_string();
        done(&mut ropewalk(["dig", "@127.0.0.1", "-p", &port, name, rtype, "+short"])).out.to_lowercase()
    }

    /// The code of the reply to an update that adds an address to a name of `box.test`.
    fn update(&self, name: &str) -> u8 {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(("127.0.0.1", self.ports[0])).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut request = b"\0\x07\x28\0\0\x01\0\0\0\x01\0\0\x03box\x04test\0\0\x06\0\x01".to_vec();
        request.push(name.len() as u8);
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x09");
        client.send(&request).unwrap();
        let mut reply = [0; 512];
        client.recv(&mut reply).unwrap();
        assert_eq!((reply[1], reply[2] & 0xf8), (7, 0xa8));
        reply[3] & 15
    }
}

/// A new certificate, of a new key.
fn certificate(folder: &Folder) {
    let args = ["cert", "self-signed", "--name", "127.0.0.1", "--cert", "new.pem", "--key", "new.key"];
    done(ropewalk(args).current_dir(folder.path())).says(0, &[]);
    fs::rename(folder.join("new.key"), folder.join("key.pem")).unwrap();
    fs::rename(folder.join("new.pem"), folder.join("cert.pem")).unwrap();
}

#[test]
fn names_follow_the_services_that_run() {
    let names = Names::new();
    let [dns, http, https, ftp] = names.ports;
    until("the services are known", || !names.ask("_ftp._tcp.box.test", "SRV").is_empty());
    assert_eq!(names.ask("ns.box.test", "A"), "127.0.0.1\n");
    assert_eq!(names.ask("box.test", "NS"), "ns.box.test.\n");
    for (service, port) in
        [("_domain._udp", dns), ("_http._tcp", http), ("_https._tcp", https), ("_ftp._tcp", ftp)]
    {
        let said = names.ask(&format!("{service}.box.test"), "SRV");
        assert_eq!(said, format!("0 0 {port} ns.box.test.\n"), "{service}");
    }
    let said = names.ask(&format!("_{https}._https.ns.box.test"), "HTTPS");
    assert!(said.starts_with("1 ns.box.test. alpn=") && said.contains("h2"), "{said}");
    assert_eq!(names.ask("_ftps._tcp.box.test", "SRV"), "", "there is none");

    // What the file says wins; what it does not say is made.
    assert_eq!(names.ask("_ftp._tcp.file.test", "SRV"), "0 0 0 .\n");
    assert_eq!(names.ask("file.test", "A"), "192.0.2.1\n");
    assert_eq!(names.ask("_http._tcp.file.test", "SRV"), format!("0 0 {http} file.test.\n"));

    // Nobody else changes it.
    assert_eq!([names.update("ns"), names.update("other")], [5, 5]);
    assert_eq!(names.ask("ns.box.test", "A"), "127.0.0.1\n");

    // A service that is gone leaves no names behind.
    let config = names.folder.read("ropewalk.toml");
    let before = serial(&names);
    names.folder.write("ropewalk.toml", &config.replace(FTP, ""));
    names.server.signal(Signal::SIGHUP);
    until("there is no FTP", || names.ask("_ftp._tcp.box.test", "SRV").is_empty());
    assert_eq!(names.ask("_http._tcp.box.test", "SRV"), format!("0 0 {http} ns.box.test.\n"));
    assert!(serial(&names) > before);
}

#[test]
fn a_renewed_certificate_is_told() {
    let names = Names::new();
    let name = format!("_{}._tcp.ns.box.test", names.ports[2]);
    until("the certificate is known", || names.ask(&name, "TLSA").starts_with("3 1 1 "));
    let (first, before) = (names.ask(&name, "TLSA"), serial(&names));
    assert_eq!(digest(&names.folder).unwrap_or_else(|| key(&first)), key(&first));
    certificate(&names.folder);
    until("the new certificate is told", || {
        let said = names.ask(&name, "TLSA");
        !said.is_empty() && said != first
    });
    let second = names.ask(&name, "TLSA");
    assert_eq!(second.lines().count(), 1, "{second}");
    assert_eq!(digest(&names.folder).unwrap_or_else(|| key(&second)), key(&second));
    assert!(serial(&names) > before);
}

fn serial(names: &Names) -> u32 {
    let soa = names.ask("box.test", "SOA");
    soa.split_whitespace().nth(2).and_then(|serial| serial.parse().ok()).unwrap_or_else(|| panic!("{soa:?}"))
}

/// The digits of a TLSA record.
fn key(tlsa: &str) -> String {
    tlsa.trim_start_matches("3 1 1 ").split_whitespace().collect()
}

/// What OpenSSL says that the SHA-256 of the public key is, if it is there.
fn digest(folder: &Folder) -> Option<String> {
    let script = "openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -r";
    is_there("openssl").then(|| {
        let said = done(Command::new("sh").args(["-c", script]).current_dir(folder.path())).out;
        said.split_whitespace().next().unwrap().to_owned()
    })
}

#[test]
fn names_that_are_asked_over_https_alone_follow_too() {
    let folder = Folder::with(
        "[zones.main]\nzone = [{ origin = \"box.test\", derived = { addresses = [\"127.0.0.1\"] } }]\n\
         [[service]]\nkind = \"http\"\ndns = \"main\"\nlisten = [\"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\"]\n",
    );
    certificate(&folder);
    let server = Daemon::of(&mut folder.command(&[]));
    let port = server.port().to_string();
    let args = [
        "dig",
        "@127.0.0.1",
        "-p",
        &port,
        "+https",
        "--cacert",
        "cert.pem",
        "_https._tcp.box.test",
        "SRV",
        "+short",
    ];
    let ask = || done(ropewalk(args).current_dir(folder.path()));
    until("the service is known", || !ask().out.is_empty());
    assert_eq!(ask().out, format!("0 0 {port} box.test.\n"));
}
