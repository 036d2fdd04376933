//! The configuration as its users see it: text in, plan and diagnostics out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::Result;
use crate::app::{BoxService, Context, Service};

mod properties;
mod secrets;
mod sources;

struct Site;

impl Service for Site {
    async fn run(&self, cx: Context) -> Result<()> {
        cx.ready();
        cx.stopping().await;
        Ok(())
    }
}

trait Folder: Send + Sync {
    fn path(&self) -> PathBuf;
}

impl Folder for PathBuf {
    fn path(&self) -> PathBuf {
        self.clone()
    }
}

fn site(s: &mut Section<'_>, all: &Resources) -> Option<BoxService> {
    let listen = s.key("listen", "Endpoints to listen at.").required::<Vec<String>>();
    let files = s.key("files", "The files that are served.").resource::<dyn Folder>("files", all);
    let _: u16 = s.key("port", "A port of no use.").or(80);
    let _: Duration = s.key("timeout", "How long to wait.").or(Duration::from_secs(30));
    let _: bool = s.key("index", "Whether folders are listed.").or(false);
    let _: Option<Secret> = s.key("password", "What lets in.").optional();
    let _: bool = s.key("mode", "How it is served.").word_or(("fast", true), &[("slow", false)]);
    for mut route in s.tables("route", "What is served where.") {
        route.key("path", "The path's beginning.").required::<String>();
    }
    s.limits();
    listen.zip(files).map(|_| Site.boxed())
}

fn folder(s: &mut Section<'_>, all: &mut Resources) {
    if let Some(path) = s.key("path", "The folder.").required::<PathBuf>() {
        all.provide::<dyn Folder>(s, Arc::new(path));
    }
}

const SITE: Kind = Kind {
    name: "site",
    summary: "A site of nothing.",
    example: "listen = [\"tcp:80\"]\nfiles = \"public\"\nindex = true\n[[service.route]]\npath = \"/\"",
    build: site,
};
const FILES: ResourceKind =
    ResourceKind { name: "files", summary: "A folder.", example: "path = \"/srv\"", build: folder };

fn registry() -> Registry {
    Registry::new().with_resource(FILES).with(SITE)
}

fn document(text: &str) -> Document {
    Document::new().text("ropewalk.toml", Path::new("/etc/ropewalk"), text)
}

fn read(document: &Document) -> Reading<Option<String>> {
    document.read(&registry(), |top| {
        let mut log = top.table("log", "What is logged, and where.")?;
        log.key("level", "The least level that is logged.").optional()
    })
}

const GOOD: &str = r#"
drain = "5s"
[log]
level = "info"
[limits]
idle = "1m"
[files.public]
path = "www"
[[service]]
name = "main"
kind = "site"
listen = ["tcp:80"]
files = "public"
"#;

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("conf.d")).unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn a_good_file_makes_a_plan() {
    let reading = read(&document(GOOD));
    assert_eq!(reading.diagnostics.render(false), "");
    let plan = reading.plan.unwrap();
    assert_eq!(plan.settings.as_deref(), Some("info"));
    assert_eq!(plan.limits.idle, Duration::from_secs(60));
    assert_eq!(plan.limits.drain, Duration::from_secs(5));
    assert_eq!((plan.members[0].name.as_str(), plan.members[0].kind), ("main", "site"));
    let folder = plan.resources.get::<dyn Folder>("files", "public").unwrap();
    assert_eq!(folder.path(), Path::new("/etc/ropewalk/www"));
}

#[test]
fn five_mistakes_are_five_diagnostics_in_order() {
    let text = r#"
[files.public]
path = 7
[[service]]
kind = "site"
listen = ["tcp:80"]
files = "pubic"
port = 70000
timeout = "30"
indx = true
"#;
    let records = read(&document(text)).diagnostics.records();
    let places: Vec<_> = records.iter().map(|r| (r.line, r.column, r.message.as_str())).collect();
    assert_eq!(
        places,
        [
            (3, 8, "expected a string, found an integer"),
            (7, 9, "there is no [files.pubic]"),
            (8, 8, "70000 is not in the range 0 to 65535"),
            (9, 11, "expected a duration such as \"30s\", \"5m\", \"1h 30m\" or \"250ms\""),
            (10, 1, "unknown key `indx`"),
        ]
    );
    assert_eq!(records[1].help.as_deref(), Some("did you mean `public`?"));
    assert!(records[4].help.as_deref().unwrap().starts_with("did you mean `index`?"));
}

