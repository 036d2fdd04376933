use std::net::{IpAddr, SocketAddr};

use tokio::time::advance;

use super::*;

fn at(text: &str) -> Address {
    text.parse::<SocketAddr>().unwrap().into()
}

/// What counts as one peer with this address.
fn ip(text: &str) -> Network {
    Network::of_peer(&SocketAddr::new(text.parse().unwrap(), 0).into()).unwrap()
}

fn defender(change: impl FnOnce(&mut DefenderOptions)) -> Defender {
    let mut options = DefenderOptions::default();
    change(&mut options);
    Defender::new(options)
}

/// Wrong passwords until there is a ban; how many there were.
fn offend(defender: &Defender, peer: &Address) -> usize {
    (1..=100).find(|_| defender.report(peer, Offence::WrongPassword)).unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn other_options_count_from_now_on_and_let_in_who_is_exempt_by_them() {
    let defender = Defender::new(None);
    let (peer, friend) = (at("192.0.2.1:1"), at("198.51.100.1:1"));
    assert_eq!(offend(&defender, &peer), 0);
    defender.ban(ip("192.0.2.1"), None, "by hand");
    assert!(!defender.is_on() && defender.bans().is_empty());
    defender.configure(Some(DefenderOptions::default()));
    assert_eq!((offend(&defender, &peer), offend(&defender, &friend)), (10, 10));
    defender.ban(ip("127.0.0.1"), None, "by hand");
    let allow = vec!["198.51.100.0/24".parse().unwrap()];
    defender.configure(Some(DefenderOptions { allow, threshold: 4, ..DefenderOptions::default() }));
    assert!(defender.shuts_out(&peer) && !defender.shuts_out(&friend));
    assert!(defender.shuts_out(&at("127.0.0.1:1")), "it was exempt when it was banned");
    assert_eq!(offend(&defender, &at("203.0.113.1:1")), 2);
    assert_eq!(defender.banned.load(Ordering::Relaxed), defender.bans().len());
    defender.configure(None);
    assert!(!defender.shuts_out(&peer));
    defender.configure(Some(DefenderOptions::default()));
    assert!(defender.shuts_out(&peer), "bans are kept meanwhile");
}

#[tokio::test(start_paused = true)]
async fn offences_that_follow_quickly_count_whole() {
    let defender = defender(|_| {});
    let peer = at("192.0.2.1:1");
    for _ in 0..9 {
        assert!(!defender.report(&peer, Offence::WrongPassword));
        advance(Duration::from_secs(1)).await;
    }
    assert!(defender.report(&peer, Offence::WrongPassword));
}

#[tokio::test(start_paused = true)]
async fn ten_wrong_passwords_are_a_ban_of_ten_minutes_and_of_one_peer() {
    let defender = defender(|_| {});
    let peer = at("192.0.2.1:1000");
    assert_eq!(offend(&defender, &peer), 10);
    assert!(defender.shuts_out(&at("192.0.2.1:9")) && !defender.shuts_out(&at("192.0.2.2:1000")));
    let [ban] = <[Ban; 1]>::try_from(defender.bans()).unwrap();
    assert_eq!((&ban.network, ban.left.as_secs(), ban.times), (&ip("192.0.2.1"), 600, 1));
    assert_eq!(ban.why, "wrong_password");
    advance(Duration::from_secs(599)).await;
    assert!(defender.shuts_out(&peer));
    advance(Duration::from_secs(1)).await;
    assert!(!defender.shuts_out(&peer) && defender.bans().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_ban_is_twice_as_long_as_the_last_up_to_a_day_and_a_good_day_forgets_them() {
    let defender = defender(|_| {});
    let peer = at("192.0.2.1:1");
    for minutes in [10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440] {
        offend(&defender, &peer);
        let left = defender.bans()[0].left;
        assert_eq!(left.as_secs(), minutes * 60);
        advance(left).await;
    }
    advance(Duration::from_secs(24 * 60 * 60)).await;
    offend(&defender, &peer);
    assert_eq!((defender.bans()[0].times, defender.bans()[0].left.as_secs()), (1, 600));
}

#[tokio::test(start_paused = true)]
async fn points_fade() {
    let defender = defender(|_| {});
    let peer = at("192.0.2.1:1");
    for _ in 0..200 {
        // Somebody who now and then mistypes.
        assert!(!defender.report(&peer, Offence::WrongPassword));
        advance(Duration::from_secs(60)).await;
    }
    advance(Duration::from_secs(3600)).await;
    assert_eq!(offend(&defender, &peer), 10);
}

#[tokio::test(start_paused = true)]
async fn worse_offences_count_more() {
    for (offence, times) in [
        (Offence::Garbage, 20),
        (Offence::GraceExceeded, 20),
        (Offence::WrongPassword, 10),
        (Offence::UnknownUser, 7),
        (Offence::Scanner, 7),
    ] {
        let defender = defender(|_| {});
        let peer = at("192.0.2.1:1");
        let banned = (1..=100).find(|_| defender.report(&peer, offence));
        assert_eq!(banned, Some(times), "{offence:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_64_is_one_peer() {
    let defender = defender(|_| {});
    for n in 0..10 {
        defender.report(&at(&format!("[2001:db8::{n}]:1")), Offence::WrongPassword);
    }
    assert!(defender.shuts_out(&at("[2001:db8::ffff]:1")));
    assert!(!defender.shuts_out(&at("[2001:db8:0:1::1]:1")));
    assert!(defender.unban(&ip("2001:db8::7")));
    assert!(!defender.shuts_out(&at("[2001:db8::ffff]:1")));
}

#[tokio::test(start_paused = true)]
async fn this_machine_and_who_is_allowed_are_exempt() {
    let defender = defender(|options| options.allow = vec!["192.0.2.0/24".parse().unwrap()]);
    for peer in [at("127.0.0.1:1"), at("[::1]:1"), at("192.0.2.9:1"), Address::Memory, Address::Unix(None)] {
        assert_eq!(offend(&defender, &peer), 0, "{peer}");
        assert!(!defender.shuts_out(&peer));
    }
    let strict = Defender::new(DefenderOptions { local: true, ..DefenderOptions::default() });
    assert_eq!(offend(&strict, &at("127.0.0.1:1")), 10);
    assert!(strict.shuts_out(&at("127.0.0.1:2")));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shuts_nobody_out() {
    let defender = defender(|options| options.dry_run = true);
    let peer = at("192.0.2.1:1");
    assert_eq!(offend(&defender, &peer), 0);
    assert!(!defender.shuts_out(&peer));
    assert_eq!(defender.bans().len(), 1, "it tells whom it would");
}

#[tokio::test(start_paused = true)]
async fn an_operators_word_bans_and_unbans() {
    let defender = defender(|_| {});
    defender.ban(ip("192.0.2.1"), Some(Duration::from_secs(60)), "by hand");
    assert!(defender.shuts_out(&at("192.0.2.1:5")));
    let ban = defender.bans().remove(0);
    assert_eq!((ban.left.as_secs(), ban.why.as_str()), (60, "by hand"));
    assert!(defender.unban(&ip("192.0.2.1")) && !defender.unban(&ip("192.0.2.1")));
    assert!(!defender.shuts_out(&at("192.0.2.1:5")));
    assert_eq!(defender.banned.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_network_is_banned_whole_and_nobody_beside_it() {
    let defender = defender(|options| options.allow = vec!["203.0.113.9".parse().unwrap()]);
    let net = |text: &str| text.parse::<Network>().unwrap();
    for (network, inside, beside) in [
        ("192.0.2.0/24", "192.0.2.255:1", "192.0.3.0:1"),
        ("198.51.100.8/30", "198.51.100.11:1", "198.51.100.12:1"),
        ("2001:db8::/32", "[2001:db8:7::1]:1", "[2001:db9::1]:1"),
        ("2001:db9::7/128", "[2001:db9::7]:1", "[2001:db9::8]:1"),
    ] {
        defender.ban(net(network), Some(Duration::from_secs(60)), "by hand");
        assert!(defender.shuts_out(&at(inside)) && !defender.shuts_out(&at(beside)), "{network}");
    }
    assert_eq!(defender.bans().len(), 4);
    assert!(!defender.unban(&ip("192.0.2.7")) && defender.shuts_out(&at("192.0.2.7:1")));
    assert!(defender.unban(&net("192.0.2.0/24")) && !defender.shuts_out(&at("192.0.2.7:1")));
    let next = Defender::new(DefenderOptions::default());
    next.restore(defender.bans());
    assert!(next.shuts_out(&at("[2001:db8:7::1]:1")), "also where prefixes come from what was kept");
    assert!(defender.is_exempt(&net("203.0.113.0/24")) && defender.is_exempt(&net("0.0.0.0/0")));
    assert!(defender.is_exempt(&net("::/0")) && !defender.is_exempt(&net("203.0.113.0/30")));
    advance(Duration::from_secs(60)).await;
    assert!(!next.shuts_out(&at("[2001:db8:7::1]:1")) && next.bans().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bans_that_were_kept_go_on() {
    let defender = defender(|_| {});
    offend(&defender, &at("192.0.2.1:1"));
    advance(Duration::from_secs(100)).await;
    let kept = defender.bans();
    let next = Defender::new(DefenderOptions::default());
    next.restore(kept.clone());
    assert_eq!(next.bans(), kept);
    assert!(next.shuts_out(&at("192.0.2.1:1")));
    advance(Duration::from_secs(500)).await;
    assert!(!next.shuts_out(&at("192.0.2.1:1")));
    offend(&next, &at("192.0.2.1:1"));
    assert_eq!(next.bans()[0].times, 2);
    let lenient = Defender::new(DefenderOptions {
        allow: vec!["192.0.2.1".parse().unwrap()],
        ..DefenderOptions::default()
    });
    lenient.restore(kept);
    assert!(!lenient.shuts_out(&at("192.0.2.1:1")) && lenient.bans().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_flood_takes_no_more_room_and_bans_stay() {
    let defender = defender(|_| {});
    let bad = at("198.51.100.1:1");
    offend(&defender, &bad);
    for n in 0..MOST as u32 + 1000 {
        let peer = Address::from(SocketAddr::new(IpAddr::from((0x0a00_0000 + n).to_be_bytes()), 1));
        defender.report(&peer, Offence::WrongPassword);
    }
    assert!(defender.lock().peers.len() <= MOST);
    assert!(defender.shuts_out(&bad));
    advance(TIDY).await;
    let late = at("203.0.113.1:1");
    for _ in 0..100 {
        defender.report(&late, Offence::WrongPassword);
    }
    assert!(defender.shuts_out(&late), "a full table is tidied");
}
