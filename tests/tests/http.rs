//! The cases against our own server: in memory, and over sockets, where files go another way.

#![expect(clippy::unwrap_used, reason = "a test that cannot serve files has failed")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_conformance::{Expectations, Need, Options, Report, Subject, http, suite};
use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Protocol as _};
use ropewalk_core::net::Connection;
use ropewalk_http::{Http, Static};
use ropewalk_store::files::Local;
use tokio::net::TcpListener;

fn server(dir: &Path) -> Http {
    http::fixture::write(dir).unwrap();
    let files = Local::new(dir.join("root")).unwrap();
    let mut options = ropewalk_http::Options::default();
    let short = Some(Duration::from_secs(1));
    let deadlines = &mut options.deadlines;
    (deadlines.first_byte, deadlines.head, deadlines.body, deadlines.idle) = (short, short, short, short);
    Http::new(Static::new(Arc::new(files))).with(options)
}

fn assert_conforms(report: Report) {
    let known = Expectations::parse(include_str!("../expectations/ropewalk.toml")).unwrap();
    let report = report.judged_by(&known);
    let failed = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((failed, report.exit_code()), (0, 0), "{}", report.text());
}

#[tokio::test]
async fn the_server_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let context = Context::root(Limits::default());
    let subject = Subject::protocol("ropewalk", server(dir.path()), &context).with(Need::ShortTimeouts);
    assert_conforms(suite("http").unwrap().run(&subject, &Options::default()).await);
}

#[tokio::test]
async fn the_server_conforms_over_sockets() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let subject = Subject::at(&listener.local_addr().unwrap().to_string()).unwrap().with(Need::ShortTimeouts);
    let context = Context::root(Limits::default());
    let inner = context.clone();
    let _accepting = context.spawn(async move {
        loop {
            let conn = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
            let (server, cx) = (server.clone(), inner.child(inner.span().clone()));
            // How a connection ended for the server is not judged.
            inner.spawn(async move { drop(server.serve(conn, cx).await) }).detach();
        }
    });
    assert_conforms(suite("http").unwrap().run(&subject, &Options::default()).await);
}