#[test]
fn an_excerpt_shows_line_and_caret() {
    let text = read(&document(&GOOD.replace("level", "levle"))).diagnostics.render(false);
    assert!(text.contains("error: unknown key `levle`"), "{text}");
    assert!(text.contains("ropewalk.toml:4:1"), "{text}");
    assert!(text.contains("^^^^^"), "{text}");
    assert!(text.contains("help: did you mean `level`?"), "{text}");
}

#[test]
fn of_too_many_mistakes_the_first_are_told_and_the_rest_counted() {
    let text: String = (0..1500).map(|n| format!("key{n} = 1\n")).collect();
    let diagnostics = read(&document(&text)).diagnostics;
    assert_eq!((diagnostics.len(), diagnostics.records().len()), (1500, 1000));
    assert!(diagnostics.render(false).ends_with("and 500 more\n"));
}

#[test]
fn a_kind_that_is_not_is_told_with_the_nearest() {
    let records = read(&document(&GOOD.replace("\"site\"", "\"siet\""))).diagnostics.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].message, "there is no kind `siet`");
    assert_eq!(records[0].help.as_deref(), Some("did you mean `site`?"));
}

#[test]
fn a_fault_in_what_a_key_leads_to_is_an_error_and_stops_nothing() {
    fn faulty(s: &mut Section<'_>, all: &mut Resources) {
        let path: Option<PathBuf> = s.key("path", "The folder.").required();
        s.fault_in("path", "there is a fault in it");
        all.provide::<dyn Folder>(s, Arc::new(path.unwrap()));
    }
    let registry = Registry::new().with_resource(ResourceKind { build: faulty, ..FILES }).with(SITE);
    let read = |text: &str| document(text).read(&registry, |top| -> u16 { top.key("level", "S.").or(0) });
    let text = GOOD.replace("[log]", "").replace("level = \"info\"", "level = 1");
    let reading = read(&text);
    let records = reading.diagnostics.records();
    let said: Vec<_> = records.iter().map(|one| (one.line, one.severity, one.message.as_str())).collect();
    assert_eq!(said, [(8, Severity::Error, "there is a fault in it")]);
    assert!(reading.diagnostics.has_errors());
    assert_eq!(reading.plan.unwrap().members.len(), 1);
    // Beside one of the other kind.
    let reading = read(&text.replace("\"tcp:80\"", "1"));
    assert_eq!((reading.plan.is_none(), reading.diagnostics.len()), (true, 2));
}

#[test]
fn errors_of_syntax_are_told_all_and_nothing_is_said_to_be_missing() {
    let text = "[files.public]\npath = \n[[service]]\nkind = \"site\"\nlisten = [\"a\n[log]\nlevle = 1\n";
    let records = read(&document(text)).diagnostics.records();
    let lines: Vec<_> = records.iter().map(|r| r.line).collect();
    assert_eq!(lines, [2, 5, 7], "{records:?}");
    assert!(!records.iter().any(|r| r.message.contains("` is missing")), "{records:?}");
}

#[test]
fn what_can_be_read_of_a_broken_file_is_checked() {
    let text = GOOD
        .replace("drain = ", "drain ")
        .replace("[limits]", "[limits")
        .replace("tcp:80\"]", "tcp:80\"]\nport = 70000\nnmae = 1");
    let lines: Vec<_> = read(&document(&text)).diagnostics.records().iter().map(|r| r.line).collect();
    assert_eq!(lines, [2, 5, 13, 14]);
}

#[test]
fn a_service_without_required_keys_is_told_where_it_stands() {
    let records = read(&document("[[service]]\nkind = \"site\"\n")).diagnostics.records();
    let places: Vec<_> = records.iter().map(|r| (r.line, r.message.as_str())).collect();
    assert_eq!(places, [(1, "`files` is missing"), (1, "`listen` is missing")]);
}

