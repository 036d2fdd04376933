use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::time::{Duration, Instant};

use crate::daemon::{
    Daemon, Folder, connect, done, echoes, free_port, get, is_refused, is_root, ropewalk, run,
};

#[test]
fn echo_sends_back_and_ends_without_error() {
    let mut server = Daemon::start(["echo", "--listen", "0"]);
    assert!(server.addresses().iter().all(|at| at.ip().is_loopback()), "{}", server.log());
    if TcpListener::bind("[::1]:0").is_ok() {
        let both = format!("listening at=127.0.0.1:{0} also=[::1]:{0} ", server.port());
        assert!(server.log().contains(&both), "{}", server.log());
    }
    echoes(connect(server.port()), "hello");
    assert_eq!(server.stop(), Some(0));
    assert!(is_refused(server.port()));
}

#[test]
fn only_public_or_an_interface_opens_a_port_to_others() {
    let server = Daemon::start(["echo", "--port", "0", "--listen", "tcp:0:interface=127.0.0.1", "--public"]);
    let [given, open] = server.addresses()[..] else { panic!("{}", server.log()) };
    assert!(given.ip().is_loopback());
    assert!(open.ip().is_unspecified());
}

#[test]
fn web_serves_a_folder_beside_echo_in_one_process() {
    let folder = Folder::new();
    folder.write("page.txt", "the page");
    let path = folder.path().to_str().unwrap();
    let server = Daemon::start(["web", "--port", "0", "--path", path, "+", "echo", "--listen", "tcp:0"]);
    let [web, echo] = server.addresses()[..] else { panic!("{}", server.log()) };
    let (status, text) = get(web.port(), "/page.txt");
    assert!(status == 200 && text.ends_with("the page"), "{text}");
    echoes(connect(echo.port()), "hello");
}

#[test]
fn what_is_said_twice_or_makes_no_sense_is_a_usage_error() {
    let twice = run(["echo", "--umask", "027", "+", "echo", "--port", "1", "--umask", "022"]);
    twice.says(2, &["--umask is given twice"]);
    run(["echo", "--port", "1", "--port", "2"]).says(2, &["--port"]);
    run(["web", "site"]).says(2, &["--path site"]);
    run(["echo", "--listen", "localhost:8080"]).says(2, &["`tcp:8080:interface=localhost`"]);
    run(["echo", "+", "kinds"]).says(2, &["only servers can stand beside `+`"]);
    run(["echo", "--tls", "auto", "--listen", "unix:/tmp/x", "--print-config"])
        .says(2, &["--tls is for TCP"]);
}

#[test]
fn what_becomes_of_passwords_from_other_machines_is_told_before_and_at_the_start() {
    let folder = Folder::new();
    let path = folder.path().to_str().unwrap();
    let config = |words: &[&str]| {
        let user = ["--path", path, "--user", "ann:swordfish", "--print-config"];
        done(ropewalk(words.iter().chain(&user)).env("HOME", folder.path())).out
    };
    let check = |text: &str| {
        folder.write("ropewalk.toml", text);
        folder.check(&[])
    };
    let told = "nobody can log in from another machine, as passwords are taken over TLS alone";
    check(&config(&["web", "--public"])).says(0, &[told]);
    assert!(!check(&config(&["web", "--public", "--tls", "auto"])).err.contains("other machine"));
    let clear = config(&["ftp", "--public"]);
    check(&clear).says(0, &["passwords from other machines come in the clear", "`tls_required = true`"]);
    let mut start = folder.command(&[]);
    folder.write("ropewalk.toml", &clear.replace("tcp:2121", "tcp:0"));
    Daemon::of(&mut start).wait_for("passwords from other machines come in the clear");
    let safe = config(&["ftp", "--public", "--tls", "auto"]);
    assert!(safe.contains("tls_required = true"), "{safe}");
    assert!(!check(&safe).err.contains("other machine"));
    check(&safe.replace("tls_required = true", "")).says(0, &["where the client does not ask for TLS"]);
    assert!(!config(&["ftp", "--tls", "auto"]).contains("tls_required"));
    // TLS from the first byte on, without any other.
    let implicit = config(&["ftp", "--public", "--listen", "tls:2122:cert=cert.pem:key=key.pem"]);
    done(ropewalk(["cert", "self-signed"]).current_dir(folder.path())).says(0, &[]);
    let implicit = implicit.replace(std::env::current_dir().unwrap().to_str().unwrap(), path);
    for required in ["", "tls_required = true\n"] {
        let said = check(&implicit.replace("kind =", &format!("{required}kind =")));
        said.says(0, &[]);
        assert!(!said.err.contains("tls_required") && !said.err.contains("in the clear"), "{said:?}");
    }
    check(&clear.replace("kind =", "tls_required = true\nkind ="))
        .says(78, &["nobody can log in: TLS needs certificates"]);
}

