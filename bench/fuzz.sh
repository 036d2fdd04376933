#!/bin/bash
# Feeds the parsers and whole connections of HTTP with damaged input, guided by what code it reaches (libFuzzer), and fails
# where a promise is broken; what broke it is left in target/fuzz/broken. The targets are those of fuzz/src. The flags are
# those of cargo-fuzz, without a sanitizer (all code here is safe), so that a stable toolchain builds them.
#
#	bench/fuzz.sh				each target for 10 seconds
#	bench/fuzz.sh connection 3600		one of them for an hour
#	bench/fuzz.sh all 300			each for five minutes
#	bench/fuzz.sh head FILE			one input again
#
# What was found worth keeping is in target/fuzz/corpus, for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
targets=${1:-all}
seconds=${2:-10}
if [ "$targets" = all ]; then targets=$(ls fuzz/seeds); fi

flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
	-Cllvm-args=-sanitizer-coverage-trace-compares"
host=$(rustc -vV | sed -n 's/^host: //p')
# The versions that we are built of; what the fuzzer needs besides is added.
cp Cargo.lock fuzz/Cargo.lock
# With --target, build scripts and macros are built without the flags.
RUSTFLAGS=$(echo $flags) ${CARGO:-cargo} build --quiet --release --target "$host" \
	--manifest-path fuzz/Cargo.toml --target-dir target/fuzz
program=target/fuzz/$host/release/ropewalk-fuzz

for target in $targets; do
	export FUZZ_TARGET=$target
	if [ -e "$seconds" ]; then
		"$program" "$seconds"
		continue
	fi
	corpus=target/fuzz/corpus/$target
	mkdir -p "$corpus" target/fuzz/broken
	log=target/fuzz/$target.log
	if ! "$program" -max_total_time="$seconds" -max_len=2048 -timeout=10 -rss_limit_mb=1024 -dict=fuzz/http.dict \
		-artifact_prefix="target/fuzz/broken/$target-" -print_final_stats=1 "$corpus" "fuzz/seeds/$target" > "$log" 2>&1; then
		grep -v '^#' "$log" | tail -60
		echo "broken: $target; try it again: bench/fuzz.sh $target target/fuzz/broken/$target-..." >&2
		exit 1
	fi
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	echo "$target: $runs inputs, $(ls "$corpus" | wc -l) kept, $(sed -n 's/^#.*DONE *\(cov: [0-9]*\).*/\1/p' "$log")"
done
