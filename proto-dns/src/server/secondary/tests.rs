use std::fs;
use std::net::SocketAddr;
use std::time::SystemTime;

use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Protocol as _};
use ropewalk_core::net::Connection;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::server::asking::query;
use crate::server::testing::{engine, peer, request, short, zone};
use crate::server::{Acl, Desk, Dns, Rules, Setup, Source, Stream, Transport, Verdict, Views, Zones};
use crate::wire::tsig::{Algorithm, TsigKey};

fn text(serial: u32, numbers: &str) -> String {
    format!(
        "example. 60 IN SOA ns.example. root.example. {serial} {numbers} 300
         example. 60 IN NS ns.example.
         ns.example. 60 IN A 192.0.2.{serial}
         *.Wild.example. 60 IN TXT \"a b\" c"
    )
}

fn key(secret: &[u8]) -> Arc<TsigKey> {
    let name: Name = "between.us.".parse().unwrap();
    Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, secret))
}

fn origin() -> Name {
    "example.".parse().unwrap()
}

/// A primary on a port of this machine, for who has the key.
struct Primary {
    at: SocketAddr,
    desk: Arc<Desk>,
    cx: Context,
}

impl Primary {
    async fn new(text: &str) -> Self {
        let rules = Rules { transfers: Acl::new(["key:between.us".parse().unwrap()]), ..Rules::default() };
        let desk = Desk::new(Arc::new(engine(&[text])))
            .keys([key(b"secret")].into_iter().collect())
            .rules(vec![(origin(), Arc::new(rules))]);
        let desk = Arc::new(desk);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, cx) = (listener.local_addr().unwrap(), Context::root(Limits::default()));
        let views = Arc::new(Views::new(Arc::clone(&desk)));
        let inner = cx.clone();
        cx.spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let (conn, mut pipe) = Connection::pair();
                let stream = Stream { views: Arc::clone(&views), idle: Dns::IDLE, query: Dns::QUERY };
                let own = inner.clone();
                inner.spawn(async move { stream.serve(conn, own).await }).detach();
                inner
                    .spawn(async move { tokio::io::copy_bidirectional(&mut socket, &mut pipe).await })
                    .detach();
            }
        })
        .detach();
        Self { at, desk, cx }
    }

    fn becomes(&self, text: &str) {
        let zone = Arc::new(zone(text));
        self.desk.engine().update(|_| {
            let mut set = crate::zone::ZoneSet::default();
            set.insert(Arc::clone(&zone));
            set
        });
    }

    fn partner(&self, secret: &[u8]) -> Partner {
        Partner::new(self.at, Some(key(secret)))
    }
}

impl Drop for Primary {
    fn drop(&mut self) {
        self.cx.end();
    }
}

fn zones(file: &std::path::Path, partners: Vec<Partner>) -> Zones {
    let source = Source::secondary(file, origin(), partners);
    Zones::load(vec![(source, Rules::default())], Setup::default()).unwrap().0
}

