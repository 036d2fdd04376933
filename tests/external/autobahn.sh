#!/bin/bash
# Autobahn's test suite for WebSocket (autobahntestsuite 25.10.1, from PyPI) against our server and our client.
#
#	PYTHON27=/path/to/python2.7 tests/external/autobahn.sh [server] [client]
#
# The suite is written in Python 2.7 and says so nowhere: under Python 3 it installs and cannot be imported. So it
# gets an environment of its own, under target/autobahn, where its reports are too. CASES is what to run
# (default "*"), PROFILE that of cargo (default dev).
#
# Sections 12 and 13 are about RFC 7692, which is not spoken: UNIMPLEMENTED. Everything else is to be OK; section 7 also has
# cases that are INFORMATIONAL.
set -euo pipefail
cd "$(dirname "$0")/../.."
AT=$PWD/target/autobahn
PORT=${PORT:-9001}
PROFILE=${PROFILE:-dev}
mkdir -p "$AT"

if [ ! -x "$AT/venv/bin/wstest" ]; then
	python3 -m venv "$AT/tool"
	# The last virtualenv that makes environments of Python 2.7.
	"$AT/tool/bin/pip" install -q virtualenv==20.15.1
	"$AT/tool/bin/virtualenv" -q -p "${PYTHON27:-python2.7}" "$AT/venv"
	"$AT/venv/bin/pip" install -q autobahntestsuite==25.10.1
fi

"${CARGO:-cargo}" build -q --profile "$PROFILE" -p ropewalk-http --example http_autobahn
OURS=target/$([ "$PROFILE" = dev ] && echo debug || echo "$PROFILE")/examples/http_autobahn
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

until_open() {
	for _ in $(seq 100); do
		(exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && return
		sleep 0.1
	done
	echo "nothing listens on port $PORT" >&2
	exit 1
}

# What the report says: a line for each behaviour, and one for each case that is not as it should be.
judge() {
	python3 - "$AT/$1/index.json" <<'PY'
import collections, json, sys
cases = json.load(open(sys.argv[1]))["ropewalk"]
wrong, count = [], collections.Counter()
for case, found in cases.items():
    behaviours = found["behavior"], found["behaviorClose"]
    count[behaviours] += 1
    deflate = case.split(".")[0] in ("12", "13")
    good = {"UNIMPLEMENTED"} if deflate else {"OK", "INFORMATIONAL"}
    if not set(behaviours) <= good | ({"OK"} if deflate else set()):
        wrong.append(f"{case}: {behaviours[0]}, close {behaviours[1]}")
for behaviours, n in sorted(count.items()):
    print(f"{n:5} {behaviours[0]}, close {behaviours[1]}")
print("\n".join(wrong))
sys.exit(bool(wrong))
PY
}

for side in "${@:-server client}"; do
	for which in $side; do
		rm -rf "${AT:?}/$which"
		case $which in
		server)
			cat > "$AT/spec.json" <<-E
				{"outdir": "$AT/server", "cases": ["${CASES:-*}"], "exclude-cases": [], "exclude-agent-cases": {},
				 "servers": [{"agent": "ropewalk", "url": "ws://127.0.0.1:$PORT"}]}
			E
			"$OURS" server "tcp:$PORT:interface=127.0.0.1" > "$AT/server.log" 2>&1 &
			until_open
			"$AT/venv/bin/wstest" -m fuzzingclient -s "$AT/spec.json" > "$AT/wstest.log" 2>&1
			;;
		client)
			cat > "$AT/spec.json" <<-E
				{"outdir": "$AT/client", "cases": ["${CASES:-*}"], "exclude-cases": [], "exclude-agent-cases": {},
				 "url": "ws://127.0.0.1:$PORT"}
			E
			"$AT/venv/bin/wstest" -m fuzzingserver -w 0 -s "$AT/spec.json" > "$AT/wstest.log" 2>&1 &
			until_open
			"$OURS" client "ws://127.0.0.1:$PORT" > "$AT/client.log" 2>&1
			;;
		*) echo "server or client, not $which" >&2; exit 1 ;;
		esac
		kill %% && wait %% 2>/dev/null || true
		echo "$which:"
		judge "$which"
	done
done
