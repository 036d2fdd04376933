use super::*;
use crate::wire::Head;

/// When the requests were signed.
const TIME: u64 = 1_700_000_000;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// Requests by dnspython 2.9 for www.example. A with the key Key.example.
const REQUESTS: [(Algorithm, &str); 3] = [
    (
        Algorithm::HmacSha256,
        "00070100000100000000000103777777076578616d706c650000010001034b6579c01000fa00ff00000000003d0b686d\
     61632d7368613235360000006553f100012c002085e853beb1f2cdba62ca763f751bc3d47fe9269f20dc7a990f7cd9ac\
     ef96e008000700000000",
    ),
    (
        Algorithm::HmacSha512,
        "00070100000100000000000103777777076578616d706c650000010001034b6579c01000fa00ff00000000005d0b686d\
     61632d7368613531320000006553f100012c0040d3783a59d6a0175e04c8cffe7a4d6f8b5f933a7897a54f5fbc210b8b\
     95a4b0ab260f5dca41aa0db68dfb656ffccd0c33a3c75e912de866742d4f3ff7b0024a93000700000000",
    ),
    (
        Algorithm::HmacSha1,
        "00070100000100000000000103777777076578616d706c650000010001034b6579c01000fa00ff00000000002f09686d\
     61632d736861310000006553f100012c001498b9646012b3d15e520db13c62766dd18e734a50000700000000",
    ),
];
/// The MACs of three empty replies to the first request, in one conversation.
const REPLIES: [&str; 3] = [
    "d705ec5e094fe141ef95d164fbe7161963ca3b1f42e65459d82acf834e62530d",
    "d67dc5c8f076aa4d4412a0882d7001eec0c6f48824a0c51ed0b6ef235ecc8129",
    "0b74d1675b144bffeef9ce7dd30295d5c195ec53d65dcc3b871a1855e737de1d",
];

fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn key(algorithm: Algorithm) -> Arc<TsigKey> {
    let name: Name = "key.EXAMPLE".parse().unwrap();
    Arc::new(TsigKey::new(name.view(), algorithm, SECRET))
}

/// What is said of a request whose key is this one.
fn check(request: &[u8], key: Arc<TsigKey>, now: u64) -> Result<Check, Rcode> {
    let query = Query::read(Head::read(request).unwrap(), request)?;
    let find = |name: NameRef<'_>| (name == key.name()).then(|| Arc::clone(&key));
    Check::new(&query, find, now)
}

/// What is wrong with it, and whether the key is taken nevertheless.
fn error(request: &[u8], algorithm: Algorithm, now: u64) -> (Rcode, bool) {
    match check(request, key(algorithm), now).unwrap() {
        Check::Bad(signer) => (signer.error(), signer.key().is_some()),
        Check::Good(_) => (Rcode::NOERROR, true),
        Check::Unsigned => panic!(),
    }
}

/// The first request, its MAC cut to so many octets.
fn cut(length: usize) -> Vec<u8> {
    let mut request = octets(REQUESTS[0].1);
    let mac = request.len() - 6 - 32;
    request.splice(mac + length..mac + 32, []);
    request[mac - 1] = length as u8;
    request[mac - 8 - 2 - 13 - 1] -= 32 - length as u8;
    request
}

#[test]
fn signatures_of_another_implementation_are_good() {
    for (algorithm, request) in REQUESTS {
        assert_eq!(error(&octets(request), algorithm, TIME), (Rcode::NOERROR, true), "{algorithm}");
    }
}

