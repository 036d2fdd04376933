use std::sync::atomic::Ordering;

use tokio::time::timeout;

use super::*;
use crate::client::scripted::{Scripted, answered};
use crate::server::asking::zone;
use crate::server::{Answering, Rules};
use crate::zone::ZoneSet;

fn engine(serial: u32) -> Engine {
    let mut set = ZoneSet::default();
    set.insert(zone(serial).into());
    Engine::new(set, Answering::default())
}

fn book(server: &Scripted) -> Book {
    let rules = Rules { notify: vec![Partner::new(server.at, None)], ..Rules::default() };
    Book::new(vec![("example.".parse().unwrap(), Arc::new(rules))])
}

/// The serial in the SOA of a NOTIFY.
fn serial(request: &[u8]) -> u8 {
    request[request.len() - 17]
}

#[tokio::test]
async fn each_change_is_told_once_and_again_until_there_is_a_reply() {
    let (told, mut heard) = tokio::sync::mpsc::channel(64);
    let listen = move |number, request: &[u8]| {
        told.try_send((request[2], serial(request))).unwrap();
        // The first is lost.
        if number == 0 { vec![] } else { vec![answered(request, &[])] }
    };
    let server = Scripted::new(listen, |_| vec![]).await;
    let (engine, book, notices) = (engine(1), book(&server), Notices::default());
    let test = async {
        assert_eq!(heard.recv().await, Some((0x24, 1)));
        assert_eq!(heard.recv().await, Some((0x24, 1)), "the first was lost");
        engine.update(|_| {
            let mut set = ZoneSet::default();
            set.insert(zone(2).into());
            set
        });
        assert_eq!(heard.recv().await, Some((0x24, 2)));
        // A zone that is the same is no change.
        engine.update(|set| (**set).clone());
        assert!(timeout(Duration::from_millis(2500), heard.recv()).await.is_err());
    };
    tokio::select! {
        () = notices.tend(&engine, &book) => unreachable!(),
        () = test => {}
    }
    assert_eq!(server.heard.load(Ordering::Relaxed), 3);
}
