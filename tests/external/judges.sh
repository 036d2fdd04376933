#!/bin/bash
# Tools of others, against our server: how it bears slow clients (slowhttptest), and what its TLS offers (openssl, testssl.sh).
# Usage: judges.sh PATH-OF-ROPEWALK [long]. A tool that is not installed is passed over, unless ROPEWALK_REQUIRE_PEERS is 1.
set -euo pipefail
ropewalk=$1
long=${2:-}
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT

# shellcheck source=tests/external/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$dir/files"
head -c 2000000 /dev/urandom >"$dir/files/big.bin"
echo hello >"$dir/files/hello.txt"
certificate "$dir"
plain=$(free_port)
tls=$(free_port)
"$ropewalk" web --path "$dir/files" --listen "tcp:$plain" --listen "tls:$tls:cert=$dir/cert.pem:key=$dir/key.pem" \
	--log-file "$dir/log" &
server=$!
for _ in $(seq 100); do
	curl -sf -o /dev/null "http://127.0.0.1:$plain/hello.txt" && break
	sleep 0.1
done
curl -sf -o /dev/null "http://127.0.0.1:$plain/hello.txt" || fail "the server does not answer: $(cat "$dir/log")"

# Slow clients: while they hold their connections, another client is served.
slow() {
	local name=$1
	shift
	(cd "$dir" && slowhttptest -c 200 -r 100 -l "${seconds}" -p 2 "$@" >"$dir/$name.out" 2>&1) &
	local tool=$!
	sleep 3
	curl -sf -m 5 -o /dev/null "http://127.0.0.1:$plain/hello.txt" || fail "no answer within 5 s under $name"
	wait "$tool" || true
	grep -q 'service available: *YES' <(sed 's/\x1b\[[0-9;]*m//g' "$dir/$name.out") || fail "$name: $(tail -20 "$dir/$name.out")"
	kill -0 "$server" || fail "the server ended under $name"
	echo "slowhttptest $name: served throughout"
}

if has slowhttptest; then
	seconds=8
	[ -n "$long" ] && seconds=60
	slow headers -H -i 2 -u "http://127.0.0.1:$plain/hello.txt"
	slow body -B -i 2 -s 8192 -t POST -u "http://127.0.0.1:$plain/hello.txt"
	slow ranges -R -a 10 -b 3000 -u "http://127.0.0.1:$plain/big.bin"
	slow reading -X -k 3 -n 1 -z 32 -w 10 -y 20 -u "http://127.0.0.1:$plain/big.bin"
fi

# What is offered and what is not.
# The first argument is looked for in what openssl says of a handshake with the other arguments.
handshake() {
	local wanted=$1
	shift
	# It ends with an error where it is refused, which may be what is wanted.
	openssl s_client -connect "127.0.0.1:$tls" -servername localhost "$@" </dev/null >"$dir/handshake" 2>&1 || true
	grep -q "$wanted" "$dir/handshake"
}

handshake 'ALPN protocol: h2' -tls1_3 -alpn h2 || fail "TLS 1.3 with h2 is not offered"
handshake 'Protocol *: TLSv1.2' -tls1_2 || fail "TLS 1.2 is not offered"
for old in -tls1 -tls1_1; do
	handshake 'Cipher is (NONE)' "$old" -cipher DEFAULT@SECLEVEL=0 || fail "$old is offered"
done
handshake 'Cipher is (NONE)' -tls1_2 -cipher AES128-SHA:@SECLEVEL=0 || fail "a cipher without forward secrecy is offered"
echo "openssl: TLS 1.2 and 1.3, ALPN h2, nothing older"
if openssl list -tls-groups 2>/dev/null | grep -q X25519MLKEM768; then
	handshake 'X25519MLKEM768' -tls1_3 -groups X25519MLKEM768 || fail "X25519MLKEM768 is not negotiated"
	echo "openssl: X25519MLKEM768"
else
	echo "missing: an openssl that knows X25519MLKEM768 (3.5)"
fi

if [ -n "$long" ] && has testssl; then
	testssl --quiet --color 0 --warnings off --severity MEDIUM -p -U -S --jsonfile "$dir/testssl.json" "127.0.0.1:$tls" >"$dir/testssl.out" || true
	# The certificate is one that nobody signed: what is said of it is no finding.
	python3 - "$dir/testssl.json" <<-'EOF' || fail "testssl.sh: $(cat "$dir/testssl.out")"
		import json, sys
		findings = json.load(open(sys.argv[1]))
		bad = [f for f in findings if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and not f["id"].startswith("cert")]
		print(*(f"{f['id']}: {f['severity']}: {f['finding']}" for f in bad), sep="\n")
		sys.exit(bool(bad))
	EOF
	echo "testssl.sh: nothing of medium severity or above"
fi
