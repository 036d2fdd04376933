use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::daemon::{Daemon, Done, Folder, connect, done, is_root, ropewalk, until};

/// `ropewalk user …` on the store of this folder.
fn user(folder: &Folder, args: &[&str]) -> Done {
    done(ropewalk(["user"]).args(args).arg("--store").arg(folder.join("data")))
}

/// The same, with something on standard input.
fn user_told(folder: &Folder, args: &[&str], input: &str) -> Done {
    let path = folder.write("input", input);
    let input = fs::File::open(path).unwrap();
    done(ropewalk(["user"]).args(args).arg("--store").arg(folder.join("data")).stdin(Stdio::from(input)))
}

/// The status of a request by this person.
fn login(port: u16, user: &str, password: &str) -> u16 {
    let basic = STANDARD.encode(format!("{user}:{password}"));
    asked(port, &format!("Basic {basic}"))
}

fn asked(port: u16, authorization: &str) -> u16 {
    let mut stream = connect(port);
    let head = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let answer = std::io::read_to_string(stream).unwrap();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

#[test]
fn a_name_that_stands_for_others_is_nobodys() {
    let folder = Folder::new();
    for (name, why) in [("*", "in rules"), ("@staff", "in rules"), ("anonymous", "guests"), ("FTP", "guests")]
    {
        user(&folder, &["add", name, "--no-password"]).says(2, &["error: invalid value", why]);
    }
    assert!(!folder.join("data").exists());
    done(&mut ropewalk(["ftp", "--user", "ftp:x"])).says(2, &["guests"]);
    folder.write("htpasswd", "*:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
    folder.write(
        "ropewalk.toml",
        "[accounts.a]\nfile = \"htpasswd\"\n[[service]]\nkind = \"echo\"\nlisten = \"tcp:0\"\n",
    );
    folder
        .check(&[])
        .says(78, &["htpasswd:1: `*` and what begins with `@` stand for several people in rules"]);
}

#[test]
fn a_store_that_others_can_come_to_is_told_and_one_that_they_can_change_is_refused() {
    let folder = Folder::new();
    user(&folder, &["add", "ann", "--no-password"]).says(0, &[]);
    folder.write(
        "ropewalk.toml",
        "store = \"data\"\n[accounts.main]\nstore = \"data\"\n[[service]]\nkind = \"echo\"\nlisten = \"tcp:0\"\n",
    );
    let mode = |mode| fs::set_permissions(folder.join("data"), fs::Permissions::from_mode(mode)).unwrap();
    let wide =
        |mode: &str| format!("data: mode {mode} is wider than 0750 and the folder holds secrets (chmod 700 ");
    mode(0o755);
    user(&folder, &["ls"]).says(0, &["ann", "warning: ", &wide("0755")]);
    let said = folder.check(&[]);
    said.says(0, &["warning: ", &wide("0755"), "no mistakes"]);
    assert_eq!(said.err.matches("is wider than").count(), 1, "{said:?}");
    mode(0o777);
    user(&folder, &["ls"]).says(1, &["error: ", &wide("0777")]);
    folder.check(&[]).says(78, &[&wide("0777")]);
    mode(0o700);
    assert!(!user(&folder, &["ls"]).err.contains("wider"));
    assert!(!folder.check(&[]).err.contains("wider"));
}

#[test]
fn people_are_added_listed_changed_and_removed() {
    let folder = Folder::new();
    user(&folder, &["ls"]).says(1, &["there is no store in"]);
    assert!(!folder.join("data").exists(), "looking makes nothing");
    user_told(&folder, &["add", "ann", "--group", "staff", "--quota", "10GiB", "--home", "annex"], "pw\n")
        .says(0, &[]);
    user_told(&folder, &["add", "ann"], "pw\n").says(1, &["there is an account \"ann\" already"]);
    user(&folder, &["add", "bob", "--no-password"]).says(0, &[]);
    user(&folder, &["disable", "bob"]).says(0, &[]);
    user(&folder, &["ls"]).says(0, &["ann   active    1            staff", "bob   disabled  0            -"]);
    assert!(!user(&folder, &["ls", "--group", "staff"]).out.contains("bob"));

    let listed: serde_json::Value = serde_json::from_str(&user(&folder, &["ls", "--json"]).out).unwrap();
    assert_eq!(listed["version"], 1);
    let ann = &listed["accounts"][0];
    assert_eq!(
        (&ann["name"], &ann["disabled"], &ann["home"]),
        (&"ann".into(), &false.into(), &"annex".into())
    );
    assert_eq!(ann["quota"], 10_u64 << 30);
    assert!(ann["created"].as_str().unwrap().ends_with('Z'));

    user(&folder, &["set", "ann", "--group", "web", "--quota", "none", "--home", ""]).says(0, &[]);
    user(&folder, &["show", "ann"])
        .says(0, &["groups    web\n", "home      -\n", "quota     -\n", "password  yes\n"]);
    user(&folder, &["set", "ann"]).says(2, &["were not provided"]);
    user(&folder, &["enable", "bob"]).says(0, &[]);
    user(&folder, &["show", "bob"]).says(0, &["state     active", "password  no"]);
    for command in ["show", "rm", "disable", "enable", "passwd"] {
        user(&folder, &[command, "cid"]).says(1, &["there is no account \"cid\""]);
    }
    user(&folder, &["rm", "bob"]).says(0, &[]);
    user(&folder, &["show", "bob"]).says(1, &["there is no account \"bob\""]);
    user(&folder, &["add", "a/b"]).says(2, &["a name has no"]);
}

#[test]
fn a_password_is_one_line_of_standard_input_or_made_here_and_printed_once() {
    let folder = Folder::new();
    user_told(&folder, &["add", "ann"], "").says(1, &["1 to 1024 octets"]);
    user_told(&folder, &["add", "ann"], "a\tb\n").says(1, &["no control characters"]);
    user_told(&folder, &["add", "ann"], "swordfish\nmore\n").says(0, &[]);
    assert!(
        !user(&folder, &["add", "cid", "swordfish"]).err.is_empty(),
        "there is no place for one in the arguments"
    );
    let made = user(&folder, &["add", "bob", "--generate"]);
    made.says(0, &["shown this once"]);
    assert_eq!(made.out.lines().count(), 1);
    let again = user(&folder, &["passwd", "bob", "--generate"]);
    assert_ne!(made.out, again.out);

    folder.write("index.html", "hello");
    let data = folder.join("data");
    let args = ["web", "--port", "0", "--accounts", data.to_str().unwrap(), "--path"];
    let server = Daemon::of(ropewalk(args).arg(folder.path()));
    assert_eq!(login(server.port(), "ann", "swordfish"), 200);
    assert_eq!(login(server.port(), "ann", "swordfish\nmore"), 401);
    assert_eq!(login(server.port(), "bob", made.out.trim()), 401);
    assert_eq!(login(server.port(), "bob", again.out.trim()), 200);
}

#[test]
fn a_server_that_runs_sees_what_is_changed_beside_it() {
    let folder = Folder::new();
    user_told(&folder, &["add", "ann"], "one\n").says(0, &[]);
    folder.write("index.html", "hello");
    let config = "[accounts.people]\nstore = \"data\"\n[files.x]\npath = \".\"\n[[service]]\nname = \"site\"\nkind = \"http\"\n\
         listen = [\"tcp:0:interface=localhost\"]\nfiles = \"x\"\n[[service.auth]]\naccounts = \"people\"\n";
    folder.write("ropewalk.toml", config);
    folder.check(&[]).says(0, &[]);
    let server = Daemon::of(&mut folder.command(&[]));
    let port = server.port();
    assert_eq!(login(port, "ann", "one"), 200);
    user_told(&folder, &["add", "bob"], "two\n").says(0, &[]);
    until("bob is known", || login(port, "bob", "two") == 200);
    user_told(&folder, &["passwd", "ann"], "three\n").says(0, &[]);
    until("the new password counts", || login(port, "ann", "three") == 200);

    let here = user(&folder, &["apppw", "add", "ann", "--label", "here", "--service", "site"]).out;
    let there = user(&folder, &["apppw", "add", "ann", "--label", "there", "--service", "mail"]).out;
    until("the app password counts", || login(port, "ann", here.trim()) == 200);
    assert_eq!(login(port, "ann", there.trim()), 401);
    let token = user(&folder, &["keys", "add", "ann", "--token", "--label", "ci"]).out;
    until("the token counts", || asked(port, &format!("Bearer {}", token.trim())) == 200);
    let shown = user(&folder, &["show", "ann", "--json"]).out;
    assert!(!shown.contains(here.trim()) && !shown.contains(token.trim()));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let services = |n: usize| shown["account"]["credentials"][n]["services"].clone();
    assert_eq!((services(0), services(1)), (serde_json::json!(["site"]), serde_json::json!(["mail"])));

    user(&folder, &["keys", "rm", "ann", "ci"]).says(0, &[]);
    until("the token is gone", || asked(port, &format!("Bearer {}", token.trim())) == 401);
    user(&folder, &["keys", "rm", "ann", "ci"]).says(1, &["has nothing called \"ci\""]);
    user(&folder, &["apppw", "ls", "ann"]).says(0, &["\"here\": site; made", "\"there\": mail; made"]);
}

#[test]
fn keys_and_certificates_are_kept() {
    let folder = Folder::new();
    user(&folder, &["add", "ann", "--no-password"]).says(0, &[]);
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann@home";
    let key = folder.write("id.pub", &format!("{line}\n"));
    user(&folder, &["keys", "add", "ann", key.to_str().unwrap()]).says(0, &["SHA256:"]);
    user_told(&folder, &["keys", "add", "ann", "-"], line)
        .says(1, &["something called \"ann@home\" already"]);
    user_told(&folder, &["keys", "add", "ann", "-", "--label", "x"], line).says(1, &["an account's already"]);
    user_told(&folder, &["keys", "add", "ann", "-"], "-----BEGIN").says(1, &["no SSH public key"]);
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    done(ropewalk(["cert", "self-signed", "--cert"]).arg(&cert).arg("--key").arg(&key)).says(0, &[]);
    let cert = cert.to_str().unwrap();
    user(&folder, &["keys", "add", "ann", "--certificate", cert, "--label", "card"]).says(0, &[]);
    user(&folder, &["keys", "add", "ann", "--certificate", cert]).says(2, &["--label"]);
    user(&folder, &["keys", "add", "ann", "--certificate", "id.pub", "--label", "c"]).says(1, &["id.pub"]);
    user(&folder, &["keys", "ls", "ann"])
        .says(0, &["certificate \"card\"", "ssh         \"ann@home\"", line]);
}

#[test]
fn a_store_that_cannot_be_used_is_told_by_check_and_by_the_exit_code() {
    let folder = Folder::with(
        "[accounts.people]\nstore = \"data\"\n[[service]]\nkind = \"echo\"\nlisten = [\"tcp:0:interface=localhost\"]\n",
    );
    folder.check(&[]).says(78, &["there is no store in", "store ="]);
    folder.write("data", "");
    user(&folder, &["add", "ann", "--no-password"]).says(1, &["is no folder"]);
    fs::remove_file(folder.join("data")).unwrap();
    user(&folder, &["add", "ann", "--no-password"]).says(0, &[]);
    folder.check(&[]).says(0, &[]);
    if !is_root() {
        fs::set_permissions(folder.join("data"), fs::Permissions::from_mode(0o000)).unwrap();
        user(&folder, &["ls"]).says(77, &["cannot look at"]);
        fs::set_permissions(folder.join("data"), fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn what_somebody_leaves_is_told_and_so_is_what_somebody_gets() {
    let config = |folder: &Folder| {
        folder.write(
            "ropewalk.toml",
            "store = \"data\"\n[accounts.people]\nstore = \"data\"\n[files.own]\npath = \"homes/%u\"\n\
             [[service]]\nkind = \"ftp\"\nname = \"uploads\"\nlisten = [\"tcp:0:interface=localhost\"]\n\
             files = \"own\"\naccounts = \"people\"\n",
        );
    };
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let user = |here: &Folder, args: &[&str]| {
        let input = fs::File::open(folder.write("input", "swordfish\n")).unwrap();
        let mut command = ropewalk(["user"]);
        command.args(args).arg("--store").arg(folder.join("data")).stdin(input);
        done(command.current_dir(here.path()))
    };
    let home = folder.join("homes/ann");
    fs::create_dir_all(&home).unwrap();
    let silent = |done: Done| assert!(done.code == Some(0) && !done.err.contains("homes"), "{done:?}");
    silent(user(&folder, &["add", "ann"]));
    config(&folder);
    silent(user(&folder, &["rm", "ann"]));
    silent(user(&folder, &["add", "ann"]));
    folder.write("homes/ann/diary", "mine");
    let path = home.canonicalize().unwrap();
    let path = path.to_str().unwrap();
    user(&folder, &["rm", "ann"]).says(0, &["the files of ann stay", path]);
    user(&folder, &["add", "ann"]).says(0, &["warning:", path, "it will be the own folder of ann"]);
    user(&folder, &["add", "cid", "--home", "ann"]).says(0, &["warning:", path, "of cid"]);
    user(&folder, &["rm", "cid"]).says(0, &["the files of cid stay", path]);
    // A configuration about another store says nothing.
    fs::create_dir(elsewhere.join("data")).unwrap();
    config(&elsewhere);
    silent(user(&elsewhere, &["rm", "ann"]));
    // That of the server which runs does, wherever it is.
    let _server = Daemon::of(&mut folder.command(&[]));
    user(&elsewhere, &["add", "ann"]).says(0, &["warning:", path]);
    let app = |service| user(&elsewhere, &["apppw", "add", "ann", "--label", "phone", "--service", service]);
    app("upload").says(1, &["has no service \"upload\": known are uploads"]);
    app("uploads").says(0, &[]);
}

#[test]
fn where_no_configuration_is_known_a_service_is_believed() {
    let folder = Folder::new();
    user(&folder, &["add", "ann", "--no-password"]).says(0, &[]);
    user(&folder, &["apppw", "add", "ann", "--label", "x", "--service", "any"])
        .says(0, &["nobody knows whether there is such a service"]);
}
