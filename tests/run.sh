#!/usr/bin/env bash
# make test: checks, unit tests under each sanitizer, seconds of fuzzing, then the real programs against
# the real Kafka. Ends with the integration runner's own closing line.
set -euo pipefail
cd "$(dirname "$0")/.."

export TSAN_OPTIONS="suppressions=$PWD/tests/tsan/suppressions.txt halt_on_error=1"

step() {
    printf '== %s\n' "$*"
}

# What it says is shown only if it fails.
build() {
    local log
    log=$(mktemp)
    if ! { cmake --preset "$1" && cmake --build --preset "$1"; } > "$log" 2>&1; then
        grep -A 20 -m 1 -E '^FAILED|Error' "$log" || tail -n 40 "$log"
        return 1
    fi
    tail -n 1 "$log"
    rm -f "$log"
}

step "checks"
tests/check.sh

for preset in dev tsan; do
    step "unit tests, preset $preset"
    build "$preset"
    ctest --test-dir "build-$preset" --output-on-failure -j 2
done

step "the counting rules, the plain reference and the C"
PLAYREPORT_TEST_DAEMONS=build-dev /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/reference

step "fuzzing, ${PLAYREPORT_TEST_FUZZ_SECONDS:=3} s a target"
build fuzz
# Of the same inputs each time: what is new is found by make fuzz, and not by whoever tests a change.
PLAYREPORT_FUZZ_SEED=1 tests/fuzz/run.sh "$PLAYREPORT_TEST_FUZZ_SECONDS"

tests/broker/kafka/kafka.sh fetch
step "release build"
build release

# The same runs under the sanitizers, shorter: a report of theirs ends the daemon and so the test.
end_to_end() {
    step "end to end, preset $1"
    PLAYREPORT_TEST_DAEMONS="build-$1" PLAYREPORT_TEST_REPORTS="${PLAYREPORT_TEST_SANITIZED_REPORTS:-$2}" \
        /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/integration/test_end_to_end.py "${@:3}"
}
end_to_end dev 8000
end_to_end tsan 3000 -k "to_the_unit or killed"

step "torture, the short form"
/usr/bin/python3 tests/torture --short

# Two at a time: most of what they do is to wait for brokers.
step "integration tests"
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider -n 2 --dist loadfile tests/integration
