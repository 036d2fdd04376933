use proptest::prelude::*;

use super::*;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn error(text: &str) -> String {
    text.parse::<Endpoint>().unwrap_err().to_string()
}

#[test]
fn a_bare_port_means_tcp() {
    assert_eq!(endpoint("8000"), Endpoint::tcp(8000));
    assert_eq!(endpoint("8000:interface=localhost"), endpoint("tcp:8000:interface=localhost"));
}

#[test]
fn the_canonical_form_is_shown() {
    for (written, shown) in [
        ("8000", "tcp:8000"),
        ("ssl:443:cert=main", "tls:443:cert=main"),
        ("tcp:8000:interface=\\:\\:1", "tcp:8000:interface=[::1]"),
        ("tcp:25:host=[2001:db8::1]", "tcp:25:host=2001\\:db8\\:\\:1"),
        ("unix:/run/a\\:b.sock:mode=0660", "unix:/run/a\\:b.sock:mode=660"),
        ("stdio", "stdio:"),
        ("systemd", "systemd:"),
        ("systemd:name=http", "systemd:name=http"),
        ("process:/bin/sh:arg=-c:arg=", "process:/bin/sh:arg=-c:arg="),
    ] {
        assert_eq!(endpoint(written).to_string(), shown);
    }
}

#[test]
fn parts_are_what_was_written() {
    let tls = endpoint("tls:8443:cert=full.pem:key=key.pem:client-ca=ca.pem");
    assert_eq!(tls.port(), Some(8443));
    assert!(tls.is_open());
    let options = tls.tls().unwrap();
    assert_eq!(options.cert.as_deref(), Some("full.pem"));
    assert_eq!(options.key.as_deref(), Some("key.pem"));
    assert_eq!(options.client_ca.as_deref(), Some("ca.pem"));
    assert!(!endpoint("tcp:25:host=example.org").is_open());
    assert_eq!(endpoint("unix:/x:mode=660").at(), &At::Unix { path: "/x".into(), mode: Some(0o660) });
    assert_eq!(endpoint("tcp:25:host=[::1]").at(), endpoint("tcp:25:host=\\:\\:1").at());
}

#[test]
fn what_other_machines_may_reach_is_exposed() {
    for (text, exposed) in [
        ("tcp:7", true),
        ("quic:853:cert=main", true),
        ("tcp:7:interface=0.0.0.0", true),
        ("tcp:7:interface=[2001:db8::1]", true),
        ("tcp:7:interface=localhost", false),
        ("tcp:7:interface=127.0.0.2", false),
        ("tcp:7:interface=[::1]", false),
        ("tcp:7:host=a", false),
        ("unix:/x", false),
    ] {
        assert_eq!(endpoint(text).is_exposed(), exposed, "{text}");
    }
}

#[test]
fn what_an_endpoint_says_of_itself() {
    let localhost = Some(Interface::Localhost);
    for (text, port, interface, open, datagram) in [
        ("tcp:7:interface=localhost", Some(7), localhost, false, false),
        ("tcp:7", Some(7), None, true, false),
        ("tcp:7:host=a", Some(7), None, false, false),
        ("udp:53:interface=localhost", Some(53), localhost, false, true),
        ("udp:53", Some(53), None, true, true),
        ("quic:853:cert=main", Some(853), None, true, false),
        ("quic:853:interface=localhost", Some(853), localhost, false, false),
        ("unix:/x", None, None, false, false),
    ] {
        let endpoint = endpoint(text);
        let said = (endpoint.port(), endpoint.interface(), endpoint.is_open(), endpoint.is_datagram());
        assert_eq!(said, (port, interface, open, datagram), "{text}");
    }
    assert_eq!(endpoint("fd:3").at(), &At::Fd(3));
    assert_eq!(endpoint("unix:/a[b:mode=660").at(), &At::Unix { path: "/a[b".into(), mode: Some(0o660) });
    assert_eq!(endpoint("tcp:7").tls(), None);
    assert_eq!(endpoint("unix:/x").tls(), None);
}

#[test]
fn a_certificate_is_added_where_there_is_none() {
    let with = |text: &str| endpoint(text).with_certificate("main").to_string();
    assert_eq!(with("tcp:7"), "tls:7:cert=main");
    assert_eq!(with("tls:7:cert=own"), "tls:7:cert=own");
    assert_eq!(with("unix:/x"), "unix:/x");
    assert_eq!(with("quic:7"), "quic:7:cert=main");
    assert_eq!(with("quic:7:cert=own"), "quic:7:cert=own");
}

