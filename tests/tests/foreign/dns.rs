//! NSD, Knot and BIND as processes of a test: what is the same in all their configurations.
//!
//! Tests of several crates have this module, beside [`foreign`](super::foreign).

use std::fs;
use std::path::Path;

use super::foreign::Running;

/// A server of others. In its texts `@DIR` is the folder of the test, `@PORT` the port of the loopback that it answers at, and `@MORE`
/// stands where options can be added. It knows the key `rope-key`.
pub(crate) struct Server {
    name: &'static str,
    pub(crate) program: &'static str,
    args: &'static [&'static str],
    config: &'static str,
}

const SERVERS: [Server; 3] = [
    Server {
        name: "nsd",
        program: "/usr/sbin/nsd",
        args: &["-d", "-c", "@DIR/config"],
        config: "server:
  ip-address: 127.0.0.1@@PORT
  server-count: 1
  username: \"\"
  zonesdir: \"@DIR\"
  database: \"\"
  pidfile: \"@DIR/pid\"
  xfrdfile: \"@DIR/xfrd.state\"
  zonelistfile: \"@DIR/zone.list\"
  xfrdir: \"@DIR\"
  rrl-ratelimit: 0
@MORE
remote-control:
  control-enable: no
key:
  name: rope-key
  algorithm: hmac-sha256
  secret: \"cm9wZXdhbGsga2V5IGZvciB0ZXN0cyBvbmx5ISEhISE=\"
",
    },
    Server {
        name: "knot",
        program: "/usr/sbin/knotd",
        args: &["-c", "@DIR/config"],
        config: "server:
  listen: 127.0.0.1@@PORT
  rundir: @DIR
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
@MORE
database:
  storage: @DIR
log:
- target: stderr
  any: info
key:
- id: rope-key
  algorithm: hmac-sha256
  secret: cm9wZXdhbGsga2V5IGZvciB0ZXN0cyBvbmx5ISEhISE=
",
    },
    Server {
        name: "named",
        program: "/usr/sbin/named",
        args: &["-g", "-n", "1", "-c", "@DIR/config"],
        config: "options {
  directory \"@DIR\"; pid-file \"@DIR/pid\"; session-keyfile \"@DIR/session\"; managed-keys-directory \"@DIR\";
  listen-on port @PORT { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; empty-zones-enable no;
@MORE
};
controls { };
key rope-key { algorithm hmac-sha256; secret \"cm9wZXdhbGsga2V5IGZvciB0ZXN0cyBvbmx5ISEhISE=\"; };
",
    },
];

/// The server `nsd`, `knot` or `named`.
pub(crate) fn server(name: &str) -> &'static Server {
    SERVERS.iter().find(|server| server.name == name).unwrap()
}

impl Server {
    /// Starts it with these options and what stands behind them, such as zones; in both, what `put` names is replaced too. What it says is in the
    /// file `output` of the folder.
    pub(crate) fn start(
        &self,
        dir: &Path,
        port: u16,
        more: &str,
        rest: &str,
        put: &[(&str, &str)],
    ) -> Running {
        let placed = |text: &str| {
            let text = put.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
            text.replace("@DIR", dir.to_str().unwrap()).replace("@PORT", &port.to_string())
        };
        let config = placed(&(self.config.replace("@MORE\n", more) + rest));
        fs::write(dir.join("config"), config).unwrap();
        Running::start(self.program, self.args.iter().map(|arg| placed(arg)), &dir.join("output"))
    }
}