#[test]
fn without_a_port_each_server_has_its_own() {
    let port = |args: &[&str]| run(args.iter().chain(&["--print-config"])).out;
    assert!(port(&["echo"]).contains("\"tcp:8007:interface=localhost\""));
    assert!(port(&["web"]).contains("\"tcp:8080:interface=localhost\""));
    let home = Folder::new();
    let mut tls = ropewalk(["web", "--tls", "auto", "--print-config"]);
    let said = done(tls.env("HOME", home.path()).env_remove("XDG_DATA_HOME"));
    said.says(0, &["tls:8443:interface=localhost:cert=main"]);
}

#[test]
fn the_printed_configuration_is_the_same_server_anywhere() {
    let typed_in = Folder::new();
    typed_in.write("page.txt", "the page");
    done(ropewalk(["cert", "self-signed"]).current_dir(typed_in.path())).says(0, &[]);
    let (web, echo) = (free_port(), free_port());
    let listen = format!("tls:{web}:cert=cert.pem:key=key.pem");
    let mut print = ropewalk(["web", "--listen", &listen, "+", "echo", "--port", &echo.to_string()]);
    let printed = done(print.arg("--print-config").current_dir(typed_in.path()));
    let elsewhere = Folder::with(&printed.out);
    elsewhere.check(&["--env"]).says(0, &["2 services"]);
    let server = Daemon::of(&mut elsewhere.command(&[]));
    echoes(connect(echo), "hello");
    let authority = typed_in.join("cert.pem");
    let (status, text) = crate::sockets::get_tls(web, &authority, "/page.txt");
    assert!(status == 200 && text.ends_with("the page"), "{text}");
    drop(server);
    let typed = Daemon::of(ropewalk(["web", "--listen", &listen]).current_dir(typed_in.path()));
    assert_eq!(crate::sockets::get_tls(typed.port(), &authority, "/page.txt").0, 200);
}

#[test]
fn a_taken_port_is_unavailable_and_names_its_holder() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let said = run(["echo", "--port", &port.to_string()]);
    let (taken, us) = (format!("port {port} is taken by process"), format!("(pid {})", std::process::id()));
    said.says(69, &[&taken, &us]);
    assert_eq!(said.err.lines().filter(|line| line.contains("taken")).count(), 1, "{}", said.err);
}

#[test]
fn root_is_refused_where_it_was_not_asked_for() {
    let config = "[[service]]\nkind = \"echo\"\nlisten = \"tcp:0:interface=127.0.0.1\"\n";
    let folder = Folder::with(config);
    let mut plain = ropewalk(["run"]);
    if is_root() {
        done(plain.args(folder.config()))
            .says(77, &["will not serve as root: give --uid USER, or --allow-root"]);
        done(&mut ropewalk(["echo", "--port", "7"])).says(77, &["will not serve as root"]);
        let server = Daemon::start(["echo", "--port", "0"]);
        let warnings =
            server.log().lines().filter(|line| line.starts_with("warning: serving as root")).count();
        assert_eq!(warnings, 1, "{}", server.log());
        let server = Daemon::start(["echo", "--port", "7", "--allow-root"]);
        echoes(connect(7), "hello");
        drop(server);
        let shared = Folder::new();
        let program = shared.join("ropewalk");
        // Not by this process: a child that another test makes meanwhile would hold the file open for writing.
        let copied =
            std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_ropewalk")).arg(&program).status();
        assert!(copied.unwrap().success());
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(shared.path(), all).unwrap();
        let mut other = std::process::Command::new(program);
        let said = done(other.args(["echo", "--port", "7"]).uid(65534).gid(65534).current_dir("/"));
        said.says(77, &["port 7 needs root"]);
    } else {
        drop(Daemon::of(plain.args(folder.config())));
        run(["echo", "--port", "7"]).says(77, &["port 7 needs root"]);
    }
}

