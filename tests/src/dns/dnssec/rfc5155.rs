//! RFC 5155 and RFC 9276: what is not there is denied by the hashes of names.

use super::denial::{Denial, Hash, to_base32};
use super::signed::{BY_NSEC3, Signed, denied};
use crate::case::{cases, check};
use crate::dns::rdata::{A, AAAA, NS, NSEC3, NSEC3PARAM, RRSIG, TXT};
use crate::{Broken, Outcome, Peer};

const NO_NAME: &str = "NXDOMAIN aa\nsoa";
const NO_DATA: &str = "NOERROR aa\nsoa";

async fn denies(peer: &mut Peer, asked: &str, wanted: &str) -> Result<Denial, Broken> {
    let denial = denied(peer, BY_NSEC3, asked, wanted).await?;
    check(denial.hash.is_some(), "NSEC3 records", &denial)?;
    Ok(denial)
}

/// The flags of the zone, and how it hashes.
async fn parameters(peer: &mut Peer) -> Result<(u8, Hash), Broken> {
    let zone = Signed::open(peer, BY_NSEC3).await?;
    let answer = zone.ask(peer, "@ NSEC3PARAM").await?;
    let one = || Broken::new("one NSEC3PARAM record", answer.to_string());
    let mut of_type = answer.answer.iter().filter(|record| record.kind == NSEC3PARAM);
    let (Some(only), None) = (of_type.next(), of_type.next()) else { return Err(one()) };
    Hash::of_zone(&only.data).map_err(|why| Broken::new("an NSEC3PARAM record that can be read", why))
}