#[test]
fn a_resource_with_errors_is_told_once_and_not_by_those_who_refer_to_it() {
    let records = read(&document(&GOOD.replace("\"www\"", "5"))).diagnostics.records();
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0].line, 8);
}

fn fingerprint<T>(reading: &Reading<T>) -> Fingerprint {
    reading.plan.as_ref().unwrap().members[0].fingerprint
}

#[test]
fn fingerprints_change_exactly_when_they_must() {
    let of = |text: &str| fingerprint(&read(&document(text)));
    let first = of(GOOD);
    let other = "[files.other]\npath = \"y\"\n[[service]]\nname = \"two\"\nkind = \"site\"\nlisten = \"a\"\n\
        files = \"other\"\n";
    for same in [
        GOOD.replace("[log]", "# a comment\n\n[log]"),
        GOOD.replace("info", "debug"),
        GOOD.replace("listen = [\"tcp:80\"]\nfiles = \"public\"", "files = 'public'\nlisten = [ 'tcp:80' ]"),
        format!("{GOOD}{other}"),
    ] {
        assert_eq!(of(&same), first, "{same}");
    }
    for another in [
        GOOD.replace("tcp:80", "tcp:81"),
        GOOD.replace("www", "wwww"),
        GOOD.replace("1m", "2m"),
        format!("{GOOD}index = true"),
        format!("{GOOD}[service.limits]\nidle = \"3m\""),
    ] {
        assert_ne!(of(&another), first, "{another}");
    }
    let elsewhere = Document::new().text("ropewalk.toml", Path::new("/srv"), GOOD);
    assert_ne!(fingerprint(&read(&elsewhere)), first, "its files are others");
}

#[test]
fn unnamed_services_get_names_that_nobody_has() {
    let service = "[[service]]\nkind = \"site\"\nlisten = \"a\"\nfiles = \"public\"\n";
    let text = format!("{}{service}{service}", GOOD.replace("\"main\"", "\"site-1\""));
    let plan = read(&document(&text)).plan.unwrap();
    let names: Vec<_> = plan.members.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["site-1", "site-2", "site-3"]);
}

#[test]
fn a_resource_refers_only_to_kinds_before_its_own() {
    fn early(s: &mut Section<'_>, all: &mut Resources) {
        s.key("files", "The files it is made of.").resource::<dyn Folder>("files", all);
    }
    let early = ResourceKind { name: "early", summary: "Too early.", example: "", build: early };
    let document = document("[early.a]\nfiles = \"b\"\n[files.b]\npath = \"/\"\n");
    let registry = Registry::new().with_resource(early).with_resource(FILES);
    let records = document.read(&registry, |_| ()).diagnostics.records();
    assert_eq!(records[0].message, "[files.b] cannot be referred to from here, as it is made later");
    let registry = Registry::new().with_resource(FILES).with_resource(early);
    assert!(document.read(&registry, |_| ()).plan.is_some());
}

