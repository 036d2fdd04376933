//! The cases against our own HTTP server, in this process.

use std::sync::Arc;
use std::time::Duration;

use ropewalk_conformance::{Expectations, Need, Options, Subject, http, suite};
use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use ropewalk_core::data::files::layers::{Dots, Hide};
use ropewalk_http::{Http, Static};
use ropewalk_store::files::local::Local;

#[tokio::test]
async fn our_own_server_fails_nothing_but_what_is_known() {
    let dir = tempfile::tempdir().unwrap();
    http::fixture::write(dir.path()).unwrap();
    let local = Local::new(dir.path().join("root")).unwrap();
    let server = Http::new(Static::new(Arc::new(Hide::new(local, Dots::Hide))));
    let mut limits = Limits::default();
    (limits.first_byte, limits.handshake) = (Duration::from_secs(1), Duration::from_secs(1));
    (limits.idle, limits.write) = (Duration::from_secs(1), Duration::from_secs(1));
    let cx = Context::root(limits);
    let subject = Subject::protocol("ropewalk", server, &cx).with(Need::ShortTimeouts);
    let known = Expectations::parse(include_str!("../expectations/ropewalk.toml")).unwrap();
    let report = suite("http").unwrap().run(&subject, &Options::default()).await.judged_by(&known);
    println!("{}", report.text());
    assert_eq!(report.exit_code(), 0, "{}", report.text());
}
