//! Files, `conf.d`, the environment and options together.

use super::*;

#[test]
fn later_sources_win_and_their_origin_is_shown() {
    let document = document(GOOD)
        .environment([
            ("ROPEWALK__LIMITS__IDLE".into(), "2m".into()),
            ("ROPEWALK__SERVICE__MAIN__PORT".into(), "81".into()),
            ("HOME".into(), "/".into()),
        ])
        .set(["service.main.port=82", "log.level=debug"]);
    let reading = read(&document);
    let shown = reading.show(&document, true);
    let plan = reading.plan.unwrap();
    assert_eq!(plan.settings.as_deref(), Some("debug"));
    assert_eq!(plan.limits.idle, Duration::from_secs(120));
    for line in [
        "drain = \"5s\"  # ropewalk.toml:2",
        "idle = \"2m\"  # environment variable ROPEWALK__LIMITS__IDLE",
        "port = 82  # option --set service.main.port (number 1)",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
}

#[test]
fn errors_outside_files_name_the_variable_or_option() {
    let document = document(GOOD).environment([("ROPEWALK__LIMITS__IDLE".into(), "soon".into())]).set([
        "service.mian.port=1",
        "limits.line=-1",
        "nonsense",
    ]);
    let records = read(&document).diagnostics.records();
    let told: Vec<_> = records.iter().map(|r| (r.file.as_str(), r.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "environment variable ROPEWALK__LIMITS__IDLE",
                "expected a duration such as \"30s\", \"5m\", \"1h 30m\" or \"250ms\""
            ),
            (
                "option --set service.mian.port (number 1)",
                "no `service` is called `mian`: did you mean `main`?"
            ),
            (
                "option --set limits.line (number 2)",
                "expected a number of octets such as \"16KiB\", \"1MB\" or 512"
            ),
            ("option --set nonsense (number 3)", "expected KEY=VALUE, where KEY is like `section.key`"),
        ]
    );
}

#[test]
fn files_beside_are_read_by_name_and_win_over_the_file() {
    let dir = directory(&[
        ("ropewalk.toml", GOOD),
        ("conf.d/20.toml", "[log]\nlevel = \"twenty\"\n"),
        ("conf.d/10.toml", "drain = \"9s\"\n[log]\nlevel = \"ten\"\n[files.more]\npath = \"x\"\n"),
        ("conf.d/30.toml", "[[service]]\nkind = \"site\"\nlisten = \"a\"\nfiles = \"more\"\n"),
        ("conf.d/readme.txt", "no toml"),
    ]);
    let reading = read(&Document::new().file(&dir.path().join("ropewalk.toml")));
    assert_eq!(reading.diagnostics.render(false), "");
    let plan = reading.plan.unwrap();
    assert_eq!(plan.settings.as_deref(), Some("twenty"));
    assert_eq!(plan.limits.drain, Duration::from_secs(9));
    let names: Vec<_> = plan.members.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["main", "site-1"]);
    let more = plan.resources.get::<dyn Folder>("files", "more").unwrap();
    assert_eq!(more.path(), dir.path().join("conf.d/x"));
}

#[test]
fn a_name_defined_twice_is_told_with_both_places() {
    let dir = directory(&[
        ("ropewalk.toml", GOOD),
        ("conf.d/a.toml", "[files.x]\npath = \"1\"\n"),
        ("conf.d/b.toml", "\n[files.x]\npath = \"2\"\n[files.public]\npath = \"mine\"\n"),
        ("conf.d/c.toml", "[[service]]\nname = \"main\"\nkind = \"site\"\nlisten = \"a\"\nfiles = \"x\"\n"),
    ]);
    let diagnostics = read(&Document::new().file(&dir.path().join("ropewalk.toml"))).diagnostics;
    let messages: Vec<_> = diagnostics.records().into_iter().map(|r| (r.line, r.message)).collect();
    assert_eq!(
        messages,
        [(2, "[files.x] is defined twice".to_owned()), (2, "the service `main` is defined twice".to_owned())]
    );
    let text = diagnostics.render(false);
    assert!(text.contains("b.toml:2") && text.contains("a.toml:1"), "{text}");
    assert!(text.contains("c.toml:2") && text.contains("ropewalk.toml:10"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_or_is_too_large_is_an_error() {
    let dir = directory(&[("large.toml", &"#".repeat(1024 * 1024 + 1))]);
    for (name, message) in [("none.toml", "No such file"), ("large.toml", "more than 1048576 octets")] {
        let text = read(&Document::new().file(&dir.path().join(name))).diagnostics.render(false);
        assert!(text.contains(message) && text.contains(name), "{text}");
    }
}
