#!/bin/sh
# Changes parsers and limits in every small way, one at a time, and counts the changes that the unit tests notice: at
# least 90 in 100, of each file. Needs cargo-mutants (`cargo install cargo-mutants --locked`).
#
#	bench/mutants.sh				of the core: VPath, endpoints, the PROXY header's reader, limits
#	bench/mutants.sh core core/src/net/pace.rs	of one file
#	bench/mutants.sh http				of HTTP: the engine for HTTP/1, header fields, targets
#
# On two cores the first takes a quarter of an hour, the last two hours.
set -eu
cd "$(dirname "$0")/.."
what=${1:-core}
case $what in
# A name narrows what the configuration lists: by -f it would be one more.
core) set -- --package ropewalk-core ${2:+--re "^$2:"} ;;
http) set -- --package ropewalk-http --config .cargo/mutants-http.toml ${2:+--re "^$2:"} ;;
*) echo "core, or http" >&2; exit 2 ;;
esac
# 2: some were missed; 3: some ran into the time limit, which is notice enough.
status=0
${CARGO:-cargo} mutants --jobs 1 "$@" || status=$?
case $status in 0 | 2 | 3) ;; *) exit "$status" ;; esac
cd mutants.out
cat caught.txt timeout.txt missed.txt | sed 's/:.*//' | sort | uniq -c | {
	failed=0
	while read -r all file; do
		missed=$(grep -c "^$file:" missed.txt || true)
		percent=$(((all - missed) * 100 / all))
		echo "$percent % of $all: $file"
		[ "$percent" -ge 90 ] || failed=1
	done
	exit $failed
}
