use crate::daemon::{Folder, done, ropewalk, run};

const CONFIG: &str = "[limits]\nidle = \"90s\"\n\n[[service]]\nkind = \"echo\"\nlisten = \"tcp:7007\"\n";

#[test]
fn show_tells_where_each_value_comes_from() {
    let folder = Folder::with(CONFIG);
    let mut command = ropewalk(["config", "show", "--origin", "--set", "limits.line=4096"]);
    let said = done(command.args(folder.config()).env("ROPEWALK__LIMITS__WRITE", "7s"));
    said.says(
        0,
        &["idle = \"90s\"  # ", "ropewalk.toml:2", "line = 4096  # ", "--set", "ROPEWALK__LIMITS__WRITE"],
    );
    let plain = done(ropewalk(["config", "show"]).args(folder.config()));
    assert!(!plain.out.contains("ropewalk.toml"), "{}", plain.out);
}

#[test]
fn the_limits_in_force_can_be_pasted_into_a_file() {
    let folder = Folder::with(CONFIG);
    let mut show = ropewalk(["config", "show", "--effective"]);
    let said = done(show.args(folder.config()));
    said.says(
        0,
        &["drain = \"30s\"", "idle = \"90s\"", "login = \"30s\"", "line = \"8KiB\"", "connections = 10000"],
    );
    folder.write("ropewalk.toml", &format!("{}{}", said.out, &CONFIG[CONFIG.find("[[").unwrap()..]));
    folder.check(&[]).says(0, &[]);
    assert_eq!(done(&mut show).out, said.out);
}

#[test]
fn a_wrong_file_is_shown_with_its_errors() {
    let folder = Folder::with("drain = 3\n");
    done(ropewalk(["config", "show"]).args(folder.config())).says(78, &["ropewalk.toml:1:9"]);
}

#[test]
fn the_schema_is_json_and_knows_the_keys() {
    let schema: serde_json::Value = serde_json::from_str(&run(["config", "schema"]).out).unwrap();
    for key in ["limits", "log", "admin", "drain", "service"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

#[test]
fn the_example_of_a_kind_is_a_configuration() {
    let folder = Folder::with(&run(["config", "example", "echo"]).out);
    folder.check(&[]).says(0, &[]);
    run(["config", "example", "tls"]).says(0, &["[tls.example]", "client_ca"]);
    run(["config", "example"]).says(0, &["kind = \"echo\"", "kind = \"http\"", "[files.example]"]);
    run(["config", "example", "gopher"]).says(2, &["there is no kind `gopher`", "echo"]);
}

#[test]
fn a_key_is_explained() {
    run(["config", "explain", "limits.idle"]).says(0, &["duration", "default \"5m\"", "Without a byte"]);
    for key in ["zones.main.zone.keep", "zones.main.zone[].keep", "zone.keep", "zones.zone[].keep"] {
        let said = run(["config", "explain", key]);
        said.says(0, &["in [zones.NAME]: zone[].keep (boolean"]);
        assert_eq!(said.out.lines().count(), 1, "{key}: {}", said.out);
    }
    run(["config", "explain", "zones.main.zone.kept"]).says(2, &["there is no key `zones.main.zone.kept`"]);
    run(["config", "explain", "limits.idel"]).says(2, &["there is no key `limits.idel`"]);
}
