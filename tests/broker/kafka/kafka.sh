#!/usr/bin/env bash
# A real Kafka for tests, without Docker: one or three KRaft nodes on loopback, each a process of its own.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=/usr/bin/python3
VERSION=${PLAYREPORT_TEST_KAFKA_VERSION:-$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$HERE/pom.xml")}
CACHE=${PLAYREPORT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/playreport}
LIBS=$CACHE/kafka-$VERSION
READY_TIMEOUT_S=${PLAYREPORT_TEST_KAFKA_TIMEOUT_S:-180}
JVM=${PLAYREPORT_TEST_KAFKA_JVM:--Xms128m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1}

usage() {
    cat <<'END'
usage: kafka.sh fetch                                    the jars, once, into the cache folder
       kafka.sh start DIR [--nodes 1|3] [--ports P,P..]  new broker(s) with their data in DIR; waits until ready
       kafka.sh stop DIR                                 SIGTERM, after 15 s SIGKILL
       kafka.sh kill DIR [N]                             SIGKILL
       kafka.sh restart DIR [N]                          again on the same ports and data; waits until ready,
                                                         or, while others are down, until its peers name it
       kafka.sh pause DIR [N]                            SIGSTOP
       kafka.sh resume DIR [N]                           SIGCONT

N is the number of a node; without it every node is meant.
DIR/bootstrap holds the addresses, DIR/nodeN/log what node N says, DIR/nodeN/pid its process.

PLAYREPORT_CACHE            the cache folder (~/.cache/playreport)
PLAYREPORT_TEST_KAFKA_JVM        options of the JVM; under load "-Xmx1g -XX:+UseSerialGC"
PLAYREPORT_TEST_KAFKA_VERSION    another Kafka than that of pom.xml
PLAYREPORT_TEST_KAFKA_TIMEOUT_S  how long to wait until ready (180)
END
}

die() {
    echo "kafka.sh: $*" >&2
    exit 1
}

bad_usage() {
    echo "kafka.sh: $*; see kafka.sh --help" >&2
    exit 2
}

need_java() {
    command -v java >/dev/null || die "java is missing: install a Java runtime, 17 or newer (default-jre-headless)"
    local major
    major=$(java -version 2>&1 | sed -n 's/.*version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1)
    [ "${major:-0}" -ge 17 ] || die "java is version ${major:-unknown}: Kafka $VERSION needs 17 or newer"
}

need_python() {
    "$PYTHON" -c 'import confluent_kafka' 2>/dev/null ||
        die "$PYTHON lacks confluent_kafka: install python3-confluent-kafka"
}

# ---- jars

copy_jars() {
    mvn -B -q -f "$HERE/pom.xml" -Dkafka.version="$VERSION" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$1" >"$1/mvn.log" 2>&1
}

fetch_locked() {
    [ ! -d "$LIBS" ] || return 0
    command -v mvn >/dev/null || die "mvn is missing: install maven; it brings the jars of Kafka $VERSION"
    local tmp mvn waited=0
    tmp=$(mktemp -d "$LIBS.XXXXXX")
    copy_jars "$tmp" &
    mvn=$!
    # shellcheck disable=SC2064 # these values, not later ones
    trap "kill $mvn 2>/dev/null; rm -rf '$tmp'" EXIT
    while kill -0 "$mvn" 2>/dev/null; do
        ((waited % 100 != 20)) || echo "fetching Kafka $VERSION (45 MB, once): $((waited / 10)) s" >&2
        sleep 0.1
        waited=$((waited + 1))
    done
    if ! wait "$mvn"; then
        tail -n 5 "$tmp/mvn.log" >&2
        die "mvn could not fetch Kafka $VERSION"
    fi
    rm -f "$tmp/mvn.log"
    chmod 755 "$tmp"
    mv -T "$tmp" "$LIBS"
    trap - EXIT
}

fetch() {
    [ ! -d "$LIBS" ] || return 0
    mkdir -p "$CACHE"
    exec 9>"$CACHE/kafka.lock"
    flock 9
    fetch_locked
    exec 9>&-
}

# ---- one node; its folder is DIR/nodeN

node_pid() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 1
    # A number alone proves nothing: it may have gone to another process since.
    { tr '\0' '\n' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -xF "$1/server.properties" >/dev/null || return 1
    echo "$pid"
}

# A zombie still has its number, but no command line: gone all the same.
wait_gone() {
    local left=$(($2 * 20))
    while node_pid "$1" >/dev/null; do
        ((left-- > 0)) || return 1
        sleep 0.05
    done
}

signal_node() {
    local pid
    pid=$(node_pid "$1") || return 1
    kill "-$2" "$pid" 2>/dev/null
}

kill_node() {
    signal_node "$1" KILL || return 0
    wait_gone "$1" 60 || die "process of $1 does not go"
    rm -f "$1/pid"
}

stop_node() {
    signal_node "$1" TERM || { rm -f "$1/pid"; return 0; }
    signal_node "$1" CONT || true
    wait_gone "$1" 15 || kill_node "$1"
    rm -f "$1/pid"
}

launch_node() {
    # shellcheck disable=SC2086 # the JVM's options are words
    setsid java $JVM -cp "$LIBS/*" -Dorg.slf4j.simpleLogger.showDateTime=true \
        -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS -Dorg.slf4j.simpleLogger.showThreadName=false \
        kafka.Kafka "$1/server.properties" </dev/null >>"$1/log" 2>&1 &
    echo $! >"$1/pid"
    # node_pid looks at the command line, which is the shell's until java has taken over.
    local left=100
    until node_pid "$1" >/dev/null; do
        kill -0 "$(cat "$1/pid")" 2>/dev/null || break
        ((left-- > 0)) || break
        sleep 0.01
    done
}

format_node() {
    # shellcheck disable=SC2086
    java $JVM -cp "$LIBS/*" kafka.tools.StorageTool format -t "$2" -c "$1/server.properties" >"$1/format.log" 2>&1
}

# write_properties FOLDER ID COUNT PORT CONTROLLER_PORT VOTERS
write_properties() {
    local min_isr=1
    [ "$3" -eq 1 ] || min_isr=2
    cat >"$1/server.properties" <<END
process.roles=broker,controller
node.id=$2
listeners=PLAINTEXT://127.0.0.1:$4,CONTROLLER://127.0.0.1:$5
advertised.listeners=PLAINTEXT://127.0.0.1:$4
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters=$6
log.dirs=$1/data
auto.create.topics.enable=false
default.replication.factor=$3
min.insync.replicas=$min_isr
unclean.leader.election.enable=false
offsets.topic.replication.factor=$3
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$3
transaction.state.log.min.isr=$min_isr
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$3
share.coordinator.state.topic.min.isr=$min_isr
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=4
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
END
}

# ---- the cluster

new_cluster_id() {
    head -c 16 /dev/urandom | base64 | tr '+/' 'Aa' | tr -d '='
}

# lay_out DIR COUNT PORTS: folders and settings of every node, and DIR/bootstrap.
lay_out() {
    local dir=$1 count=$2 voters="" bootstrap="" i
    local -a free brokers
    read -r -a free <<<"$("$PYTHON" "$HERE/../../integration/ports.py" $((2 * count)))"
    IFS=, read -r -a brokers <<<"$3"
    [ -n "$3" ] || brokers=("${free[@]:count}")
    for ((i = 0; i < count; i++)); do
        voters+=${voters:+,}$((i + 1))@127.0.0.1:${free[i]}
        bootstrap+=${bootstrap:+,}127.0.0.1:${brokers[i]}
    done
    for ((i = 0; i < count; i++)); do
        mkdir -p "$dir/node$((i + 1))"
        write_properties "$dir/node$((i + 1))" $((i + 1)) "$count" "${brokers[i]}" "${free[i]}" "$voters"
    done
    echo "$bootstrap" >"$dir/bootstrap"
}

format_all() {
    local id node
    local -a jobs=()
    id=$(new_cluster_id)
    for node in "$1"/node*; do
        format_node "$node" "$id" &
        jobs+=($!)
    done
    for node in "${jobs[@]}"; do
        wait "$node" || die "formatting failed: $(tail -n 3 "$1"/node*/format.log)"
    done
}

check_ports() {
    local -a given
    local port
    [ -n "$2" ] || return 0
    IFS=, read -r -a given <<<"$2"
    [ "${#given[@]}" -eq "$1" ] || bad_usage "--ports wants $1 port(s), one a node, got '$2'"
    for port in "${given[@]}"; do
        if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 65535 ]; then
            bad_usage "--ports: '$port' is not from 1 to 65535"
        fi
    done
}

# Prints the folder of node N, or of every node.
nodes_of() {
    local -a all=("$1"/node*)
    [ -d "${all[0]}" ] || die "no broker was started in $1"
    if [ -z "${2:-}" ]; then
        printf '%s\n' "${all[@]}"
        return
    fi
    if ! [[ $2 =~ ^[0-9]+$ ]] || [ ! -d "$1/node$2" ]; then
        bad_usage "no node '$2': from 1 to ${#all[@]}"
    fi
    echo "$1/node$2"
}

# Waits for the nodes that run. Fewer than a majority cannot serve yet: nothing to wait for.
wait_ready() {
    local -a all=("$1"/node*) running=() addresses=()
    local node number checker
    IFS=, read -r -a addresses <"$1/bootstrap"
    for node in "${all[@]}"; do
        number=${node##*/node}
        ! node_pid "$node" >/dev/null || running+=("$number=${addresses[number - 1]}")
    done
    [ $((2 * ${#running[@]})) -gt "${#all[@]}" ] || return 0
    "$PYTHON" "$HERE/ready.py" "$READY_TIMEOUT_S" "${#all[@]}" "${running[@]}" &
    checker=$!
    while kill -0 "$checker" 2>/dev/null; do
        for node in "${running[@]%%=*}"; do
            node_pid "$1/node$node" >/dev/null && continue
            kill "$checker" 2>/dev/null || true
            wait "$checker" || true
            tail -n 5 "$1/node$node/log" >&2
            echo "node $node ended while starting" >&2
            return 1
        done
        sleep 0.05
    done
    wait "$checker"
}

start_nodes() {
    local node
    lay_out "$1" "$2" "$3"
    format_all "$1"
    for node in "$1"/node*; do
        launch_node "$node"
    done
    wait_ready "$1"
}

start() {
    local dir=$1 count=1 ports="" tries=3
    shift
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || bad_usage "$1 wants a value"
        case $1 in
        --nodes) count=$2 ;;
        --ports) ports=$2 ;;
        *) bad_usage "unknown option '$1'" ;;
        esac
        shift 2
    done
    [ "$count" = 1 ] || [ "$count" = 3 ] || bad_usage "--nodes is 1 or 3, not '$count'"
    check_ports "$count" "$ports"
    [ ! -e "$dir/bootstrap" ] || die "$dir already holds a broker: use restart, or another folder"
    need_java
    need_python
    fetch
    trap 'stop "$dir"; exit 130' INT TERM
    # Ports that were free a moment ago may be taken by now: others are tried, three times in all.
    until start_nodes "$dir" "$count" "$ports"; do
        stop "$dir"
        if [ -n "$ports" ] || ((--tries == 0)); then
            die "the broker did not start; see $dir/node*/log"
        fi
        rm -rf "$dir"/node* "$dir/bootstrap"
    done
    cat "$dir/bootstrap"
}

each_node() {
    local action=$1 node
    for node in $(nodes_of "$2" "${3:-}"); do
        "$action" "$node"
    done
}

# All at once: a node that waits for its peers would take its time.
stop() {
    local node
    local -a jobs=()
    for node in "$1"/node*; do
        stop_node "$node" &
        jobs+=($!)
    done
    wait "${jobs[@]}"
}

restart() {
    need_java
    need_python
    fetch
    each_node stop_node "$@"
    each_node launch_node "$@"
    wait_ready "$1" || die "the broker did not come back; see $1/node*/log"
}

pause_node() {
    signal_node "$1" STOP || die "$1 does not run"
}

resume_node() {
    signal_node "$1" CONT || die "$1 does not run"
}

main() {
    local command=${1:-}
    case $command in
    fetch) fetch && return ;;
    -h | --help | help) usage && return ;;
    start | stop | kill | restart | pause | resume) ;;
    *) bad_usage "unknown command '$command'" ;;
    esac
    [ $# -ge 2 ] || bad_usage "$command wants a folder"
    local dir
    dir=$(realpath -m "$2")
    [[ $dir != *[[:space:]]* ]] || die "a folder without blanks in its name, please: '$dir'"
    shift 2
    [ "$command" = start ] || [ $# -le 1 ] || bad_usage "$command takes one node at most"
    [ "$command" = start ] || nodes_of "$dir" "${1:-}" >/dev/null
    case $command in
    start) start "$dir" "$@" ;;
    stop) stop "$dir" ;;
    restart) restart "$dir" "$@" ;;
    *) each_node "${command}_node" "$dir" "$@" ;;
    esac
}

main "$@"
