//! The cases against nginx: one that only our server passes is a case to doubt.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its peer has failed")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ropewalk_conformance::{Expectations, Need, Options, Subject, http, suite};

#[tokio::test]
async fn nginx_fails_what_it_is_known_to_fail_and_nothing_else() {
    if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|it| it != "1"), "missing peer: nginx");
        println!("missing peer: nginx");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    http::fixture::write(dir.path()).unwrap();
    let server = Nginx::start(dir.path()).await;
    let subject =
        Subject::at(&format!("127.0.0.1:{}", server.port)).unwrap().named("nginx").with(Need::ShortTimeouts);
    let known = Expectations::parse(include_str!("../expectations/nginx.toml")).unwrap();
    let report = suite("http").unwrap().run(&subject, &Options::default().at_once(4)).await.judged_by(&known);
    println!("{}", report.text());
    let unknown = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((unknown, report.exit_code()), (0, 0), "{}", report.text());
}

/// An nginx of its own, on a free port of the loopback, ended with the test.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    async fn start(dir: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = dir.display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;
             events {{ worker_connections 256; }}
             http {{
               access_log off; sendfile on; types {{ text/html html; text/plain txt; }}
               client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
               uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
               client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; max_ranges 16;
               server {{ listen 127.0.0.1:{port}; root {at}/root; }}
             }}"
        );
        fs::write(dir.join("nginx.conf"), config).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf")).stderr(Stdio::null());
        let server = Self { child: nginx.spawn().unwrap(), port };
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nginx does not listen: {}", fs::read_to_string(dir.join("error.log")).unwrap_or_default());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
