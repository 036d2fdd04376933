//! All names of a zone that is full of special ones, and names between them, each with many types.

use super::*;

/// Wildcards below wildcards and with nothing but names below them, aliases of all kinds, names in all places where letters count or do
/// not, and a name of 255 octets.
const SPECIAL: &str = "\
$ORIGIN example.test.
$TTL 3600
@ SOA Ns HostMaster 1 7200 3600 1209600 7200
@ NS Ns
@ NS NS.Elsewhere.test.
NS A 192.0.2.1
*.Wild TXT w
*.Wild MX 10 MAIL.wild
x.Wild A 192.0.2.9
*.*.twice TXT t
below.*.star TXT b
*.aka CNAME Any.wild
*.far CNAME x.y.gone
alias CNAME one.aka
lost CNAME nothing
nodata CNAME NS
old DNAME wild
older DNAME old
apexed DNAME example.test.
a.b.c.d A 192.0.2.4
x.ent.d A 192.0.2.4
kid.between NS ns.kid.between
ns.kid.between A 192.0.2.3
deep.er.kid.between A 192.0.2.3
safe NS ns.elsewhere.test.
safe DS 1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_Svc._tcp SRV 1 2 3 NS
letters RP A.B.example.test. C.example.test.
letters NAPTR 1 2 \"U\" \"S\" \"!A!B!\" NS
letters KX 1 NS
letters AFSDB 1 NS
letters HTTPS 1 NS alpn=h2
letters LP 10 NS
letters CAA 0 issue \"CA.Test\"
letters TYPE65280 \\# 4 41424344
letters TYPE300 \\# 1 41
a\\.b\\000\\001 TXT odd
\\255 TXT last
\\000 TXT first
";

const NAMES: &str = "@ ns mail wild *.wild q.wild a.q.wild x.wild y.x.wild *.x.wild twice *.twice q.twice *.*.twice z.q.twice r.*.twice \
    a.b.c.twice star *.star q.star a.q.star below.*.star below.q.star aka one.aka two.one.aka far one.far alias lost nodata old q.old \
    x.old a.q.old q.older x.older ns.apexed q.apexed q.wild.apexed d c.d b.c.d a.b.c.d q.d q.c.d q.r.b.c.d 0.a.b.c.d ent.d z.ent.d \
    between q.between _tcp _svc._tcp q._tcp letters q.letters a\\.b\\000\\001 q.a\\.b\\000\\001 \\255 q.\\255 \\000 q.\\000 \\255.\\255 * *.ns 0 zzzz";
const TYPES: &str = "A TXT DS CNAME";

async fn all_is_proven(nsec3: bool) {
    if !is_there("delv") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Both have 255 octets.
    let long = |letter: &str| [63, 63, 63].map(|length| letter.repeat(length)).join(".");
    let (there, absent) =
        (format!("{}.{}", long("l"), "l".repeat(48)), format!("{}.{}.wild", long("q"), "q".repeat(43)));
    let zone = dir.path().join("zone");
    fs::write(&zone, format!("{SPECIAL}{there} A 192.0.2.5\n")).unwrap();
    let sign = Sign { keys: dir.path().join("keys"), nsec3, ..Sign::default() };
    let place = Place::of(dir, Source::zone(&zone, Some(origin())).signed(sign));
    place.judge_file();
    let names = NAMES.split_ascii_whitespace().chain([there.as_str(), absent.as_str()]);
    let mut questions: Vec<String> = names
        .flat_map(|name| TYPES.split(' ').map(move |rtype| format!("{name} {rtype}")))
        .map(|question| match question.strip_prefix("@ ") {
            Some(rtype) => format!("{ZONE} {rtype}"),
            None => question.replacen(' ', &format!(".{ZONE} "), 1),
        })
        .collect();
    // That one is of the zone above.
    questions.retain(|question| *question != format!("{ZONE} DS"));
    for (name, types) in [
        (ZONE, "SOA NS DNSKEY CDNSKEY NSEC3PARAM"),
        ("letters.example.test", "RP NAPTR KX AFSDB HTTPS LP CAA TYPE65280 TYPE300"),
        ("kid.between.example.test", "DS"),
        ("safe.example.test", "DS"),
    ] {
        questions.extend(types.split(' ').map(|rtype| format!("{name} {rtype}")));
    }
    let questions: Vec<_> = questions.iter().map(|question| (question.as_str(), "fully validated")).collect();
    let (first, second) = questions.split_at(questions.len() / 2);
    tokio::join!(place.ask(first), place.ask(second));
    place.cx.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_in_a_zone_or_not_is_proven_with_nsec() {
    all_is_proven(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_in_a_zone_or_not_is_proven_with_nsec3() {
    all_is_proven(true).await;
}
