#!/bin/bash
# Tools of others, against our server of DNS with the zones of the suite: kdig by every transport (QUIC too), drill, delv, dnspython, and
# unbound, which resolves names by asking us. What each says has to be what dig says by TCP.
# Usage: dns_judges.sh PATH-OF-ROPEWALK [PYTHON-WITH-DNSPYTHON]. A tool that is not installed is passed over, unless
# ROPEWALK_REQUIRE_PEERS is 1.
set -euo pipefail
ropewalk=$(realpath "$1")
python=${2:-python3}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'kill ${server:-} ${resolver:-} 2>/dev/null || true; rm -rf "$dir"' EXIT

# shellcheck source=tests/external/lib.sh
. "$(dirname "$0")/lib.sh"

certificate "$dir"
plain=$(free_port)
dot=$(free_port)
doh=$(free_port)
doq=$(free_port)
cached=$(free_port)
name=rope-key
secret=cm9wZXdhbGsga2V5IGZvciB0ZXN0cyBvbmx5ISEhISE=
(umask 077 && printf %s "$secret" >"$dir/secret")
"$ropewalk" conform fixture "$dir"
{
	printf '[keys.%s]\nsecret = { file = "secret" }\n[zones.main]\nallow_transfer = ["key:%s"]\nzone = [' "$name" "$name"
	for zone in "$dir"/dns/*.zone; do
		printf '{ file = "%s" }, ' "$zone"
	done
	tls="interface=127.0.0.1:cert=$dir/cert.pem:key=$dir/key.pem"
	printf ']\n[[service]]\nkind = "dns"\nzones = "main"\nlisten = ["udp:%s:interface=127.0.0.1", "tcp:%s:interface=127.0.0.1", "tls:%s:%s", "quic:%s:%s"]\n' \
		"$plain" "$plain" "$dot" "$tls" "$doq" "$tls"
	printf '[[service]]\nkind = "http"\ndns = "main"\nlisten = ["tls:%s:%s"]\n' "$doh" "$tls"
} >"$dir/ropewalk.toml"
"$ropewalk" run --allow-root --config "$dir/ropewalk.toml" >"$dir/log" 2>&1 &
server=$!
for _ in $(seq 100); do
	dig +short +time=1 +tries=1 -p "$plain" @127.0.0.1 rope.test SOA 2>/dev/null | grep -q . && break
	sleep 0.1
done

# What is asked: a name and a type each.
questions="www.rope.test A
www.rope.test AAAA
rope.test SOA
rope.test MX
alias.rope.test A
host9.wild.rope.test TXT
_sip._tcp.rope.test SRV
large.rope.test TXT
odd.rope.test TYPE731
www.dn.rope.test A
ns1.rope.test HINFO
nothing.rope.test A"

# The code and the records of the answer, sorted; without TTLs where no_ttl is set.
no_ttl=
plainly() {
	sed -nE 's/.*(status|, rcode): ([A-Z]+).*/\2/p; /^;;? ANSWER SECTION/,/^$/{/^;/d;/^$/d;p}' | tr -s '\t ' ' ' | tr 'A-Z' 'a-z' | sed -E "${no_ttl:+s/^([^ ]+) [0-9]+ in/\\1 in/}" | sort -u
}

# Each of the tools says of each question what dig says by TCP.
compare() {
	local tool=$1
	shift
	local wrong=0 name type
	while read -r name type; do
		dig +tcp +noedns +norec -p "$plain" @127.0.0.1 "$name" "$type" | plainly >"$dir/expected"
		# Where the tool fails, there is no answer.
		{ "$@" "$name" "$type" 2>&1 || true; } | plainly >"$dir/actual"
		if [ ! -s "$dir/actual" ] || ! diff "$dir/expected" "$dir/actual" >"$dir/diff"; then
			echo "$tool: $name $type" && head -6 "$dir/diff" "$dir/actual" | cut -c1-200
			wrong=1
		fi
	done <<<"$questions"
	[ $wrong = 0 ] || fail "$tool"
	echo "$tool: $(wc -l <<<"$questions") answers as by dig"
}

