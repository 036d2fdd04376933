//! The cases against our own server: in memory, and over sockets, where files go another way.

#![expect(clippy::unwrap_used, reason = "a test that cannot serve files has failed")]

mod serve;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_conformance::{Expectations, Need, Options, Reason, Report, Subject, http, suite};
use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use ropewalk_core::data::cred::Memory;
use ropewalk_http::{
    Auth, Body, Compress, Failure, HeaderMap, HeaderValue, Http, Logins, Request, Response, Routes, Site,
    Static, StatusCode, Upgrade, header,
};
use ropewalk_store::files::Local;
use tokio::io::{copy, split};

fn server(dir: &Path) -> Http {
    http::fixture::write(dir).unwrap();
    let files = Local::new(dir.join("root")).unwrap();
    let mut options = ropewalk_http::Options::default();
    let short = Some(Duration::from_secs(1));
    let deadlines = &mut options.deadlines;
    (deadlines.first_byte, deadlines.head, deadlines.body, deadlines.idle) = (short, short, short, short);
    let files = Static::new(Arc::new(files)).cache_control(HeaderValue::from_static("max-age=60"));
    let routes = Routes::new().mount("/echo", echo).unwrap().mount("/early", early).unwrap();
    let routes = routes.mount("/switch", switch).unwrap().mount("/", Compress::new(files)).unwrap();
    Http::new(Site::new(routes).auth(login())).with(options)
}

/// What the cases with [`Need::Login`] must say.
fn login() -> Auth {
    let user = format!("{}:{}", http::fixture::USER, http::fixture::PASSWORD);
    let people = Memory::new().unwrap().user(user.parse().unwrap());
    Auth::new(Arc::new(Logins::new(Arc::new(people), "http")), ["/login/*".parse().unwrap()])
}

/// What the cases with [`Need::Echo`] talk to.
async fn echo(request: Request) -> Result<Response, Failure> {
    let values: Vec<_> = request.headers.get_all("x-echo").iter().cloned().collect();
    let mut response = Response::new(Body::from(request.body.read(1024 * 1024).await?));
    for value in values {
        response.headers_mut().append("x-echo", value);
    }
    Ok(response)
}

/// What the cases with [`Need::Early`] talk to.
async fn early(request: Request) -> Result<Response, Failure> {
    let link = HeaderValue::from_static("</hello.txt>; rel=preload");
    request.interim().send(StatusCode::EARLY_HINTS, &HeaderMap::from_iter([(header::LINK, link)]));
    Ok(Response::new(Body::from("early\n")))
}

/// What the cases with [`Need::Switch`] talk to.
async fn switch(_: Request) -> Result<Response, Failure> {
    Ok(Upgrade::to("rope", |conn, _| async move {
        let (mut read, mut write) = split(conn);
        // The client's end is the end, in whatever way it comes.
        let _ended = copy(&mut read, &mut write).await;
        Ok(())
    }))
}

/// All that a case may need but uploads ([`Need::Put`]), which do not exist yet.
const GIVEN: [Need; 6] =
    [Need::ShortTimeouts, Need::Echo, Need::Login, Need::Coded, Need::Early, Need::Switch];

fn with_all_there_is(subject: Subject) -> Subject {
    GIVEN.into_iter().fold(subject, Subject::with)
}

fn assert_conforms(report: Report) {
    let known = Expectations::parse(include_str!("../expectations/ropewalk.toml")).unwrap();
    let report = report.judged_by(&known);
    let failed = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((failed, report.exit_code()), (0, 0), "{}", report.text());
    let lacks_put = Reason::Lacks(Need::Put).to_string();
    let lacks = |why: &String| why.starts_with("the subject lacks") && *why != lacks_put;
    let skipped = report.rows().iter().filter(|row| row.note.as_ref().is_some_and(lacks));
    assert_eq!(skipped.map(|row| row.id).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn the_server_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let context = Context::root(Limits::default());
    let subject = with_all_there_is(Subject::protocol("ropewalk", server(dir.path()), &context));
    assert_conforms(suite("http").unwrap().run(&subject, &Options::default()).await);
}

#[tokio::test]
async fn the_server_conforms_over_sockets() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let context = Context::root(Limits::default());
    let address = serve::listening(server, &context).await;
    let subject = with_all_there_is(Subject::at(&address.to_string()).unwrap());
    assert_conforms(suite("http").unwrap().run(&subject, &Options::default()).await);
}
