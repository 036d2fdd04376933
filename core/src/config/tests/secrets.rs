//! Secrets stay secret.

use super::*;

#[test]
fn secrets_are_never_shown() {
    for line in [
        "password = \"hunter2\"",
        "pasword = \"hunter2\"",
        "password = { flie = \"hunter2\" }",
        "password = [\"hunter2\"]",
        "password = \"hunter2",
        "password = \"\"\"\nhunter2",
        "password = [\n\"hunter2\n]",
        "password = { file = \"a\",\n \"hunter2\" }",
        "x = { password = \"hunter2\" ",
        "password \"hunter2\"",
        "something = { x = { y = [\"hunter2\"] } }",
    ] {
        let document = document(&format!("{GOOD}{line}\n"));
        let reading = read(&document);
        let shown = reading.diagnostics.render(true) + &reading.show(&document, true);
        assert!(!reading.diagnostics.is_empty());
        assert!(!shown.contains("hunter2"), "{line}: {shown}");
        assert!(!format!("{:?}", reading.diagnostics.records()).contains("hunter2"), "{line}");
    }
    let document = document(GOOD)
        .environment([("ROPEWALK__SERVICE__MAIN__PASSWORD".into(), "hunter2".into())])
        .set(["service.main.pasword=hunter2"]);
    let reading = read(&document);
    let shown = reading.diagnostics.render(false) + &reading.show(&document, true);
    assert!(shown.contains("unknown key `pasword`") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn whoever_types_a_secret_is_not_told_to_put_it_elsewhere() {
    let text = format!("{GOOD}password = \"hunter2\"");
    let typed = Document::new().typed(Path::new("/etc/ropewalk"), &text);
    assert!(read(&document(&text)).diagnostics.render(false).contains("a secret stands in"));
    assert!(read(&typed).diagnostics.is_empty());
    assert!(!read(&typed).show(&typed, true).contains("hunter2"));
}

#[test]
fn services_of_a_kind_nobody_knows_are_masked_too() {
    let document = document(&format!("{GOOD}password = \"hunter2\"").replace("\"site\"", "\"siet\""));
    assert!(!read(&document).show(&document, false).contains("hunter2"));
}

#[test]
fn the_file_of_a_secret_may_not_be_open_to_the_world() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = directory(&[
        ("ropewalk.toml", &format!("{GOOD}password = {{ file = \"password\" }}")),
        ("password", "hunter2\n"),
    ]);
    let read = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(dir.path().join("password"), mode).unwrap();
        read(&Document::new().file(&dir.path().join("ropewalk.toml")))
    };
    assert!(read(0o640).diagnostics.is_empty());
    let text = read(0o644).diagnostics.render(false);
    assert!(text.contains("has mode 0644: a secret's file may not be wider than 0640"), "{text}");
    let (one, two) = (read(0o600), {
        std::fs::write(dir.path().join("password"), "hunter3").unwrap();
        read(0o600)
    });
    assert_ne!(fingerprint(&one), fingerprint(&two), "another secret makes another service");
}
