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
    Book::new(vec![("example.".parse().unwrap(), Arc::new(rules))], None)
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
    let counts = Counts::default();
    tokio::select! {
        () = notices.tend(&engine, &book, &counts) => unreachable!(),
        () = test => {}
    }
    assert_eq!(server.heard.load(Ordering::Relaxed), 3);
}

fn serve(engine: &Engine, serial: u32) {
    engine.update(|set| {
        let mut set = (**set).clone();
        set.insert(zone(serial).into());
        set
    });
}

#[tokio::test]
async fn who_does_not_reply_is_not_told_of_all_that_changes_meanwhile() {
    let (told, mut heard) = tokio::sync::mpsc::channel(64);
    let listen = move |number, request: &[u8]| {
        told.try_send(serial(request)).unwrap();
        // It replies to the second only, which comes after two seconds.
        if number == 1 { vec![answered(request, &[])] } else { vec![] }
    };
    let server = Scripted::new(listen, |_| vec![]).await;
    let (engine, book, notices) = (engine(1), book(&server), Notices::default());
    let test = async {
        assert_eq!(heard.recv().await, Some(1));
        for serial in 2..18 {
            serve(&engine, serial);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(heard.recv().await, Some(1), "the first is told again");
        assert_eq!(heard.recv().await, Some(17), "and then what it has become");
        assert!(timeout(Duration::from_millis(1500), heard.recv()).await.is_err());
    };
    let counts = Counts::default();
    tokio::select! {
        () = notices.tend(&engine, &book, &counts) => unreachable!(),
        () = test => {}
    }
}

#[tokio::test]
async fn who_does_not_reply_takes_nobody_elses_turn() {
    let silent = Scripted::new(|_, _| vec![], |_| vec![]).await;
    let (told, mut heard) = tokio::sync::mpsc::channel(64);
    let listen = move |_, request: &[u8]| {
        told.try_send(()).unwrap();
        vec![answered(request, &[])]
    };
    let server = Scripted::new(listen, |_| vec![]).await;
    let rules = |at| Arc::new(Rules { notify: vec![Partner::new(at, None)], ..Rules::default() });
    let (mut set, mut all) = (ZoneSet::default(), Vec::new());
    for number in 0..40 {
        let name = format!("a{number:02}.aaa.");
        let text = format!("{name} 60 IN SOA ns.{name} h.{name} 1 2 3 4 5\n{name} 60 IN NS ns.example.");
        set.insert(crate::server::testing::zone(&text).into());
        all.push((name.parse().unwrap(), rules(silent.at)));
    }
    set.insert(zone(1).into());
    all.push(("example.".parse().unwrap(), rules(server.at)));
    let (engine, book, notices) =
        (Engine::new(set, Answering::default()), Book::new(all, None), Notices::default());
    let counts = Counts::default();
    tokio::select! {
        () = notices.tend(&engine, &book, &counts) => unreachable!(),
        told = timeout(Duration::from_secs(5), heard.recv()) => assert_eq!(told, Ok(Some(()))),
    }
}
