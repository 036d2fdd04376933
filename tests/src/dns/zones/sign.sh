#!/bin/sh
# Makes the signed forms of nsec.test.zone, with the tools of BIND: signed/nsec.test.zone with NSEC and ECDSA P-256, and
# signed/nsec3.test.zone with NSEC3 and Ed25519. The keys are new ones, and not kept: all cases find theirs in the zone.
# The times are as far apart as they can be (RFC 4034 section 3.1.5).
# Usage: sign.sh
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sign() {
    zone=$1 algorithm=$2
    shift 2
    sed "s/^\$ORIGIN .*/\$ORIGIN $zone./; /^;/d" nsec.test.zone >"$work/zone"
    key=$(dnssec-keygen -q -K "$work" -a "$algorithm" -f KSK "$zone")
    cat "$work/$key.key" >>"$work/zone"
    dnssec-signzone -q -z -P -d "$work" -K "$work" -o "$zone" -s 20200101000000 -e 20871231000000 "$@" \
        -f "$work/signed" "$work/zone" "$key" >/dev/null
    {
        echo "; Made by sign.sh of nsec.test.zone."
        named-compilezone -q -i none -s full -o - "$zone" "$work/signed" |
            sed "/^; resign/d; s/[[:space:]][[:space:]]*/ /g"
    } >"signed/$zone.zone"
}
mkdir -p signed
sign nsec.test ECDSAP256SHA256
sign nsec3.test ED25519 -3 - -H 0