#[test]
fn what_listens_everywhere_is_reached_on_this_machine() {
    for (interface, address) in [
        ("localhost", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("[::]", "::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ] {
        let interface = endpoint(&format!("tcp:7:interface={interface}")).interface().unwrap();
        assert_eq!(interface.reach(), address.parse::<IpAddr>().unwrap());
    }
}

#[test]
fn a_host_name_has_at_most_253_characters() {
    let host = |octets: usize| format!("tcp:80:host={}", "x".repeat(octets)).parse::<Endpoint>();
    assert!(host(253).is_ok());
    assert!(host(254).is_err());
}

#[test]
fn nothing_is_meant_that_is_far_from_what_was_written() {
    for text in ["sxxxxxd:", "xx:", "tcp:80:xxxx=1"] {
        assert!(!error(text).contains("did you mean"), "{}", error(text));
    }
    assert!(error("tcp:80:interface=").contains("IPv6"));
    assert!(!error("systemd:name=").contains("IPv6"));
    assert!(error("tls:443:ca=x").contains("needs `host=`"));
}

#[test]
fn an_interface_can_be_set_where_there_are_interfaces() {
    let on = |text: &str| endpoint(text).with_interface(Interface::Localhost).to_string();
    assert_eq!(on("8000"), "tcp:8000:interface=localhost");
    assert_eq!(on("udp:53"), "udp:53:interface=localhost");
    assert_eq!(on("unix:/x"), "unix:/x");
}

#[test]
fn every_malformed_form_says_what_is_wrong() {
    for (text, says) in [
        ("", "is empty"),
        (":", "unknown kind ``"),
        ("tcp:", "a port is missing"),
        ("tcp", "a port is missing"),
        ("tcp:x", "`x` is not a port"),
        ("tcp:+1", "`+1` is not a port"),
        ("tcp:-1", "`-1` is not a port"),
        ("tcp:99999", "port 99999 is over 65535"),
        ("99999", "port 99999 is over 65535"),
        ("99999999999999999999999", "is over 65535"),
        ("tpc:80", "did you mean `tcp`?"),
        ("carrier-pigeon:1", "known are tcp, tls, "),
        ("127.0.0.1:8000", "`tcp:8000:interface=127.0.0.1`"),
        ("quic:853:key=k", "needs `cert=`"),
        ("quic:853:host=a", "unknown key `host`"),
        ("tcp:80:interfaces=::1", "did you mean `interface`?"),
        ("tcp:80:colour=red", "known are interface, host"),
        ("tcp:80:cert=main", "unknown key `cert`"),
        ("fd:3:x=y", "this kind has none"),
        ("tcp:80:interface=::1", "has no value"),
        ("tcp:80:interface=[::1", "`interface=[::1` is not an address"),
        ("tcp:80:interface=[127.0.0.1]", "is not an address"),
        ("tcp:80:interface=eth0", "`interface=eth0` is not an address"),
        ("tcp:80:interface=127.0.0.1:interface=127.0.0.2", "`interface=` is given twice"),
        ("tcp:80:interface=127.0.0.1:host=a", "give one of them"),
        ("tcp:80:host=a b", "neither a host name nor an address"),
        ("tcp:0:host=a", "port 0"),
        ("tcp:80:", "a colon too many"),
        ("tcp:80:x", "not of the form key=value"),
        ("tcp:127.0.0.1:80", "the port comes first: `tcp:80:interface=127.0.0.1`"),
        ("quic:localhost:853", "the port comes first: `quic:853:interface=localhost`"),
        ("tls:443:key=k.pem", "`key=` needs `cert=`"),
        ("tls:443:name=example.org", "needs `host=`"),
        ("tls:443:host=a:client-ca=b", "for listening"),
        ("unix:", "a path is missing"),
        ("unix:/x:mode=999", "`mode=999` is not a file mode"),
        ("unix:/x:mode=+66", "is not a file mode"),
        ("unix:/x:mode=1777", "is not a file mode"),
        ("unix:/x\u{7}", "control character"),
        ("unix:/x\\", "ends in a backslash"),
        ("unix:/\\x", "`\\x` stands for nothing"),
        ("fd:-1", "`-1` is not a descriptor's number"),
        ("fd:4294967296", "is not a descriptor's number"),
        ("fd:", "number is missing"),
        ("stdio:x", "not of the form key=value"),
        ("process:", "a program is missing"),
        ("process:/bin/sh:-c", "`-c` is not `arg=…`"),
        ("memory:", "a name is missing"),
        ("systemd:name=", "has no value"),
    ] {
        let error = error(text);
        assert!(error.contains(says), "{text:?} gives {error:?}");
        assert!(error.starts_with(&format!("endpoint `{text}`: ")), "{error}");
    }
}

#[test]
fn a_unix_path_is_no_longer_than_a_socket_address() {
    let path = |octets: usize| format!("unix:/{}", "x".repeat(octets - 1));
    assert!(std::os::unix::net::SocketAddr::from_pathname(&path(107)[5..]).is_ok());
    assert!(path(107).parse::<Endpoint>().is_ok());
    assert!(error(&path(108)).contains("at most 107"));
}

fn word() -> impl Strategy<Value = String> {
    "[^\\p{C}]{1,20}"
}

fn any_interface() -> impl Strategy<Value = Option<Interface>> {
    proptest::option::of(prop_oneof![
        Just(Interface::Localhost),
        any::<IpAddr>().prop_map(Interface::Address),
    ])
}

fn tls_options() -> impl Strategy<Value = TlsOptions> {
    let cert = proptest::option::of((word(), proptest::option::of(word())));
    (cert, proptest::option::of(word())).prop_map(|(cert, client_ca)| {
        let (cert, key) = cert.map_or((None, None), |(cert, key)| (Some(cert), key));
        TlsOptions { cert, key, client_ca, ..TlsOptions::default() }
    })
}

fn client_options() -> impl Strategy<Value = TlsOptions> {
    (proptest::option::of(word()), proptest::option::of(word())).prop_map(|(name, ca)| TlsOptions {
        name,
        ca,
        ..TlsOptions::default()
    })
}

fn any_host() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z][a-z0-9.-]{0,40}", any::<IpAddr>().prop_map(|ip| ip.to_string())]
}

fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    prop_oneof![
        (any::<u16>(), any_interface(), proptest::option::of(tls_options()))
            .prop_map(|(port, interface, tls)| At::Tcp { port, interface, host: None, tls }),
        (1..=u16::MAX, any_host(), proptest::option::of(client_options()))
            .prop_map(|(port, host, tls)| At::Tcp { port, interface: None, host: Some(host), tls }),
        (any::<u16>(), any_interface()).prop_map(|(port, interface)| At::Udp { port, interface }),
        (any::<u16>(), any_interface(), tls_options()).prop_map(|(port, interface, tls)| At::Quic {
            port,
            interface,
            tls
        }),
        (word(), proptest::option::of(0..=0o777_u32))
            .prop_map(|(path, mode)| At::Unix { path: path.into(), mode }),
        proptest::option::of(word()).prop_map(|name| At::Systemd { name }),
        (0..=i32::MAX as u32).prop_map(At::Fd),
        Just(At::Stdio),
        (word(), proptest::collection::vec("[^\\p{C}]{0,8}", 0..4))
            .prop_map(|(program, args)| At::Process { program, args }),
        word().prop_map(At::Memory),
    ]
    .prop_map(Endpoint)
}

proptest! {
    #[test]
    fn what_is_shown_parses_to_the_same(endpoint in any_endpoint()) {
        let shown = endpoint.to_string();
        prop_assert_eq!(shown.parse::<Endpoint>().map_err(|e| e.to_string()), Ok(endpoint));
    }

    #[test]
    fn any_text_parses_or_is_an_error(text in ".{0,60}") {
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            prop_assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
        }
    }

    #[test]
    fn text_that_looks_right_parses_or_is_an_error(text in "(tcp|tls|quic|unix|udp|fd|process|memory|8):[a-z0-9:=\\[\\]\\\\.]{0,40}") {
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            prop_assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
        }
    }
}

#[test]
fn files_of_an_endpoint_are_taken_from_a_folder() {
    let moved = |text: &str| text.parse::<Endpoint>().unwrap().in_folder("/etc/rope".as_ref()).to_string();
    assert_eq!(moved("unix:run.sock"), "unix:/etc/rope/run.sock");
    assert_eq!(moved("unix:/run/x.sock"), "unix:/run/x.sock");
    let tls = moved("tls:443:cert=a.pem:key=k/b.pem:client-ca=c.pem");
    for file in ["cert=/etc/rope/a.pem", "key=/etc/rope/k/b.pem", "client-ca=/etc/rope/c.pem"] {
        assert!(tls.contains(file), "{tls}");
    }
    assert!(moved("quic:443:cert=a.pem:key=b.pem").ends_with("cert=/etc/rope/a.pem:key=/etc/rope/b.pem"));
    // Without a key it is a name, and no file.
    assert!(moved("tls:443:cert=main").contains("cert=main"));
    assert_eq!(moved("tcp:80"), "tcp:80");
}