if has dig; then
	compare "dig, UDP" dig -p "$plain" +norec @127.0.0.1
	compare "dig, TLS" dig -p "$dot" +tls +norec @127.0.0.1
	compare "dig, HTTPS" dig -p "$doh" +https +norec @127.0.0.1
	compare "dig, HTTPS by GET" dig -p "$doh" +https-get +norec @127.0.0.1
	count=$(dig -p "$plain" -y "hmac-sha256:$name:$secret" @127.0.0.1 big.test AXFR | grep -c 'TXT' || true)
	[ "$count" = 5000 ] || fail "dig: $count records of big.test"
	echo "dig, AXFR: 5000 records"
fi
if has kdig; then
	trust="+tls-ca=$dir/cert.pem +tls-hostname=localhost"
	compare "kdig, UDP" kdig -p "$plain" +norec @127.0.0.1
	compare "kdig, TCP" kdig -p "$plain" +tcp +norec @127.0.0.1
	# shellcheck disable=SC2086
	compare "kdig, TLS" kdig -p "$dot" +tls $trust +norec +padding @127.0.0.1
	# shellcheck disable=SC2086
	compare "kdig, HTTPS" kdig -p "$doh" +https=/dns-query $trust +norec @127.0.0.1
	# What it is told of certificates after +quic, it takes for TLS.
	# shellcheck disable=SC2086
	compare "kdig, QUIC" kdig -p "$doq" $trust +quic +norec @127.0.0.1
	# shellcheck disable=SC2086
	compare "kdig, HTTPS by GET" kdig -p "$doh" +https=/dns-query +https-get $trust +norec @127.0.0.1
fi
if has drill; then
	# It does not ask again by TCP for what is truncated.
	(questions=$(grep -v large <<<"$questions") && compare "drill, UDP" drill -o rd -p "$plain" @127.0.0.1)
	compare "drill, TCP" drill -t -o rd -p "$plain" @127.0.0.1
fi
if has delv; then
	# It validates, of which there is nothing to do here: nobody has signed the zones.
	while read -r asked type; do
		[ "$asked" = nothing.rope.test ] || [ "$asked" = ns1.rope.test ] && continue
		delv +noroot -i -p "$plain" @127.0.0.1 "$asked" "$type" >"$dir/actual" 2>&1 || fail "delv $asked: $(cat "$dir/actual")"
		grep -qi "$asked" "$dir/actual" || fail "delv $asked: $(cat "$dir/actual")"
	done <<<"$questions"
	echo "delv: answers that it takes"
fi
if has unbound; then
	for transport in UDP TLS; do
		how="stub-addr: 127.0.0.1@$plain"
		[ $transport = TLS ] && how="stub-addr: 127.0.0.1@$dot#localhost
			  stub-tls-upstream: yes"
		cat >"$dir/unbound.conf" <<-END
			server:
			  directory: "$dir"
			  chroot: ""
			  username: ""
			  pidfile: "$dir/unbound.pid"
			  interface: 127.0.0.1@$cached
			  do-daemonize: no
			  use-syslog: no
			  do-not-query-localhost: no
			  module-config: "iterator"
			  tls-cert-bundle: "$dir/cert.pem"
			  local-zone: "test." nodefault
			stub-zone:
			  name: "rope.test"
			  $how
		END
		unbound -d -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
		resolver=$!
		for _ in $(seq 100); do
			dig +short +time=1 +tries=1 -p "$cached" @127.0.0.1 www.rope.test A 2>/dev/null | grep -q . && break
			sleep 0.1
		done
		# It counts them down.
		no_ttl=1
		compare "unbound, ${transport}" dig -p "$cached" +rec @127.0.0.1
		kill "$resolver"
		wait "$resolver" 2>/dev/null || true
	done
fi
if "$python" -c 'import dns.query' 2>/dev/null; then
	"$python" "$here/dns_judges.py" "$plain" "$dot" "$doh" "$dir/cert.pem" "$dir/dns" || fail dnspython
elif [ "${ROPEWALK_REQUIRE_PEERS:-}" = 1 ]; then
	fail "missing: dnspython"
fi
kill -0 "$server" || fail "the server ended: $(cat "$dir/log")"
