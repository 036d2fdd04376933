//! The cases of FTP against servers of others: one that only our server passes is a case to doubt.
//!
//! Each server runs with the suite's files on a port of the loopback, and fails what its file in `expectations/` says,
//! and nothing else. A server that is not installed is left out, unless `ROPEWALK_REQUIRE_PEERS` is 1.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its peer has failed")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ropewalk_conformance::ftp::fixture;
use ropewalk_conformance::{Expectations, Need, Options, Subject, suite};
use ropewalk_core::tls::self_signed;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How a server is set up.
struct Peer {
    name: &'static str,
    /// What it is known to fail.
    expectations: &'static str,
    /// Where it may be: from the root, or below `target/peers` of the workspace.
    programs: &'static [&'static str],
    user: (&'static str, &'static str),
    /// Its configuration, in which `@DIR` is the directory of the suite's files, `@PORT` the port and `@PEERS` where
    /// peers are unpacked.
    config: &'static str,
    /// Its command line, with the same places.
    args: &'static [&'static str],
    /// How many cases it is tried on at the same time.
    at_once: usize,
}

const VSFTPD: Peer = Peer {
    name: "vsftpd",
    expectations: include_str!("../expectations/vsftpd.toml"),
    programs: &["/usr/sbin/vsftpd"],
    // A user with a name would need PAM.
    user: ("anonymous", "strand"),
    config: "listen=YES
listen_address=127.0.0.1
listen_port=@PORT
background=NO
anonymous_enable=YES
anon_root=@DIR/ftp
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
allow_writeable_chroot=YES
write_enable=YES
local_enable=NO
ascii_upload_enable=YES
ascii_download_enable=YES
async_abor_enable=YES
delay_failed_login=0
secure_chroot_dir=@DIR/empty
xferlog_enable=NO
seccomp_sandbox=NO
ssl_enable=YES
allow_anon_ssl=YES
force_local_data_ssl=NO
force_local_logins_ssl=NO
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file=@DIR/both.pem
rsa_private_key_file=@DIR/both.pem
",
    args: &["@DIR/config"],
    at_once: 4,
};

const PROFTPD: Peer = Peer {
    name: "proftpd",
    expectations: include_str!("../expectations/proftpd.toml"),
    programs: &["proftpd/usr/sbin/proftpd", "/usr/sbin/proftpd"],
    user: (fixture::USER, fixture::PASSWORD),
    config: "ModulePath @PEERS/proftpd/usr/lib/proftpd
LoadModule mod_tls.c
ServerName rope
ServerType standalone
DefaultServer on
DefaultAddress 127.0.0.1
Port @PORT
UseIPv6 off
UseReverseDNS off
User nobody
Group nogroup
MaxInstances 1000
PidFile @DIR/pid
ScoreboardFile @DIR/scoreboard
SystemLog @DIR/error.log
TransferLog none
WtmpLog off
DelayEngine off
RequireValidShell off
AuthUserFile @DIR/users
AuthGroupFile @DIR/groups
AuthOrder mod_auth_file.c
DefaultRoot ~
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
TLSEngine on
TLSRequired off
TLSRSACertificateFile @DIR/cert.pem
TLSRSACertificateKeyFile @DIR/key.pem
TLSOptions NoSessionReuseRequired
TLSLog none
",
    args: &["-n", "-c", "@DIR/config"],
    at_once: 4,
};

const PYFTPDLIB: Peer = Peer {
    name: "pyftpdlib",
    expectations: include_str!("../expectations/pyftpdlib.toml"),
    programs: &["bin/python"],
    user: (fixture::USER, fixture::PASSWORD),
    config: "",
    args: &["@TESTS/peers/ftp_pyftpdlib.py", "@PORT", "@DIR/ftp", "@DIR/both.pem"],
    // One loop serves all: with several clients it sometimes stalls for seconds.
    at_once: 1,
};

/// `strand` as crypt(3) has it.
const CRYPTED: &str = "$1$ropewalk$.MP1oSiR98fUCPJvzv0Gf1";

impl Peer {
    fn program(&self) -> Option<PathBuf> {
        self.programs.iter().map(|program| peers().join(program)).find(|program| program.is_file())
    }

    /// Starts it with the suite's files in `dir`, and waits until it listens.
    async fn start(&self, program: &Path, dir: &Path) -> Running {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let placed = |text: &str| {
            text.replace("@DIR", dir.to_str().unwrap())
                .replace("@PORT", &port.to_string())
                .replace("@PEERS", peers().to_str().unwrap())
                .replace("@TESTS", env!("CARGO_MANIFEST_DIR"))
        };
        fs::write(dir.join("config"), placed(self.config)).unwrap();
        let home = dir.join("ftp").display().to_string();
        let users = format!("{}:{CRYPTED}:65534:65534::{home}:/bin/false\n", fixture::USER);
        for (name, text) in [("users", users.as_str()), ("groups", "nogroup:x:65534:\n")] {
            fs::write(dir.join(name), text).unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let log = fs::File::create(dir.join("output")).unwrap();
        let mut command = Command::new(program);
        command.args(self.args.iter().map(|arg| placed(arg))).stdin(Stdio::null());
        let running = Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap(), port);
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

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers")
}

/// The suite's files, and a certificate; readable and writable for whoever the server serves as.
fn set_up(dir: &Path) {
    fixture::write(dir).unwrap();
    fs::create_dir(dir.join("empty")).unwrap();
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    self_signed(&["conform.test".into()]).unwrap().write(&cert, &key).unwrap();
    let both = [fs::read(cert).unwrap(), fs::read(key).unwrap()].concat();
    fs::write(dir.join("both.pem"), both).unwrap();
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(dir, 0o755);
    open(&dir.join("ftp"), 0o755);
    open(&dir.join("ftp").join(fixture::UPLOAD), 0o777);
}

/// A server of others, ended with the test.
struct Running(Child, u16);

impl Drop for Running {
    fn drop(&mut self) {
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
    set_up(dir.path());
    let running = peer.start(&program, dir.path()).await;
    let subject = Subject::at(&format!("127.0.0.1:{}", running.1)).unwrap().named(peer.name);
    let subject = subject.user(peer.user.0, peer.user.1);
    let subject = [Need::Upload, Need::Tls, Need::Active].into_iter().fold(subject, Subject::with);
    let known = Expectations::parse(peer.expectations).unwrap();
    let options = Options::default()
        .at_once(peer.at_once)
        .patience(Duration::from_secs(6))
        .deadline(Duration::from_secs(40));
    let report = suite("ftp").unwrap().run(&subject, &options).await.judged_by(&known);
    println!("{}", report.text());
    let unknown = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((unknown, report.exit_code()), (0, 0), "{}", report.text());
}

#[tokio::test]
async fn vsftpd_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&VSFTPD).await;
}

#[tokio::test]
async fn proftpd_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&PROFTPD).await;
}

#[tokio::test]
async fn pyftpdlib_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&PYFTPDLIB).await;
}