cases! {
    /// The zone says how it hashes names, signed; its flags are 0.
    Must "dns/5155/4.1.2/flags" [Fixture] = async |peer| {
        let (flags, _) = parameters(peer).await?;
        check(flags == 0, "flags of 0", flags)
    }

    /// Names are hashed once, and without salt.
    Must "dns/9276/3.1/parameters" [Fixture] = async |peer| {
        let (_, hash) = parameters(peer).await?;
        check(hash == Hash::default(), "no further iterations and no salt", format!("{hash:?}"))
    }

    /// What denies hashes as the zone says.
    Must "dns/5155/7.3/parameters" [Fixture] = async |peer| {
        let (_, hash) = parameters(peer).await?;
        let denial = denies(peer, "nothing A", NO_NAME).await?;
        check(denial.hash.as_ref() == Some(&hash), format!("{hash:?}"), format!("{:?}", denial.hash))
    }

    /// That a name is not there is shown by who is above it, by the name itself and by the wildcard that is not there.
    Must "dns/5155/7.2.2/no-name" [Fixture] = async |peer| {
        let denial = denies(peer, "nothing A", NO_NAME).await?;
        denial.encloses("@", "nothing")?;
        denial.covers("*")
    }

    /// The name that is shown not to be there is the one below the last that is.
    Must "dns/5155/7.2.2/deep" [Fixture] = async |peer| {
        let denial = denies(peer, "a.b.nothing A", NO_NAME).await?;
        denial.encloses("@", "nothing")?;
        denial.covers("*")
    }

    /// Below a name that is there, that is the one above.
    Must "dns/5155/7.2.2/below-name" [Fixture] = async |peer| {
        let denial = denies(peer, "y.x.www A", NO_NAME).await?;
        denial.encloses("www", "x.www")?;
        denial.covers("*.www")
    }

    /// Below a name without records, that is the one above.
    Must "dns/5155/7.2.2/below-empty" [Fixture] = async |peer| {
        let denial = denies(peer, "x.ent A", NO_NAME).await?;
        denial.encloses("ent", "x.ent")?;
        denial.covers("*.ent")
    }

    /// So it is shown for the name that an alias leads to.
    Must "dns/5155/7.2.2/alias" [Fixture] = async |peer| {
        let denial = denies(peer, "dangling A", "NXDOMAIN aa\nanswer dangling CNAME nothing\nsoa").await?;
        denial.encloses("@", "nothing")?;
        denial.covers("*")
    }

    /// That a name has no such records is shown by the NSEC3 record of its hash.
    Must "dns/5155/7.2.3/no-data" [Fixture] = async |peer| {
        let denial = denies(peer, "www TXT", NO_DATA).await?;
        denial.lacks("www", &[TXT])?;
        denial.has(1)
    }

    /// The types are all that the name has, and no others.
    Must "dns/5155/3.2.1/types" [Fixture] = async |peer| {
        let denial = denies(peer, "www TXT", NO_DATA).await?;
        check(denial.types("www")? == [A, AAAA, RRSIG], "A AAAA RRSIG", &denial)
    }

    /// A name without records has an NSEC3 record without types.
    Must "dns/5155/7.2.3/empty" [Fixture] = async |peer| {
        denies(peer, "b.ent A", NO_DATA).await?.is_empty_name("b.ent")?;
        denies(peer, "ent A", NO_DATA).await?.is_empty_name("ent")
    }

    /// NSEC3 is no type of a name.
    Must "dns/5155/7.2.3/own-type" [Fixture] = async |peer| {
        denies(peer, "www NSEC3", NO_DATA).await?.lacks("www", &[NSEC3])
    }

    /// That a delegation has no DS is shown by its types.
    Must "dns/5155/7.2.4/no-ds" [Fixture] = async |peer| {
        let denial = denies(peer, "plain DS", NO_DATA).await?;
        denial.is_insecure("plain")?;
        check(denial.types("plain")? == [NS], "NS", &denial)
    }

    /// Where a wildcard has no such records, its NSEC3 record is shown, and the closest name that is there.
    Must "dns/5155/7.2.5/wildcard-no-data" [Fixture] = async |peer| {
        let denial = denies(peer, "y.x.wild AAAA", NO_DATA).await?;
        denial.encloses("wild", "x.wild")?;
        denial.lacks("*.wild", &[AAAA])
    }

    /// That a wildcard stands for a name is shown by the next closer name, which is not there.
    Must "dns/5155/7.2.6/wildcard" [Fixture] = async |peer| {
        denies(peer, "x.wild A", "NOERROR aa\nanswer x.wild 500 A 192.0.2.40").await?.covers("x.wild")
    }

    /// It is the one below the wildcard's parent that is not there.
    Must "dns/5155/7.2.6/deep" [Fixture] = async |peer| {
        denies(peer, "y.x.wild A", "NOERROR aa\nanswer y.x.wild 500 A 192.0.2.40").await?.covers("x.wild")
    }

    /// That an alias leads to a name that a wildcard stands for is shown too.
    Must "dns/5155/7.2.6/alias" [Fixture] = async |peer| {
        let wanted = "NOERROR aa\nanswer starred CNAME any.wild\nanswer any.wild 500 A 192.0.2.40";
        denies(peer, "starred A", wanted).await?.covers("any.wild")
    }

    /// A referral shows that there is no DS.
    Must "dns/5155/7.2.7/referral" [Fixture] = async |peer| {
        let wanted = "NOERROR\nauthority plain 800 NS ns.plain\nadditional ns.plain 800 A 192.0.2.51";
        denies(peer, "a.plain A", wanted).await?.is_insecure("plain")
    }

    /// So it does where the delegation is below a name without records.
    Must "dns/5155/7.2.7/below-empty" [Fixture] = async |peer| {
        denies(peer, "x.hidden A", "NOERROR\nauthority x.hidden 800 NS ns1").await?.is_insecure("x.hidden")
    }

    /// The name of an NSEC3 record is not there.
    Must "dns/5155/7.2.8/owner" [Fixture] = async |peer| {
        let denial = denies(peer, "www TXT", NO_DATA).await?;
        let own = denial.gaps.first().map(|gap| gap.from.concat()).unwrap_or_default();
        for kind in ["A", "NSEC3"] {
            let denial = denies(peer, &format!("{} {kind}", to_base32(&own)), NO_NAME).await?;
            denial.encloses("@", &to_base32(&own))?;
        }
        Ok(Outcome::Pass)
    }

    /// An NSEC3 record has the lesser of the two TTLs of the SOA record.
    Must "dns/9077/3.3/nsec3-ttl" [Fixture] = async |peer| {
        let zone = Signed::open(peer, BY_NSEC3).await?;
        let answer = zone.ask(peer, "www TXT").await?;
        let ttls: Vec<_> = answer.authority.iter().filter(|it| it.kind == NSEC3).map(|it| it.ttl).collect();
        check(ttls == [300], "an NSEC3 record with a TTL of 300", &answer)
    }
}
