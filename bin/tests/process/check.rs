use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::daemon::{Folder, is_root};

const GOOD: &str = "[[service]]\nkind = \"echo\"\nlisten = \"tcp:0:interface=127.0.0.1\"\n";

#[test]
fn a_right_configuration_is_said_to_be() {
    Folder::with(GOOD).check(&[]).says(0, &["ropewalk.toml: no mistakes, 1 service\n"]);
}

#[test]
fn five_mistakes_are_told_at_once_each_with_its_place() {
    let folder = Folder::with(
        "drain = 30\n\n[limits]\nidel = \"5m\"\n\n[[service]]\nkind = \"ehco\"\n\n\
         [[service]]\nkind = \"echo\"\nlisten = \"tcp:99999\"\n\n\
         [[service]]\nkind = \"http\"\nlisten = \"tcp:8080\"\nfiles = \"nowhere\"\n",
    );
    let said = folder.check(&[]);
    let at = |line: u32, column: u32| format!("{}:{line}:{column}", folder.join("ropewalk.toml").display());
    said.says(78, &[&at(1, 9), &at(4, 1), &at(7, 8), &at(11, 10), &at(16, 9)]);
    said.says(78, &["did you mean `idle`?", "did you mean `echo`?", "^^^^"]);
    assert_eq!(said.err.matches("error").count(), 5, "{}", said.err);

    let json: serde_json::Value = serde_json::from_str(&folder.check(&["--json"]).out).unwrap();
    let places: Vec<_> = json["diagnostics"].as_array().unwrap().iter().map(|d| d["line"].clone()).collect();
    assert_eq!(places, [1, 4, 7, 11, 16]);
    assert!(json["diagnostics"][1]["help"].as_str().unwrap().starts_with("did you mean `idle`?"));
}

#[test]
fn a_file_that_is_not_there_and_one_without_services_are_wrong() {
    let folder = Folder::new();
    folder.check(&[]).says(78, &["ropewalk.toml"]);
    folder.write("ropewalk.toml", "drain = \"1s\"\n");
    folder.check(&[]).says(78, &["the configuration has no [[service]]"]);
}

#[test]
fn a_taken_port_is_a_problem_of_the_environment_only() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let admin = TcpListener::bind("127.0.0.1:0").unwrap();
    let second = admin.local_addr().unwrap().port();
    let folder = Folder::with(&format!(
        "[admin]\nlisten = \"tcp:{second}:interface=127.0.0.1\"\n\
         [[service]]\nkind = \"echo\"\nname = \"e\"\nlisten = \"tcp:{port}:interface=127.0.0.1\"\n"
    ));
    folder.check(&[]).says(0, &["no mistakes"]);
    let us = format!("port {port} is taken by process");
    let pid = format!("(pid {})", std::process::id());
    folder.check(&["--env"]).says(3, &["service e: ", &us, &pid, &format!("port {second} is taken")]);
    let json: serde_json::Value = serde_json::from_str(&folder.check(&["--env", "--json"]).out).unwrap();
    assert_eq!(json["environment"].as_array().unwrap().len(), 2);
    drop((taken, admin));
    folder.check(&["--env"]).says(0, &[]);
}

#[test]
fn what_the_run_time_user_cannot_have_is_found_before() {
    if !is_root() {
        let said = Folder::with(GOOD).check(&["--as", "root"]);
        said.says(77, &["only root can"]);
        return;
    }
    let folder = Folder::with(&GOOD.replace("tcp:0", "tcp:7"));
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder.check(&["--env"]).says(0, &[]);
    folder.check(&["--as", "nobody"]).says(3, &["port 7 needs root"]);
    folder.write("ropewalk.toml", GOOD);
    folder.check(&["--as", "nobody"]).says(0, &[]);
    std::fs::set_permissions(folder.join("ropewalk.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    folder.check(&["--as", "nobody"]).says(3, &["as user nobody: ", "ropewalk.toml", "ermission denied"]);
    folder.check(&["--as", "no-such-user"]).says(1, &["there is no user no-such-user"]);
}

#[test]
fn a_socket_that_two_services_want_is_a_mistake_with_both_places() {
    let folder = Folder::with(
        "[admin]\nlisten = \"tcp:9000\"\n[[service]]\nkind = \"echo\"\nlisten = [\"tcp:7000\", \"tcp:9000\"]\n\
        [[service]]\nkind = \"echo\"\nlisten = \"tcp:7000:interface=localhost\"\n",
    );
    let said = folder.check(&[]);
    said.says(78, &["tcp:9000 is listened on twice", "tcp:7000:interface=localhost is listened on twice"]);
    for place in ["ropewalk.toml:5:23", "ropewalk.toml:8:10"] {
        assert!(said.err.contains(place), "{}", said.err);
    }
    assert_eq!(said.err.matches("it is listened on here already").count(), 2, "{}", said.err);
}
