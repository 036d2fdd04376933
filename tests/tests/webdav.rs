//! The cases of WebDAV against our own server: a tree in memory, and a folder of this machine over sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot serve files has failed")]

mod serve;

use std::sync::Arc;

use ropewalk_conformance::{Expectations, Options, Report, Subject, suite, webdav};
use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use ropewalk_core::data::cred::Memory as People;
use ropewalk_core::data::files::layers::Marked;
use ropewalk_core::data::files::{Files, Marks, Memory};
use ropewalk_http::{Auth, Http, Logins, Routes, Site, Static};
use ropewalk_store::files::{Local, local};

fn server(files: impl Files + 'static) -> Http {
    let people =
        [webdav::USER, webdav::OTHER].into_iter().fold(People::new().unwrap(), |people, (name, password)| {
            people.user(format!("{name}:{password}").parse().unwrap())
        });
    let login = Auth::new(Arc::new(Logins::new(Arc::new(people), "http")), ["/*".parse().unwrap()]);
    let files = Marked::new(files, Arc::new(Marks::memory()));
    let routes = Routes::new().mount("/", Static::new(Arc::new(files)).writable().dav()).unwrap();
    Http::new(Site::new(routes).auth(login))
}

fn given(subject: Subject) -> Subject {
    let ((name, password), (other, others)) = (webdav::USER, webdav::OTHER);
    subject.user(name, password).other(other, others)
}

fn assert_conforms(report: Report) {
    let known = Expectations::parse(include_str!("../expectations/ropewalk.toml")).unwrap();
    let report = report.judged_by(&known);
    let failed = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((failed, report.exit_code()), (0, 0), "{}", report.text());
    let lacks = |why: &String| why.starts_with("the subject lacks");
    let skipped = report.rows().iter().filter(|row| row.note.as_ref().is_some_and(lacks));
    assert_eq!(skipped.map(|row| row.id).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn the_server_conforms() {
    let context = Context::root(Limits::default());
    let subject = given(Subject::protocol("ropewalk", server(Memory::new()), &context));
    assert_conforms(suite("webdav").unwrap().run(&subject, &Options::default()).await);
}

#[tokio::test]
async fn the_server_conforms_over_sockets_with_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let context = Context::root(Limits::default());
    let mut options = local::Options::default();
    options.write = true;
    let files = Local::with(dir.path(), &options).unwrap();
    let address = serve::listening(server(files), &context).await;
    let subject = given(Subject::at(&address.to_string()).unwrap());
    assert_conforms(suite("webdav").unwrap().run(&subject, &Options::default()).await);
}
