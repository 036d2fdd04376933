#!/bin/sh
# Changes VPath, endpoints, the PROXY header's reader and the limits in every small way, one at a time, and counts
# the changes that the unit tests of the core notice: at least 90 in 100, of each file. Needs cargo-mutants
# (`cargo install cargo-mutants --locked`) and about a quarter of an hour on two cores.
#
#	bench/mutants.sh				all
#	bench/mutants.sh core/src/net/pace.rs		of one file
set -eu
cd "$(dirname "$0")/.."
if [ $# -gt 0 ]; then set -- -f "$1"; fi
# 2: some were missed; 3: some ran into the time limit, which is notice enough.
status=0
cargo mutants --package ropewalk-core --jobs 1 "$@" || status=$?
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
