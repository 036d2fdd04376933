//! Servers of others, set up to serve the suite's files.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ropewalk_conformance::{Need, Subject};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How a server is set up.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// What it is known to fail.
    pub(crate) expectations: &'static str,
    program: &'static str,
    /// Its configuration, in which `@DIR` is the directory of the suite's files and `@PORT` the port.
    config: &'static str,
    /// Other files beside the configuration.
    files: &'static [(&'static str, &'static str)],
    /// Its command line, with the same places.
    args: &'static [&'static str],
    has: &'static [Need],
}

const HTPASSWD: (&str, &str) = ("users", "rope:$apr1$ropewalk$oxiNXzUhUS0k2gx/wi/EG0\n");

pub(crate) const NGINX: Peer = Peer {
    name: "nginx",
    expectations: include_str!("../../expectations/nginx.toml"),
    program: "nginx",
    config: "daemon off; master_process off; pid @DIR/pid; error_log @DIR/error.log;
events { worker_connections 256; }
http {
  access_log off; sendfile on; types { text/html html; text/plain txt; }
  client_body_temp_path @DIR/body; proxy_temp_path @DIR/proxy; fastcgi_temp_path @DIR/fastcgi;
  uwsgi_temp_path @DIR/uwsgi; scgi_temp_path @DIR/scgi;
  client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; max_ranges 16;
  gzip_types text/plain; gzip_vary on; gzip_http_version 1.0; add_header Cache-Control max-age=60;
  server {
    listen 127.0.0.1:@PORT; root @DIR/root;
    location /login/ { auth_basic rope; auth_basic_user_file @DIR/users; }
    location = /coded.txt { gzip on; }
  }
}
",
    files: &[HTPASSWD],
    args: &["-p", "@DIR", "-c", "@DIR/config"],
    has: &[Need::ShortTimeouts, Need::Login, Need::Coded],
};

pub(crate) const CADDY: Peer = Peer {
    name: "caddy",
    expectations: include_str!("../../expectations/caddy.toml"),
    program: "caddy",
    config: "{
  admin off
  auto_https off
  servers {
    timeouts {
      read_header 1s
      read_body 1s
      idle 1s
    }
  }
}
http://:@PORT {
  bind 127.0.0.1
  root * @DIR/root
  header Cache-Control max-age=60
  encode /coded.txt gzip
  handle /echo {
    header X-Echo {header.X-Echo}
    respond {http.request.body}
  }
  handle {
    file_server browse
  }
}
",
    files: &[],
    args: &["run", "--adapter", "caddyfile", "--config", "@DIR/config"],
    has: &[Need::ShortTimeouts, Need::Coded, Need::Echo],
};

pub(crate) const APACHE: Peer = Peer {
    name: "apache",
    expectations: include_str!("../../expectations/apache.toml"),
    program: "/usr/sbin/apache2",
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
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule autoindex_module /usr/lib/apache2/modules/mod_autoindex.so
LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so
LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
LoadModule dav_module /usr/lib/apache2/modules/mod_dav.so
LoadModule dav_fs_module /usr/lib/apache2/modules/mod_dav_fs.so
LoadModule reqtimeout_module /usr/lib/apache2/modules/mod_reqtimeout.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule cgid_module /usr/lib/apache2/modules/mod_cgid.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
ScriptSock @DIR/cgid.sock
TypesConfig /dev/null
AddType text/plain .txt
AddType text/html .html
DocumentRoot @DIR/root
KeepAliveTimeout 1
Timeout 1
MaxKeepAliveRequests 0
RequestReadTimeout header=1 body=1
Header set Cache-Control max-age=60
DavLockDB @DIR/davlock
ScriptAlias /echo @DIR/echo.sh
<Directory @DIR>
  Require all granted
  Options +Indexes
</Directory>
<Location /login>
  AuthType Basic
  AuthName rope
  AuthUserFile @DIR/users
  Require valid-user
</Location>
<Location /coded.txt>
  SetOutputFilter DEFLATE
</Location>
<Location /store>
  Dav On
</Location>
",
    files: &[
        HTPASSWD,
        (
            "echo.sh",
            "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n'\n\
             [ -n \"$HTTP_X_ECHO\" ] && printf 'X-Echo: %s\\r\\n' \"$HTTP_X_ECHO\"\nprintf '\\r\\n'\ncat\n",
        ),
    ],
    args: &["-D", "FOREGROUND", "-f", "@DIR/config"],
    has: &[Need::ShortTimeouts, Need::Login, Need::Coded, Need::Put, Need::Echo],
};

pub(crate) const H2O: Peer = Peer {
    name: "h2o",
    expectations: include_str!("../../expectations/h2o.toml"),
    program: "h2o",
    config: "num-threads: 1
http1-request-timeout: 1
error-log: @DIR/error.log
pid-file: @DIR/pid
hosts:
  conform.test:
    listen:
      host: 127.0.0.1
      port: @PORT
    paths:
      /:
        file.dir: @DIR/root
        file.dirlisting: ON
        compress: [ gzip ]
        header.add: \"Cache-Control: max-age=60\"
",
    files: &[],
    args: &["-c", "@DIR/config"],
    has: &[Need::ShortTimeouts, Need::Coded],
};

pub(crate) const ALL: &[Peer] = &[NGINX, CADDY, APACHE, H2O];

impl Peer {
    pub(crate) fn is_installed(&self) -> bool {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).chain(["/usr/sbin".into()]).any(|dir| dir.join(self.program).is_file())
    }

    /// Starts it with the suite's files in `dir`, and waits until it listens.
    pub(crate) async fn start(&self, dir: &Path) -> Running {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let placed =
            |text: &str| text.replace("@DIR", dir.to_str().unwrap()).replace("@PORT", &port.to_string());
        for (name, text) in [("config", self.config)].iter().chain(self.files) {
            fs::write(dir.join(name), placed(text)).unwrap();
        }
        fs::create_dir(dir.join("root/store")).unwrap();
        open(dir);
        let mut command = Command::new(self.program);
        command.args(self.args.iter().map(|arg| placed(arg))).env("HOME", dir);
        let log = fs::File::create(dir.join("output")).unwrap();
        command.stdout(Stdio::null()).stderr(log);
        let running = Running { child: command.spawn().unwrap(), port, name: self.name, has: self.has };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return running;
            }
            sleep(Duration::from_millis(50)).await;
        }
        let said = ["output", "error.log"].map(|name| fs::read_to_string(dir.join(name)).unwrap_or_default());
        panic!("{} does not listen: {}", self.name, said.concat());
    }
}

/// Makes everything readable and writable: a server may serve as another user than the one that started it.
fn open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            open(&entry.unwrap().path());
        }
    }
}

/// A server of others, ended with the test.
pub(crate) struct Running {
    child: Child,
    port: u16,
    name: &'static str,
    has: &'static [Need],
}

impl Running {
    pub(crate) fn subject(&self) -> Subject {
        let subject = Subject::at(&format!("127.0.0.1:{}", self.port)).unwrap().named(self.name);
        self.has.iter().fold(subject, |subject, need| subject.with(*need))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Apache has children of its own, which a kill of the first would leave.
        let _ended = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ended = self.child.wait();
    }
}