#[test]
fn replies_are_signed_as_another_implementation_does() {
    let request = octets(REQUESTS[0].1);
    let Ok(Check::Good(mut signer)) = check(&request, key(Algorithm::HmacSha256), TIME) else { panic!() };
    for expected in REPLIES {
        let mut reply = b"before".to_vec();
        reply.extend_from_slice(&[0, 7, 0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        reply.extend_from_slice(&request[12..29]);
        let size = reply.len();
        signer.sign(&mut reply, 6, TIME);
        let end = reply.len() - 6;
        assert_eq!(reply[end - 32..end], octets(expected));
        assert_eq!(reply[6 + 10..6 + 12], [0, 1]);
        assert!(reply.len() - size <= signer.length());
    }
}

#[test]
fn any_octet_that_is_changed_is_noticed() {
    let request = octets(REQUESTS[0].1);
    for at in 0..request.len() {
        let mut changed = request.clone();
        changed[at] ^= 1;
        let good = matches!(check(&changed, key(Algorithm::HmacSha256), TIME), Ok(Check::Good(_)));
        // The id is signed as it was before, and the case of the key's name is not.
        assert_eq!(good, at < 2, "{at}");
    }
}

#[test]
fn what_is_wrong_is_told_in_order() {
    let request = octets(REQUESTS[0].1);
    let now = |now| error(&request, Algorithm::HmacSha256, now);
    assert_eq!(error(&request, Algorithm::HmacSha512, TIME), (Rcode::BADKEY, false));
    let other: Name = "other.".parse().unwrap();
    let other = Arc::new(TsigKey::new(other.view(), Algorithm::HmacSha256, SECRET));
    assert!(
        matches!(check(&request, other, TIME), Ok(Check::Bad(signer)) if signer.error() == Rcode::BADKEY)
    );
    let name: Name = "key.example".parse().unwrap();
    let wrong = Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, b"another"));
    assert!(matches!(check(&request, wrong, 0), Ok(Check::Bad(signer)) if signer.error() == Rcode::BADSIG));
    assert_eq!(now(TIME + 300), (Rcode::NOERROR, true));
    assert_eq!(now(TIME - 300), (Rcode::NOERROR, true));
    assert_eq!(now(TIME + 301), (Rcode::BADTIME, true));
    assert_eq!(now(TIME - 301), (Rcode::BADTIME, true));
}

#[test]
fn a_mac_that_is_cut_is_not_enough() {
    assert_eq!(error(&cut(32), Algorithm::HmacSha256, TIME), (Rcode::NOERROR, true));
    assert_eq!(error(&cut(16), Algorithm::HmacSha256, TIME), (Rcode::BADTRUNC, true));
    assert_eq!(error(&cut(16), Algorithm::HmacSha256, 0), (Rcode::BADTIME, true));
    for length in [0, 15] {
        assert_eq!(check(&cut(length), key(Algorithm::HmacSha256), TIME).unwrap_err(), Rcode::FORMERR);
    }
}

#[test]
fn an_error_of_time_is_signed_and_one_of_the_key_is_not() {
    let request = octets(REQUESTS[0].1);
    let reply = |check: Check| {
        let Check::Bad(mut signer) = check else { panic!() };
        let mut reply = [&[0, 7, 0x81, 9, 0, 1, 0, 0, 0, 0, 0, 0], &request[12..29]].concat();
        let start = reply.len();
        signer.sign(&mut reply, 0, 5);
        reply.split_off(start + 13 + 10 + 13)
    };
    let late = reply(check(&request, key(Algorithm::HmacSha256), 5).unwrap());
    // The client's time, our MAC, and our time.
    assert_eq!(late[..10], [0, 0, 0x65, 0x53, 0xf1, 0, 1, 44, 0, 32]);
    assert_eq!(late[42..], [0, 7, 0, 18, 0, 6, 0, 0, 0, 0, 0, 5]);
    let unknown = reply(check(&request, key(Algorithm::HmacSha512), 5).unwrap());
    assert_eq!(unknown[8..], [0, 0, 0, 7, 0, 17, 0, 0]);
}

#[test]
fn what_is_signed_here_is_good_here() {
    for algorithm in Algorithm::ALL {
        let mut request = octets(REQUESTS[0].1)[..29].to_vec();
        request[11] = 0;
        assert!(matches!(check(&request, key(algorithm), TIME), Ok(Check::Unsigned)));
        Signer::new(key(algorithm)).sign(&mut request, 0, TIME);
        assert_eq!(error(&request, algorithm, TIME + 10), (Rcode::NOERROR, true));
        assert_eq!(algorithm.to_string().parse::<Algorithm>().unwrap(), algorithm);
    }
}
