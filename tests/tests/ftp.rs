//! The cases of FTP against our own server, on a port of the loopback: data connections need one.

#![expect(clippy::unwrap_used, reason = "a test that cannot serve files has failed")]

mod serve;

use std::sync::Arc;

use async_trait::async_trait;
use ropewalk_conformance::ftp::fixture;
use ropewalk_conformance::{Expectations, Need, Options, Subject, suite};
use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use ropewalk_core::data::cred::{LoginError, Memory as People, Principal, Realm};
use ropewalk_core::data::files::{Files, Memory};
use ropewalk_core::tls::{Certificates, ClientAuth, ServerTls, self_signed};
use ropewalk_ftp::{Area, Ftp};

/// The same files for everybody.
struct Same(Arc<dyn Files>);

#[async_trait]
impl Realm<dyn Files> for Same {
    async fn avatar(&self, _: &Principal) -> Result<Arc<dyn Files>, LoginError> {
        Ok(Arc::clone(&self.0))
    }
}

fn files() -> Memory {
    let empty = Memory::new().with_dir(&format!("/{}", fixture::UPLOAD));
    fixture::FILES.iter().fold(empty, |tree, file| tree.with(&format!("/{}", file.path), file.content()))
}

fn server() -> Ftp {
    let user = format!("{}:{}", fixture::USER, fixture::PASSWORD);
    let people = People::new().unwrap().user(user.parse().unwrap());
    let certificate = self_signed(&["conform.test".into()]).unwrap().certificate().unwrap();
    let tls = ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).unwrap();
    let mut options = ropewalk_ftp::Options::default();
    options.active = true;
    options.passive = 0..=0;
    options.per_person = 1000;
    let area = Area::new().people(Arc::new(people), Arc::new(Same(Arc::new(files()))));
    Ftp::new(area).with(options).tls(&tls)
}

#[tokio::test]
async fn the_server_conforms() {
    let context = Context::root(Limits::default());
    let address = serve::listening(server(), &context).await;
    let subject = Subject::at(&address.to_string()).unwrap().user(fixture::USER, fixture::PASSWORD);
    let subject = [Need::Upload, Need::Tls, Need::Active].into_iter().fold(subject, Subject::with);
    let known = Expectations::parse(include_str!("../expectations/ropewalk.toml")).unwrap();
    let report = suite("ftp").unwrap().run(&subject, &Options::default()).await.judged_by(&known);
    let failed = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((failed, report.exit_code()), (0, 0), "{}", report.text());
    let lacks = |why: &String| why.starts_with("the subject lacks");
    let skipped = report.rows().iter().filter(|row| row.note.as_ref().is_some_and(lacks));
    assert_eq!(skipped.map(|row| row.id).collect::<Vec<_>>(), [""; 0]);
}