/// The release binary is held to 50 ms; this one is not optimised and has company.
#[test]
fn it_serves_soon_after_it_was_started() {
    let port = free_port();
    let began = Instant::now();
    let server = Daemon::begin(&mut ropewalk(["echo", "--port", &port.to_string()]));
    crate::daemon::until("it serves", || !is_refused(port));
    echoes(connect(port), "hello");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(server);
}

#[test]
fn web_asks_for_the_logins_that_it_is_given() {
    use base64::Engine as _;
    let folder = Folder::new();
    folder.write("page.txt", "the page");
    // The password of both is `password`.
    let people = folder.write("people", "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
    std::fs::set_permissions(people, std::fs::Permissions::from_mode(0o640)).unwrap();
    let server = Daemon::of(
        ropewalk(["web", "--port", "0", "--user", "ann:pass:word", "--accounts", "people"])
            .current_dir(folder.path()),
    );
    let ask = |login: &str| {
        let login = base64::engine::general_purpose::STANDARD.encode(login);
        let mut conn = connect(server.port());
        let request = format!(
            "GET /page.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\nConnection: close\r\n\r\n"
        );
        std::io::Write::write_all(&mut conn, request.as_bytes()).unwrap();
        let mut said = String::new();
        std::io::Read::read_to_string(&mut conn, &mut said).unwrap();
        said[9..12].to_owned()
    };
    assert_eq!(get(server.port(), "/page.txt").0, 401);
    assert_eq!(ask("ann:pass:word"), "200");
    assert_eq!(ask("bob:password"), "200");
    assert_eq!(ask("bob:wrong"), "401");
    assert!(!server.log().contains("pass:word"), "{}", server.log());
    assert!(
        !server.log().contains("secret"),
        "nobody is told to put elsewhere what was typed: {}",
        server.log()
    );
}

#[test]
fn a_login_that_cannot_be_read_is_a_usage_error() {
    run(["web", "--user", "ann"]).says(2, &["NAME:PASSWORD"]);
    run(["web", "--accounts", "none.toml", "--port", "0"])
        .says(2, &["there is no", "none.toml", "ropewalk user add"]);
}

#[test]
fn a_programs_local_redirect_needs_the_login_of_where_it_leads() {
    let folder = Folder::new();
    folder.write("secret.txt", "the secret");
    folder.write("open.txt", "the open");
    folder.write("go.sh", "printf 'Location: /private/secret.txt\\n\\n'");
    folder.write("open.sh", "printf 'Location: /open.txt\\n\\n'");
    let path = folder.path().to_str().unwrap();
    folder.write(
        "ropewalk.toml",
        &format!(
            "[files.main]\npath = {path:?}\n[accounts.main]\nusers = \"ann:pw\"\n\
             [[service]]\nkind = \"http\"\nlisten = \"tcp:0:interface=127.0.0.1\"\nfiles = \"main\"\n\
             [[service.cgi]]\nfolder = {path:?}\nextension = \"sh\"\ncommand = [\"sh\"]\n\
             [[service.rewrite]]\nfrom = \"/private/*\"\nto = \"/*\"\n\
             [[service.auth]]\npath = \"/private/*\"\naccounts = \"main\"\n"
        ),
    );
    let server = Daemon::of(&mut folder.command(&[]));
    assert_eq!(get(server.port(), "/open.sh").0, 200);
    let (status, text) = get(server.port(), "/go.sh");
    assert!(status == 401 && !text.contains("the secret"), "{text}");
}
