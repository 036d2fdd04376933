//! The configuration as its users see it: text in, plan and diagnostics out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::Result;
use crate::app::{BoxService, Context, Service};

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
    (listen?, files?);
    Some(Site.boxed())
}

fn folder(s: &mut Section<'_>, all: &mut Resources) {
    if let Some(path) = s.key("path", "The folder.").required::<PathBuf>() {
        all.provide::<dyn Folder>("files", s, Arc::new(path));
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
fn the_example_is_read() {
    check_example(&SITE, registry(), "[files.public]\npath = \"/srv\"").unwrap();
    check_resource_example(&FILES, Registry::new(), "").unwrap();
}
