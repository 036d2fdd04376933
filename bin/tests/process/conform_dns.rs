//! The cases of DNS against the program itself, by every transport, with the keys and the zones of the suite.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use ropewalk_conformance::dns::fixture::{KEY, OTHER, zones};

use crate::daemon::{Daemon, Folder, done, free_port, ropewalk};

/// A server of the zones of the suite: one key may transfer all of them and change two, the other nothing. Those that come
/// signed are served so, or signed by the server.
fn config(port: u16, signs: bool) -> String {
    let grant = |name: &str| {
        let names = format!("names = [\"{name}\", \"*.{name}\"]");
        format!(", allow_update = [{{ key = \"{}\", {names}, types = [\"ANY\"] }}]", KEY.0)
    };
    let zone = |name: &str| {
        let (dir, more) = match name {
            "update.test" | "ixfr.test" => ("dns", grant(name)),
            "nsec.test" if signs => ("dns/unsigned", ", sign = true".to_owned()),
            "nsec3.test" if signs => {
                ("dns/unsigned", ", sign = { algorithm = \"ed25519\", nsec3 = true }".to_owned())
            }
            _ => ("dns", String::new()),
        };
        format!("{{ file = \"files/{dir}/{name}.zone\", origin = \"{name}\"{more} }}")
    };
    let zones = zones().iter().map(|one| zone(one.name)).collect::<Vec<_>>().join(", ");
    format!(
        "store = \"store\"\n[keys.{key}]\nsecret = {{ file = \"one\" }}\n[keys.{other}]\nsecret = {{ file = \"two\" }}\n\
         [zones.main]\nzone = [{zones}]\nallow_transfer = [\"key:{key}\"]\nnsid = \"rope\"\n\
         [[service]]\nkind = \"dns\"\nzones = \"main\"\nidle = \"2s\"\nquery = \"2s\"\n\
         listen = [\"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\", \"tcp:{port}:interface=127.0.0.1\", \
         \"udp:{port}:interface=127.0.0.1\", \"quic:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\"]\n\
         [[service]]\nkind = \"http\"\ndns = \"main\"\n\
         listen = [\"tls:0:interface=127.0.0.1:cert=cert.pem:key=key.pem\"]\n",
        key = KEY.0,
        other = OTHER.0,
    )
}

#[test]
fn the_program_conforms_by_every_transport() {
    conforms(false, &[None]);
}

/// RFC 4034 and those after it, where the program has signed the zones itself.
#[test]
fn what_the_program_signs_conforms() {
    let documents = ["3597", "4034", "4035", "5155", "6672", "6840", "9077", "9276"];
    conforms(true, &documents.map(Some));
}

/// Tries the cases of each document, or all.
fn conforms(signs: bool, documents: &[Option<&str>]) {
    let port = free_port();
    let folder = Folder::with(&config(port, signs));
    for (file, secret) in [("one", KEY.1), ("two", OTHER.1)] {
        set_permissions(folder.write(file, secret), Permissions::from_mode(0o600)).unwrap();
    }
    done(ropewalk(["conform", "fixture"]).arg(folder.join("files"))).says(0, &[]);
    done(ropewalk(["cert", "self-signed"]).current_dir(folder.path())).says(0, &[]);
    let add = ["user", "add", "ann", "--no-password", "--store", "store"];
    done(ropewalk(add).current_dir(folder.path())).says(0, &[]);
    let server = Daemon::of(&mut folder.command(&[]));
    let [dot, _, doq, _, doh] = server.addresses()[..] else { panic!("{}", server.log()) };
    for document in documents {
        let mut command: Command =
            ropewalk(["conform", "dns", "--short-timeouts", "--given", "transfer", "--given", "update"]);
        command.args(["--against", &format!("127.0.0.1:{port}")]);
        command.args(["--dot", &dot.to_string(), "--doh", &doh.to_string(), "--doq", &doq.to_string()]);
        let users = [KEY, OTHER].map(|(name, secret)| format!("{name}:{secret}"));
        command.args(["--user", &users[0], "--other", &users[1]]);
        let expect = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/expectations/ropewalk.toml");
        command.args(["--expect", expect]);
        if let Some(document) = document {
            command.args(["--only", &format!("dns/{document}")]);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let told: Vec<_> = said.lines().filter(|line| !line.starts_with("PASS")).collect();
        let lacks = told.iter().any(|line| line.contains("the subject lacks"));
        assert!(output.status.success() && !lacks, "{}\n{}", told.join("\n"), server.log());
    }
}
