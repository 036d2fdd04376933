//! What is in the log.

use ropewalk_core::data::files::Memory;
use ropewalk_core::testkit::Log;

use super::super::Ftp;
use super::client::{area, options, serve};

#[tokio::test]
async fn no_password_is_in_the_log_and_no_name_makes_a_line() {
    let log = Log::new();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = serve(Ftp::new(area(&Memory::new())).with(options()));
    let mut client = server.connect().await;
    assert_eq!(client.codes(["USER ann", "PASS canary1", "PASS canary2"]).await, [331, 530, 503]);
    client.log_in("ann", "secret").await;
    assert_eq!(client.code("MKD x\x1b[2J").await, 257);
    let log = log.text();
    assert!(log.contains("logged in") && log.contains("directory made"), "{log}");
    assert!(log.contains("offence=\"wrong_password\" user=\"ann\""), "{log}");
    assert!(!log.contains("canary") && !log.contains("secret") && !log.contains('\x1b'), "{log}");
}
