//! The cases of WebDAV against servers of others: one that only our server passes is a case to doubt.
//!
//! Each server runs with an empty folder on a port of the loopback, and fails what its file in `expectations/` says, and
//! nothing else. A server that is not installed is left out, unless `ROPEWALK_REQUIRE_PEERS` is 1.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its peer has failed")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ropewalk_conformance::{Expectations, Options, Subject, suite, webdav};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How a server is set up.
struct Peer {
    name: &'static str,
    /// What it is known to fail.
    expectations: &'static str,
    /// The files that have to be there: from the root, or below `target/peers` of the workspace. The first is run.
    programs: &'static [&'static str],
    /// Its configuration, in which `@DIR` is a directory with the folder `root` to serve, and `@PORT` the port.
    config: &'static str,
    /// Its command line, with the same places.
    args: &'static [&'static str],
    /// How many cases it is tried on at the same time.
    at_once: usize,
}

const APACHE: Peer = Peer {
    name: "apache",
    expectations: include_str!("../expectations/apache.toml"),
    programs: &["/usr/sbin/apache2"],
    config: "ServerRoot @DIR
ServerName conform.test
AcceptFilter http none
Listen 127.0.0.1:@PORT
PidFile @DIR/pid
ErrorLog @DIR/error.log
DefaultRuntimeDir @DIR
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authn_file_module /usr/lib/apache2/modules/mod_authn_file.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule auth_basic_module /usr/lib/apache2/modules/mod_auth_basic.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
LoadModule dav_module /usr/lib/apache2/modules/mod_dav.so
LoadModule dav_fs_module /usr/lib/apache2/modules/mod_dav_fs.so
TypesConfig /dev/null
AddType text/plain .txt
DocumentRoot @DIR/root
DavLockDB @DIR/davlock
<Directory @DIR/root>
  Dav On
  AuthType Basic
  AuthName rope
  AuthUserFile @DIR/users
  Require valid-user
</Directory>
",
    args: &["-D", "FOREGROUND", "-f", "@DIR/config"],
    // Its locks get lost where several are taken at once.
    at_once: 1,
};

const NGINX: Peer = Peer {
    name: "nginx",
    expectations: include_str!("../expectations/nginx.toml"),
    programs: &["/usr/sbin/nginx", "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"],
    config: "load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
daemon off; master_process off; pid @DIR/pid; error_log @DIR/error.log;
events { worker_connections 256; }
http {
  access_log off; types { text/plain txt; } dav_ext_lock_zone zone=locks:1m;
  client_body_temp_path @DIR/body; proxy_temp_path @DIR/proxy; fastcgi_temp_path @DIR/fastcgi;
  uwsgi_temp_path @DIR/uwsgi; scgi_temp_path @DIR/scgi; client_max_body_size 8m;
  server {
    listen 127.0.0.1:@PORT; root @DIR/root;
    auth_basic rope; auth_basic_user_file @DIR/users;
    dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK; dav_ext_lock zone=locks;
  }
}
",
    args: &["-p", "@DIR", "-c", "@DIR/config"],
    // Its one process answers nobody while it copies a folder into itself.
    at_once: 1,
};

const WSGIDAV: Peer = Peer {
    name: "wsgidav",
    expectations: include_str!("../expectations/wsgidav.toml"),
    programs: &["bin/wsgidav"],
    config: "host: 127.0.0.1
port: @PORT
provider_mapping: {'/': '@DIR/root'}
property_manager: true
lock_storage: true
http_authenticator: {accept_basic: true, accept_digest: false, default_to_digest: false}
simple_dc:
  user_mapping: {'*': {rope: {password: strand}, yarn: {password: fibre}}}
",
    args: &["--config", "@DIR/config.yaml"],
    at_once: 4,
};

const USERS: &str =
    "rope:$apr1$ropewalk$oxiNXzUhUS0k2gx/wi/EG0\nyarn:$apr1$ropewalk$LonlzClcea9M9W/RcFwMi/\n";

impl Peer {
    fn program(&self) -> Option<PathBuf> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
        let paths: Vec<_> = self.programs.iter().map(|program| peers.join(program)).collect();
        paths.iter().all(|path| path.is_file()).then(|| paths.first().cloned()).flatten()
    }

    /// Starts it with an empty folder, and waits until it listens.
    async fn start(&self, program: &Path, dir: &Path) -> Running {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let placed =
            |text: &str| text.replace("@DIR", dir.to_str().unwrap()).replace("@PORT", &port.to_string());
        fs::create_dir(dir.join("root")).unwrap();
        for (name, text) in [("config", self.config), ("config.yaml", self.config), ("users", USERS)] {
            fs::write(dir.join(name), placed(text)).unwrap();
        }
        // A server may serve as another user than the one that started it.
        for open in [dir, &dir.join("root")] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let log = fs::File::create(dir.join("output")).unwrap();
        let mut command = Command::new(program);
        command.args(self.args.iter().map(|arg| placed(arg))).env("HOME", dir).stdin(Stdio::null());
        let running = Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap(), port);
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return running;
            }
            sleep(Duration::from_millis(50)).await;
        }
        let said = ["output", "error.log"].map(|name| fs::read_to_string(dir.join(name)).unwrap_or_default());
        panic!("{} does not listen: {}", self.name, said.concat());
    }
}

/// A server of others, ended with the test.
struct Running(Child, u16);

impl Drop for Running {
    fn drop(&mut self) {
        // Apache has children of its own, which a kill of the first would leave.
        let _ended = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ended = self.0.wait();
    }
}

async fn fails_what_is_known(peer: &Peer) {
    let Some(program) = peer.program() else {
        let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
        assert!(!required, "missing peer: {}", peer.name);
        println!("missing peer: {}", peer.name);
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let running = peer.start(&program, dir.path()).await;
    let ((name, password), (other, others)) = (webdav::USER, webdav::OTHER);
    let subject = Subject::at(&format!("127.0.0.1:{}", running.1)).unwrap().named(peer.name);
    let subject = subject.user(name, password).other(other, others);
    let known = Expectations::parse(peer.expectations).unwrap();
    let options = Options::default()
        .at_once(peer.at_once)
        .patience(Duration::from_secs(40))
        .deadline(Duration::from_secs(120));
    let report = suite("webdav").unwrap().run(&subject, &options).await.judged_by(&known);
    println!("{}", report.text());
    let unknown = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((unknown, report.exit_code()), (0, 0), "{}", report.text());
}

#[tokio::test]
async fn apache_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&APACHE).await;
}

#[tokio::test]
async fn nginx_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&NGINX).await;
}

#[tokio::test]
async fn wsgidav_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&WSGIDAV).await;
}