#[test]
fn check_example_finds_what_is_wrong_with_a_kind() {
    fn undocumented(s: &mut Section<'_>, _: &Resources) -> Option<BoxService> {
        s.key("listen", "").optional::<String>();
        Some(Site.boxed())
    }
    fn conditional(s: &mut Section<'_>, _: &Resources) -> Option<BoxService> {
        s.key("listen", "Where to listen.").required::<String>()?;
        s.key("port", "Which port to use.").optional::<u16>();
        Some(Site.boxed())
    }
    fn mute(_: &mut Section<'_>, _: &Resources) -> Option<BoxService> {
        None
    }
    for (build, example, message) in [
        (undocumented as fn(&mut Section<'_>, &Resources) -> _, "listen = 'a'", "is not documented"),
        (conditional, "listen = 'a'\nport = 1", "`port` is asked for only where"),
        (conditional, "prot = 1\nlisten = 'a'", "unknown key `prot`"),
        (mute, "", "the site service cannot be made"),
    ] {
        let error = check_example(&Kind { build, example, ..SITE }, Registry::new(), "").unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn the_reference_tells_type_need_and_sentence_of_each_key() {
    let schema = SITE.schema();
    let explained: Vec<_> = schema.explain("site.port").collect();
    assert_eq!(explained.len(), 1);
    assert_eq!(explained[0].need, Need::Default("80".into()));
    assert_eq!((explained[0].kind.as_str(), explained[0].doc), ("integer", "A port of no use."));
    assert!(schema.explain("limits.idle").any(|key| key.need == Need::Default("\"5m\"".into())));
    assert!(schema.keys.iter().any(|key| key.path == "route[].path" && key.need == Need::Required));

    let example = schema.to_toml();
    assert!(example.contains("# - port (integer, by default 80): A port of no use.\n"), "{example}");
    let document = document(&format!("[files.public]\npath = \"/\"\n{example}"));
    assert!(read(&document).plan.is_some(), "{example}");

    let json = registry().json_schema(|top| drop(top.table("log", "What is logged, and where.")));
    let service = &json["properties"]["service"]["items"]["oneOf"][0];
    assert_eq!(service["required"], serde_json::json!(["kind", "listen", "files"]));
    assert_eq!(service["properties"]["mode"]["enum"], serde_json::json!(["fast", "slow"]));
    assert_eq!(service["properties"]["mode"]["default"], "fast");
    assert_eq!(service["properties"]["route"]["items"]["properties"]["path"]["type"], "string");
    assert_eq!(json["properties"]["files"]["additionalProperties"]["required"], serde_json::json!(["path"]));
    assert_eq!(json["properties"]["limits"]["properties"]["line"]["default"], "8KiB");
}

#[test]
fn the_example_is_read() {
    check_example(&SITE, registry(), "[files.public]\npath = \"/srv\"").unwrap();
    check_resource_example(&FILES, Registry::new(), "").unwrap();
}

#[test]
fn a_table_of_names_is_read_whole_or_each_mistake_in_it_told() {
    fn fields(s: &mut Section<'_>, _: &Resources) -> Option<BoxService> {
        let all: BTreeMap<String, u8> = s.key("all", "Numbers by name.").or(BTreeMap::new());
        s.error(format!("{all:?} {}", all.to_toml()));
        None
    }
    let read = |line: &str| {
        let kind = Kind { name: "fields", summary: "Fields.", example: "", build: fields };
        let text = format!("[[service]]\nkind = \"fields\"\n{line}\n");
        let records = document(&text).read(&Registry::new().with(kind), |_| ()).diagnostics.records();
        records.into_iter().map(|record| (record.column, record.message)).collect::<Vec<_>>()
    };
    let good = read("all = { a = 1, \"b c\" = 2 }");
    assert_eq!(good, [(1, "{\"a\": 1, \"b c\": 2} { \"a\" = 1, \"b c\" = 2 }".to_owned())]);
    let wrong: Vec<_> = read("all = { a = 1000, b = true }").into_iter().map(|(column, _)| column).collect();
    assert_eq!(wrong, [1, 13, 23]);
    assert!(read("all = 1").iter().any(|(_, message)| message == "expected a table, found an integer"));
}

#[test]
fn a_table_may_be_switched_on_and_off() {
    fn switched(s: &mut Section<'_>, _: &Resources) -> Option<BoxService> {
        let keys = s.switch("sign", "Signs.").map(|mut sign| sign.key("days", "How long.").or(7_u8));
        s.error(format!("{keys:?}"));
        None
    }
    let kind = Kind { name: "switched", summary: "Switched.", example: "", build: switched };
    let read = |line: &str| {
        let text = format!("[[service]]\nkind = \"switched\"\n{line}\n");
        let records = document(&text).read(&Registry::new().with(kind), |_| ()).diagnostics.records();
        records.into_iter().map(|record| record.message).collect::<Vec<_>>()
    };
    assert_eq!(read(""), ["None"]);
    assert_eq!(read("sign = false"), ["None"]);
    assert_eq!(read("sign = true"), ["Some(7)"]);
    assert_eq!(read("sign = { days = 3 }"), ["Some(3)"]);
    assert!(read("sign = 1").contains(&"expected a table, found an integer".to_owned()));
    assert!(read("sign = { hours = 3 }").iter().any(|message| message.contains("unknown key `hours`")));
    assert_eq!(kind.schema().keys.iter().filter(|key| key.path.starts_with("sign")).count(), 2);
}