/// The serial that is served, once this is true of it.
async fn until(zones: &Zones, is: impl Fn(Option<u32>) -> bool) -> Option<u32> {
    let tend = zones.desk().tend();
    let look = async {
        loop {
            let serial = zones.engine().zones().zone(origin().view()).and_then(|zone| zone.serial());
            if is(serial) {
                return serial;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = tend => None,
        serial = timeout(Duration::from_secs(20), look) => serial.expect("in time"),
    }
}

fn rcode(zones: &Zones) -> Rcode {
    let mut out = Vec::new();
    assert_eq!(
        zones.engine().respond(&query(1, "ns.example.", 1), &peer(Transport::Tcp), &mut out),
        Verdict::Reply
    );
    Rcode::of(&out).unwrap()
}

#[tokio::test]
async fn a_zone_is_fetched_kept_and_fetched_again_when_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("example.zone");
    let primary = Primary::new(&text(1, "2 2 1000")).await;
    let ours = zones(&file, vec![primary.partner(b"secret")]);
    assert_eq!(rcode(&ours), Rcode::SERVFAIL, "before it was fetched");
    assert_eq!(until(&ours, |serial| serial.is_some()).await, Some(1));
    assert_eq!(rcode(&ours), Rcode::NOERROR);
    primary.becomes(&text(2, "2 2 1000"));
    assert_eq!(until(&ours, |serial| serial != Some(1)).await, Some(2));
    // All of it came, and is there after a restart without anybody to ask.
    until(&ours, |_| file.exists() && fs::read_to_string(&file).unwrap().contains(" 2 2 2 1000")).await;
    drop(primary);
    let again = zones(&file, vec![]);
    let [one, two] = [&ours, &again].map(|zones| {
        let set = zones.engine().zones();
        let mut all: Vec<_> =
            set.zone(origin().view()).unwrap().records().map(|record| record.to_string()).collect();
        all.sort();
        all
    });
    assert_eq!((one.len(), &one), (4, &two));
    assert_eq!(rcode(&again), Rcode::NOERROR);
}

#[tokio::test]
async fn a_zone_that_could_not_be_kept_is_kept_later_and_an_older_one_not_taken_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("there/zone");
    let primary = Primary::new(&text(1, "2 2 1000")).await;
    let ours = zones(&file, vec![primary.partner(b"secret")]);
    assert_eq!(until(&ours, |serial| serial.is_some()).await, Some(1));
    fs::create_dir(dir.path().join("there")).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(900);
    fs::write(&file, text(0, "2 2 1000").replace("\n         ", "\n")).unwrap();
    fs::File::options().append(true).open(&file).unwrap().set_modified(long_ago).unwrap();
    // The primary has nothing new to tell.
    until(&ours, |_| fs::read_to_string(&file).unwrap().contains(" 1 2 2 1000")).await;
}

#[tokio::test]
async fn a_primary_is_believed_only_with_the_key_and_with_a_later_zone() {
    let dir = tempfile::tempdir().unwrap();
    let primary = Primary::new(&text(5, "2 2 1000")).await;
    let look = |secret: &'static [u8], ours| {
        let partner = primary.partner(secret);
        async move { pull::look(&origin(), &partner, ours).await.map(|looked| matches!(looked, Looked::New(_))) }
    };
    assert!(look(b"secret", None).await.unwrap());
    assert!(look(b"secret", Some(4)).await.unwrap());
    assert!(!look(b"secret", Some(5)).await.unwrap());
    assert!(look(b"secret", Some(u32::MAX)).await.unwrap(), "serials go round");
    let error = look(b"secret", Some(6)).await.unwrap_err();
    assert_eq!(error.to_string(), "it has serial 5, which does not come after our 6");
    assert!(look(b"another", None).await.unwrap_err().to_string().contains("BADSIG"));
    let unsigned = Partner::new(primary.at, None);
    assert!(pull::look(&origin(), &unsigned, None).await.err().unwrap().to_string().contains("REFUSED"));
    // Of several the first that has it.
    let nobody = Partner::new("127.0.0.1:1".parse().unwrap(), None);
    let ours = zones(&dir.path().join("zone"), vec![nobody, unsigned, primary.partner(b"secret")]);
    assert_eq!(until(&ours, |serial| serial.is_some()).await, Some(5));
}

#[tokio::test]
async fn a_zone_that_was_not_seen_for_too_long_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("zone");
    let lines: String = text(1, "2 2 4").lines().map(|line| format!("{}\n", line.trim())).collect();
    fs::write(&file, lines).unwrap();
    let nobody = || vec![Partner::new("127.0.0.1:1".parse().unwrap(), None)];
    let ours = zones(&file, nobody());
    assert_eq!(rcode(&ours), Rcode::NOERROR);
    assert_eq!(until(&ours, |serial| serial.is_none()).await, None);
    assert_eq!(rcode(&ours), Rcode::SERVFAIL);
    // As long ago as that was it has expired while we were not there.
    let long_ago = SystemTime::now() - Duration::from_secs(5);
    fs::File::options().append(true).open(&file).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(rcode(&zones(&file, nobody())), Rcode::SERVFAIL);
    // What is broken is fetched anew, and no reason not to start.
    fs::write(&file, "example. 60 IN SOA").unwrap();
    assert_eq!(rcode(&zones(&file, nobody())), Rcode::SERVFAIL);
}

