//! What a question costs in memory.

use std::sync::Arc;

use ropewalk_dns::dnssec::{Algorithm, SigningKey};
use ropewalk_dns::server::{Acl, Answering, Desk, Engine, Peer, Transport, Verdict, Views};
use ropewalk_dns::wire::{Class, Name, Type};
use ropewalk_dns::zone::{Cds, Signing, Zone, text};

const ZONE: &str = "\
example. 3600 IN SOA ns.example. root.example. 1 2 3 4 300
example. 3600 IN NS ns.example.
example. 3600 IN MX 10 mail.example.
ns.example. 3600 IN A 192.0.2.1
mail.example. 3600 IN AAAA 2001:db8::1
deep.empty.example. 3600 IN A 192.0.2.3
*.wild.example. 3600 IN TXT here
child.example. 3600 IN NS ns.child.example.
ns.child.example. 3600 IN A 192.0.2.5
alias.example. 3600 IN CNAME ns.example.
loop.example. 3600 IN CNAME loop.example.
old.example. 3600 IN DNAME wild.example.
";

const QUESTIONS: &[(&str, Type)] = &[
    ("example", Type::MX),
    ("ns.example", Type::A),
    ("NS.example", Type::TXT),
    ("empty.example", Type::A),
    ("nothing.example", Type::A),
    ("a.wild.example", Type::TXT),
    ("a.child.example", Type::A),
    ("alias.example", Type::A),
    ("loop.example", Type::A),
    ("a.old.example", Type::TXT),
    ("example", Type::ANY),
    ("elsewhere", Type::A),
];

/// Each with OPT, and with it once more where signatures are asked for.
const OPTS: [&[u8]; 2] = [&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0], &[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]];

fn zone() -> Zone {
    let origin: Name = "example.".parse().unwrap();
    Zone::build(origin.view(), text::records("test", ZONE.as_bytes(), None).unwrap()).unwrap().0
}

#[test]
fn an_answer_allocates_nothing() {
    assert_eq!(allocations(zone()), 0);
}

#[test]
fn an_answer_with_signatures_allocates_nothing() {
    for nsec3 in [false, true] {
        let key = SigningKey::generate(Algorithm::EcdsaP256).unwrap();
        let how = Signing { key, nsec3, cds: Cds::Publish, validity: 86_400 };
        let signed = how.sign(&zone(), None, 1, 1_800_000_000).unwrap().unwrap();
        assert_eq!(allocations(signed.zone), 0);
    }
}

/// How often memory is asked for by answers from a zone.
fn allocations(zone: Zone) -> u64 {
    let engine = Engine::new(FromIterator::from_iter([zone]), Answering::default());
    let desk = Arc::new(Desk::new(Arc::new(engine)));
    let nobody = Acl::new(["192.0.2.0/24".parse().unwrap(), "key:nobody".parse().unwrap()]);
    let views = Views::new(Arc::clone(&desk)).with(nobody, desk);
    let requests = QUESTIONS.iter().flat_map(|(name, rtype)| {
        let name: Name = name.parse().unwrap();
        let kind = [rtype.0.to_be_bytes(), Class::IN.0.to_be_bytes()].concat();
        let plain = [&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], name.wire(), &kind].concat();
        let [with_opt, with_do] =
            OPTS.map(|opt| [&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1], name.wire(), &kind, opt].concat());
        let broken = plain[..plain.len() - 1].to_vec();
        [plain, with_opt, with_do, broken]
    });
    let requests: Vec<Vec<u8>> = requests.collect();
    let mut out = Vec::with_capacity(65536);
    let mut run = |count: usize| {
        for (at, request) in requests.iter().cycle().take(count).enumerate() {
            out.clear();
            // Each comes by both.
            let transport =
                if (at + at / requests.len()).is_multiple_of(2) { Transport::Udp } else { Transport::Tcp };
            let peer = Peer { addr: ([127, 0, 0, 1], 5300).into(), transport, idle: None };
            assert_eq!(views.respond(request, &peer, &mut out).0, Verdict::Reply);
        }
    };
    // Once to be warm.
    run(2 * requests.len());
    allocation_counter::measure(|| run(10_000)).count_total
}
