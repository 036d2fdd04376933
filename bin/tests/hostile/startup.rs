use std::net::TcpListener;

use super::subject::{ends, new_dir, ropewalk};

/// What `run` says to this configuration, and how it ends.
fn run(config: &str) -> (i32, String) {
    let dir = new_dir();
    std::fs::write(dir.path().join("ropewalk.toml"), config).unwrap();
    ends(ropewalk().args(["run", "--allow-root"]).env("NO_COLOR", "1").current_dir(dir.path()))
}

#[test]
fn a_port_over_65535_is_named() {
    let (exit, said) = ends(ropewalk().args(["echo", "--listen", "tcp:99999"]));
    assert_eq!(exit, 2);
    assert!(said.contains("port 99999 is over 65535"), "{said}");
    let (exit, said) = run("[[service]]\nkind = \"echo\"\nlisten = [\"tcp:99999\"]\n");
    assert_eq!(exit, 78);
    assert!(said.contains("port 99999 is over 65535") && said.contains("ropewalk.toml:3:11"), "{said}");
}

#[test]
fn five_mistakes_are_told_at_once_each_with_its_place() {
    let config = "\
[files.main]
path = \"root\"
hiden = \"show\"

[[service]]
kind = \"htttp\"
listen = [\"tcp:8080\"]

[[service]]
kind = \"echo\"
listen = \"tcp:80:interfaces=127.0.0.1\"
limits.connections = 0
limits.idle = \"5 parsecs\"
";
    let (exit, said) = run(config);
    assert_eq!(exit, 78);
    for (place, hint) in [
        ("ropewalk.toml:3:", "`hidden`"),
        ("ropewalk.toml:6:", "`http`"),
        ("ropewalk.toml:11:", "`interface`"),
        ("ropewalk.toml:12:", "more than zero"),
        ("ropewalk.toml:13:", "5 parsecs"),
    ] {
        assert!(said.contains(place) && said.contains(hint), "no {place} or {hint} in\n{said}");
    }
}

#[test]
fn a_port_in_use_is_told_with_its_holder() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = format!("[[service]]\nkind = \"echo\"\nlisten = [\"tcp:{port}:interface=127.0.0.1\"]\n");
    let (exit, said) = run(&config);
    assert_eq!(exit, 69, "{said}");
    let us = std::process::id().to_string();
    assert!(said.contains(&format!("port {port} is taken by")) && said.contains(&us), "{said}");
}

#[test]
fn a_certificate_of_another_key_is_refused() {
    let dir = new_dir();
    for name in ["one", "two"] {
        let made = ends(
            ropewalk()
                .args(["cert", "self-signed"])
                .args(["--cert", &format!("{name}.pem"), "--key", &format!("{name}.key")])
                .current_dir(dir.path()),
        );
        assert_eq!(made.0, 0, "{}", made.1);
    }
    let (exit, said) = ends(
        ropewalk()
            .args(["echo", "--listen", "tls:0:interface=127.0.0.1:cert=one.pem:key=two.key"])
            .current_dir(dir.path()),
    );
    assert_eq!(exit, 78, "{said}");
    assert!(said.contains("two.key") && said.contains("does not belong to the certificate"), "{said}");
}