async fn told(zones: &Zones, from: &str, key: Option<Arc<TsigKey>>) -> String {
    let mut notify = request("example SOA", &[]);
    notify[2] = 0x24;
    if let Some(key) = key {
        crate::wire::tsig::Signer::new(key).sign(&mut notify, 0, crate::server::now());
    }
    let peer = Peer { addr: from.parse().unwrap(), transport: Transport::Udp, idle: None };
    let verdict = zones.engine().respond(&notify, &peer, &mut Vec::new());
    let (replies, mut ready) = mpsc::channel(1);
    zones.desk().answer(verdict, &notify, &peer, &replies).await;
    short(&ready.try_recv().unwrap())
}

#[tokio::test]
async fn a_notify_counts_only_from_a_primary() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("zone");
    // Nobody would look again by itself.
    let primary = Primary::new(&text(1, "10000 10000 100000")).await;
    let source = Source::secondary(&file, origin(), vec![primary.partner(b"secret")]);
    let setup = Setup { keys: [key(b"secret")].into_iter().collect(), ..Setup::default() };
    let ours = Zones::load(vec![(source, Rules::default())], setup).unwrap().0;
    until(&ours, |serial| serial == Some(1)).await;
    assert_eq!(told(&ours, "192.0.2.1:53", None).await, "REFUSED");
    assert_eq!(told(&ours, "192.0.2.1:53", Some(key(b"other"))).await, "NOTAUTH + between.us. TSIG");
    assert_eq!(told(&ours, "192.0.2.1:53", Some(key(b"secret"))).await, "NOERROR AA + between.us. TSIG");
    assert_eq!(told(&ours, "127.0.0.1:53", None).await, "NOERROR AA");
}

#[tokio::test]
async fn a_notify_while_it_is_tended_is_heard_and_one_of_a_stranger_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let primary = Primary::new(&text(1, "10000 10000 100000")).await;
    let ours = zones(&dir.path().join("zone"), vec![primary.partner(b"secret")]);
    until(&ours, |serial| serial == Some(1)).await;
    let test = async {
        primary.becomes(&text(2, "10000 10000 100000"));
        told(&ours, "192.0.2.1:53", None).await;
        // Longer than a look for changes takes.
        sleep(Duration::from_millis(1500)).await;
        let serial = |zones: &Zones| zones.engine().zones().zone(origin().view()).unwrap().serial();
        // Only the look at the beginning has seen anything.
        let before = serial(&ours);
        primary.becomes(&text(3, "10000 10000 100000"));
        told(&ours, "127.0.0.1:53", None).await;
        while serial(&ours) == before {
            sleep(Duration::from_millis(20)).await;
        }
        serial(&ours)
    };
    tokio::select! {
        () = ours.desk().tend() => unreachable!(),
        serial = timeout(Duration::from_secs(10), test) => assert_eq!(serial.unwrap(), Some(3)),
    }
}

#[tokio::test]
async fn a_primary_that_says_nothing_holds_up_its_own_zones_only() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let primary = Primary::new(&text(1, "3600 600 86400")).await;
    let dir = tempfile::tempdir().unwrap();
    let load = |name: &str, partner: Partner| {
        Secondary::load(name.parse().unwrap(), dir.path().join(name), vec![partner]).0
    };
    let at = silent.local_addr().unwrap();
    let mut all: Vec<_> =
        (0..20).map(|number| load(&format!("a{number}.test."), Partner::new(at, None))).collect();
    all.push(load("example.", primary.partner(b"secret")));
    let (engine, all) = (Engine::new(Default::default(), Default::default()), Secondaries::new(all));
    let there = async {
        while engine.zones().zone(origin().view()).is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let counts = Counts::default();
    tokio::select! {
        () = all.tend(&engine, &counts) => unreachable!(),
        there = timeout(Duration::from_secs(5), there) => assert!(there.is_ok()),
    }
}
