#!/usr/bin/env bash
# tests/fuzz/run.sh [--hours] SECONDS [TARGET...]: runs each fuzz target, two at a time, until it has used so many
# seconds of processor time, from its kept corpus and from what earlier runs found in build-fuzz/. An input that breaks
# an invariant becomes a file of the kept corpus, found-*, and ends the run. --hours adds what was used to hours.json.
# PLAYREPORT_FUZZ_SEED=n tries the same inputs each time, as far as the time goes.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
    echo "usage: tests/fuzz/run.sh [--hours] SECONDS [TARGET...]" >&2
    exit 2
}

# one NAME SECONDS HOURS: one target; tells of it in a line, and hours.py if HOURS is true.
one() {
    local name=$1 wanted_ms=$(($2 * 1000)) hours=$3 used_ms=0 runs=0
    local found=build-fuzz/corpus/$name log=build-fuzz/$name.log
    local memory ms count
    local TIMEFORMAT='%3U %3S'
    [ -x "build-fuzz/fuzz_$name" ] || {
        echo "fuzz_$name: not built: cmake --preset fuzz && cmake --build --preset fuzz" >&2
        return 1
    }
    memory=$(mktemp -d -p "$([ -d /dev/shm ] && echo /dev/shm || echo /tmp)" playreport-fuzz.XXXXXX)
    # shellcheck disable=SC2064 # as it is now
    trap "rm -rf '$memory'" EXIT
    mkdir -p "$found"
    # The fuzzer's limit is of time that passes: while others take the processor it gets more of it.
    while ((used_ms < wanted_ms)); do
        # The fuzzer's talk is worth reading after a find only.
        { time TMPDIR=$memory "build-fuzz/fuzz_$name" -max_total_time=$(((wanted_ms - used_ms + 999) / 1000)) \
            -timeout=20 -rss_limit_mb=2048 -dict=tests/fuzz/words.dict -verbosity=0 -print_final_stats=1 \
            -seed="${PLAYREPORT_FUZZ_SEED:-0}" \
            -artifact_prefix="tests/fuzz/corpus/$name/found-" "$found" "tests/fuzz/corpus/$name" \
            >"$log" 2>&1; } 2>"$memory/time" || {
            cat "$log" >&2
            echo "fuzz_$name: a finding, kept in tests/fuzz/corpus/$name/" >&2
            return 1
        }
        ms=$(awk '{ printf "%d", ($1 + $2) * 1000 }' "$memory/time")
        count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        used_ms=$((used_ms + ms + 1))
        runs=$((runs + count))
    done
    if $hours; then
        echo "$name $used_ms $runs" | flock build-fuzz/hours.lock /usr/bin/python3 tests/fuzz/hours.py >/dev/null
    fi
    echo "fuzz_$name: $((used_ms / 1000)) s, $runs inputs, no finding"
}

main() {
    local hours=false failed=0
    [ "${1:-}" != --hours ] || {
        hours=true
        shift
    }
    [[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
    local seconds=$1
    shift
    [ $# -gt 0 ] || mapfile -t < <(cd tests/fuzz && printf '%s\n' fuzz_*.c | sed 's/^fuzz_//;s/\.c$//')
    [ $# -gt 0 ] || set -- "${MAPFILE[@]}"
    printf '%s\n' "$@" | xargs -P 2 -I '{}' tests/fuzz/run.sh --one '{}' "$seconds" "$hours" || failed=1
    if $hours; then
        /usr/bin/python3 tests/fuzz/hours.py </dev/null
    fi
    return "$failed"
}

if [ "${1:-}" = --one ]; then
    one "$2" "$3" "$4"
else
    main "$@"
fi
