#!/usr/bin/env bash
# Installs what Debian 12 or Ubuntu lack for building, testing or measuring PlayReport; quick when nothing is missing.
set -euo pipefail

BUILD="gcc cmake ninja-build pkg-config libevent-dev librdkafka-dev libmsgpack-dev libjansson-dev
    libsqlite3-dev zlib1g-dev libssl-dev libglib2.0-dev libisal-dev tzdata python3 help2man"
TEST="libcmocka-dev clang clang-format llvm cppcheck shellcheck python3-pytest python3-pytest-xdist
    python3-msgpack python3-confluent-kafka python3-oauthlib python3-requests python3-yaml python3-hypothesis python3-h11 curl nginx-light haproxy
    python3-jsonschema python3-venv python3-selenium libjs-jquery wrk apache2-utils nghttp2-client hey siege slowhttptest
    mandoc groff-base zsh systemd strace"
BENCH="valgrind libnginx-mod-http-lua lua-nginx-kafka lua-cjson"
declare -a SUDO=()

die() {
    echo "deps.sh: $*" >&2
    exit 1
}

# Prints those of the named packages that are not installed; one call of dpkg-query for all.
missing_of() {
    local have name
    # What another package provides counts too: pkgconf stands for pkg-config, for one.
    have=$(dpkg-query -W -f '${db:Status-Abbrev}|${Package} ${Provides}\n' 2>/dev/null |
        sed -n 's/^ii *|//p' | tr -d ',' | tr ' ' '\n')
    for name in "$@"; do
        grep -qxF "$name" <<<"$have" || echo "$name"
    done
}

java_major() {
    java -version 2>&1 | sed -n 's/.*version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1
}

# clang's sanitizers and fuzzer come in a package named after its version.
clang_runtime() {
    local major
    if [ -x /usr/bin/clang ]; then
        major=$(/usr/bin/clang -dumpversion | cut -d. -f1)
    else
        major=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    fi
    # Before clang 14 it was part of libclang-common.
    [ "${major:-0}" -lt 14 ] || echo "libclang-rt-$major-dev"
}

# On Ubuntu the browser is a snap, which these packages bring by way of snapd.
browser() {
    [ -z "${PLAYREPORT_TEST_CHROMIUM:-}" ] || return 0
    if grep -qx 'ID=ubuntu' /etc/os-release; then
        printf '%s\n' chromium-browser chromium-chromedriver
    else
        printf '%s\n' chromium chromium-driver
    fi
}

wanted() {
    # shellcheck disable=SC2086 # lists of words
    printf '%s\n' $BUILD
    command -v npm >/dev/null || echo npm
    [ "$1" != build ] || return 0
    # shellcheck disable=SC2086
    printf '%s\n' $TEST
    clang_runtime
    browser
    { command -v javac >/dev/null && [ "$(java_major)" -ge 17 ]; } 2>/dev/null || echo default-jdk-headless
    command -v mvn >/dev/null || echo maven
    command -v node >/dev/null || echo nodejs
    [ "$1" = bench ] || return 0
    # shellcheck disable=SC2086
    printf '%s\n' $BENCH
}

become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    sudo -n true 2>/dev/null || return 1
    SUDO=(sudo -n)
}

# with_progress WHAT COMMAND...: a line at the start and every 10 s; what the command says only if it fails.
with_progress() {
    local what=$1 log job waited=0
    shift
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null &
    job=$!
    while kill -0 "$job" 2>/dev/null; do
        ((waited % 50 != 0)) || echo "deps.sh: $what: $((waited / 5)) s" >&2
        sleep 0.2
        waited=$((waited + 1))
    done
    if ! wait "$job"; then
        tail -n 10 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

install() {
    with_progress "updating the package lists" "${SUDO[@]}" apt-get update ||
        echo "deps.sh: going on with the package lists there are" >&2
    with_progress "installing $*" "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@" || die "apt-get could not install: $*"
}

main() {
    local -a names=() missing=()
    if ! [[ $* =~ ^(build|test|bench)$ ]]; then
        echo "usage: tests/deps.sh build|test|bench" >&2
        exit 2
    fi
    command -v dpkg-query >/dev/null || die "this is no Debian or Ubuntu: see tests/deps.sh for what to install"
    mapfile -t names < <(wanted "$1")
    mapfile -t missing < <(missing_of "${names[@]}")
    [ ${#missing[@]} -gt 0 ] || return 0
    become_root || die "please install, as root: apt-get install ${missing[*]}"
    install "${missing[@]}"
    # The names may have been guessed before the package lists were there.
    mapfile -t names < <(wanted "$1")
    mapfile -t missing < <(missing_of "${names[@]}")
    [ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
}

main "$@"
