#!/usr/bin/env bash
# Runs every fuzz target for SECONDS each on a copy of its kept corpus; finds go to build-fuzz/.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?usage: tests/fuzz/run.sh SECONDS}
for target in build-fuzz/fuzz_*; do
    [ -x "$target" ] || continue
    name=${target#build-fuzz/fuzz_}
    work=$(mktemp -d)
    # The fuzzer's talk is worth reading after a find only.
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
        -artifact_prefix=build-fuzz/ "$work" "tests/fuzz/corpus/$name" >"build-fuzz/$name.log" 2>&1 || {
        cat "build-fuzz/$name.log" >&2
        exit 1
    }
    rm -rf "$work"
    echo "fuzz_$name: $seconds s, no finding"
done
