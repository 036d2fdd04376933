//! Requests that are nearly right: valid ones, changed in one to three of the ways in which a client, an attacker or a
//! wire has been seen to change them. The same number always gives the same request.

mod fields;
mod framing;
mod line;
mod octets;
mod parts;
mod random;

use self::fields::{connections, duplicates, folds, hosts, names};
use self::framing::{both_framings, chunks, codings, lengths};
use self::line::{methods, targets, versions};
use self::octets::{controls, cuts, line_ends, noise, white_space};
use self::parts::{Parts, valid};
use self::random::Random;

type Change = fn(&mut Parts, &mut Random);

const CHANGES: &[Change] = &[
    white_space,
    white_space,
    line_ends,
    line_ends,
    names,
    names,
    hosts,
    hosts,
    lengths,
    lengths,
    codings,
    codings,
    both_framings,
    chunks,
    chunks,
    versions,
    targets,
    targets,
    folds,
    controls,
    controls,
    duplicates,
    methods,
    connections,
    cuts,
    noise,
    noise,
];

/// A changed request.
pub(crate) fn request(number: u64) -> Vec<u8> {
    let mut random = Random(number);
    let mut parts = valid(&mut random);
    for _ in 0..random.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 2, 3]) {
        random.pick(CHANGES)(&mut parts, &mut random);
    }
    parts.bytes()
}
