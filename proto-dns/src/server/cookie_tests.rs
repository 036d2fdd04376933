use super::*;

fn cookies(secrets: &[&str]) -> Cookies {
    Cookies::new(secrets.iter().map(|secret| secret.parse().unwrap()).collect())
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|two| two[0] << 4 | two[1]).collect()
}

/// A request with this cookie, at this time; whether it was valid, and what it is answered.
fn round(cookies: &Cookies, cookie: &str, peer: &str, now: u32) -> (bool, Vec<u8>) {
    let peer = peer.parse().unwrap();
    let seen = cookies.read(&octets(cookie), peer, now).unwrap();
    (seen.valid, cookies.answer(&seen, peer, now).to_vec())
}

const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";

#[test]
fn the_examples_of_the_rfc_come_out() {
    // RFC 9018 appendix A.
    let one = cookies(&[SECRET]);
    let first = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
    assert_eq!(round(&one, "2464c4abcf10c957", "198.51.100.100", 1_559_731_985), (false, octets(first)));
    let renewed = "2464c4abcf10c957010000005cf7a871d4a564a1442aca77";
    assert_eq!(round(&one, first, "198.51.100.100", 1_559_734_385), (true, octets(renewed)));
    let reserved = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5";
    let clean = "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e";
    // It is older than an hour by then, and so counts no more: only its answer is as there.
    assert_eq!(round(&one, reserved, "203.0.113.203", 1_559_734_700).1, octets(clean));
    assert!(round(&one, reserved, "203.0.113.203", 1_559_728_000).0, "reserved octets are hashed along");
    let two = cookies(&["445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715"]);
    let old = "22681ab97d52c298010000005cf7c57926556bd0934c72f8";
    let seen =
        two.read(&octets(old), "2001:db8:220:1:59de:d0f4:8769:82b8".parse().unwrap(), 1_559_741_961).unwrap();
    assert!(seen.valid, "of the secret before");
}

#[test]
fn a_cookie_counts_for_its_client_its_secret_and_its_time() {
    let one = cookies(&[SECRET]);
    let cookie = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
    let valid = |cookies: &Cookies, cookie: &str, peer: &str, now| round(cookies, cookie, peer, now).0;
    let (peer, made) = ("198.51.100.100", 1_559_731_985);
    assert!(valid(&one, cookie, peer, made));
    assert!(valid(&one, cookie, peer, made + OLDEST) && !valid(&one, cookie, peer, made + OLDEST + 1));
    assert!(valid(&one, cookie, peer, made - EARLIEST) && !valid(&one, cookie, peer, made - EARLIEST - 1));
    assert!(!valid(&one, cookie, "198.51.100.101", made));
    assert!(!valid(&one, &cookie.replacen("24", "25", 1), peer, made), "another client cookie");
    assert!(!valid(&one, &cookie.replace("94", "95"), peer, made), "another hash");
    assert!(!valid(&one, &cookie.replacen("0100", "0200", 1), peer, made), "another version");
    assert!(!valid(&cookies(&["00000000000000000000000000000000"]), cookie, peer, made));
}

#[test]
fn a_young_cookie_is_kept_and_an_old_one_renewed() {
    let one = cookies(&[SECRET]);
    let (_, cookie) = round(&one, "2464c4abcf10c957", "192.0.2.1", 1000);
    let seen = one.read(&cookie, "192.0.2.1".parse().unwrap(), 1000 + RENEWED - 1).unwrap();
    assert_eq!(one.answer(&seen, "192.0.2.1".parse().unwrap(), 1000 + RENEWED - 1).to_vec(), cookie);
    let seen = one.read(&cookie, "192.0.2.1".parse().unwrap(), 1000 + RENEWED).unwrap();
    assert_ne!(one.answer(&seen, "192.0.2.1".parse().unwrap(), 1000 + RENEWED).to_vec(), cookie);
}

#[test]
fn what_was_made_before_a_rotation_counts_until_the_next() {
    let cookies = Cookies::random().unwrap();
    let peer = "192.0.2.1".parse().unwrap();
    let (_, cookie) = round(&cookies, "2464c4abcf10c957", "192.0.2.1", 1000);
    for valid in [true, true, false] {
        assert_eq!(cookies.read(&cookie, peer, 1000).unwrap().valid, valid);
        cookies.rotate().unwrap();
    }
}

#[test]
fn a_cookie_has_8_octets_or_16_to_40() {
    let cookies = cookies(&[SECRET]);
    for length in 0..50 {
        let seen = cookies.read(&vec![1; length], "192.0.2.1".parse().unwrap(), 0);
        assert_eq!(seen.is_some(), length == 8 || (16..=40).contains(&length), "{length}");
        assert!(seen.is_none_or(|seen| !seen.valid));
    }
}

#[test]
fn a_secret_is_32_digits() {
    for wrong in ["", "e5", "x5e973e5a6b2a43f48e7dc849e37bfcf", "+5e973e5a6b2a43f48e7dc849e37bfcf"] {
        assert!(wrong.parse::<Secret>().is_err(), "{wrong}");
    }
}
