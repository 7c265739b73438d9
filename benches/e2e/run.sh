#!/usr/bin/env bash
# Measures a release build of the daemon from outside, on a real control plane and on kubemem, beside a bare client that sends the same
# writes again, and prints the figures. Every size gets a cluster and a daemon of its own.
# usage: run.sh [FIGURES]  one JSON object per line is written to FIGURES, which report.py makes docs/benchmarks.md of
# env:   SIZES             releases that one commit changes           (default: "1 100 300")
#        ON                where: real, kubemem                       (default: "real kubemem")
#        ROUNDS            commits per size                           (default: 3)
#        IDLE              seconds of the idle minute, the last size  (default: 60)
#        HELMWARD_BIN      the daemon                                 (default: target/release/helmward)
#        LATENCIES         rounds of each latency, before the sizes   (default: 10; 0 for none)
#        WAITING           releases that wait while another is measured, before the sizes (default: 500; 0 for none)
#        CONFIGMAPS        ConfigMaps of one Kustomization, after the sizes (default: 1000; 0 for none)
#        KUBEMEM_BIN, BARE kubemem and the bare client                (default: target/release/kubemem, .../examples/bare)
#        LATENCY, WAITER   what measures latencies, and waiting       (default: target/release/examples/{latency,waiting})
#        HELMWARD_CLUSTER  folder with up.sh and down.sh              (default: ../shared/cluster beside the repository)
#        CONTROLPLANE      the control plane's binary                 (default: what up.sh takes)
#        BENCH             folder with gitopsbench, gitsrv            (default: ~/.cache/helmward/bench)
#        BENCH_CHART       the chart that is changed                  (default: ../shared/bench/webapp)
#        KEEP              folder for the daemon's logs               (default: deleted at the end)
# Requests are counted by the API server: its audit log, by our user agent. Events and the Lease are counted apart. kubemem has no audit
# log: there the daemon's own metric counts them, and the bare client sends what was recorded on the real control plane.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
release=${CARGO_TARGET_DIR:-$root/target}/release
bin=${HELMWARD_BIN:-$release/helmward}
kubemem=${KUBEMEM_BIN:-$release/kubemem}
bare=${BARE:-$release/examples/bare}
latency=${LATENCY:-$release/examples/latency}
waiter=${WAITER:-$release/examples/waiting}
cluster=${HELMWARD_CLUSTER:-$root/../shared/cluster}
bench=${BENCH:-$HOME/.cache/helmward/bench}
chart=${BENCH_CHART:-$root/../shared/bench/webapp}
figures=${1:-/dev/null}
for need in "$bin" "$bare" "$latency" "$waiter" "$bench/gitopsbench" "$bench/gitsrv" "$cluster/up.sh" "$chart"; do
  [ -e "$need" ] || { echo "skipped: $need is not there"; exit 0; }
done
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@shop.example GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@shop.example
dir=$(mktemp -d)
daemon=0 gitsrv=0 memory=0
stop() { # stop what one size started
  for pid in $daemon $gitsrv $memory; do
    [ "$pid" = 0 ] || { kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; } || true
  done
  daemon=0 gitsrv=0 memory=0
  [ ! -d "$dir/cp" ] || "$cluster/down.sh" "$dir/cp" --purge >/dev/null 2>&1 || true
}
trap 'stop; rm -rf "$dir"' EXIT
: >"$figures"

cat >"$dir/audit.yaml" <<'EOF2'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - {level: Request, users: [admin], verbs: [create, update, patch, delete]}
  - {level: Metadata}
EOF2
real=$(realpath "${CONTROLPLANE:-$cluster/bin/controlplane}")
cat >"$dir/controlplane" <<EOF2
#!/bin/sh
if [ "\$1" = kube-apiserver ]; then
  exec "$real" "\$@" --audit-policy-file "$dir/audit.yaml" --audit-log-path "$dir/audit.log" --audit-log-mode batch --audit-log-maxsize 100000
fi
exec "$real" "\$@"
EOF2
chmod +x "$dir/controlplane"

mark() { [ "$on" = real ] && stat -c %s "$dir/audit.log" || counted; }
counted() { # the daemon's own count on kubemem: writes, reads
  curl -sf "http://127.0.0.1:$metrics/metrics" | awk '/^rest_client_requests_total\{/ {
    n = $NF; if ($0 ~ /method="GET"/) r += n; else w += n } END { printf "%d:%d\n", w, r }'
}
since() { tail -c "+$(($1 + 1))" "$dir/audit.log"; }
requests() { # requests MARK: what the daemon asked for since then, as "writes reads events leases"; the log is written in batches
  sleep 3
  if [ "$on" = kubemem ]; then
    local now
    now=$(counted)
    echo $((${now%:*} - ${1%:*})) $((${now#*:} - ${1#*:})) 0 0
    return
  fi
  since "$1" | python3 -c '
import json, sys
count = {"write": 0, "read": 0, "event": 0, "lease": 0}
for line in sys.stdin:
    try: e = json.loads(line)
    except ValueError: continue
    if not e.get("userAgent", "").startswith("helmward") or e["verb"] == "watch": continue
    resource = e.get("objectRef", {}).get("resource", "")
    kind = {"events": "event", "leases": "lease"}.get(resource) or ("read" if e["verb"] in ("get", "list") else "write")
    count[kind] += 1
print(*count.values())'
}
cpu() { awk '{print ($14+$15)/100}' "/proc/$daemon/stat"; }
rss() { awk '/VmHWM/ {printf "%.0f", $2/1024}' "/proc/$daemon/status"; }
drive() { (cd "$dir" && "$bench/gitopsbench" "$@" -url "$url" -work "$dir/work" -pids "daemon=$daemon" -timeout 10m); }
figure() { echo "{\"on\": \"$on\", \"n\": $n, $*}" | tee -a "$figures" >/dev/null; }
difference() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", b-a}'; }
value() { sed -n "s/.*$2 .*$3=\([0-9.]*\).*/\1/p" <<<"$1"; }

start() { # a cluster, a repository and a daemon
  rm -rf "$dir/cp" "$dir/srv" "$dir/work" "$dir/state" "$dir/audit.log"
  if [ "$on" = real ]; then
    # A node takes 1,000 pods, and a rollout has an old and a new one.
    NODES=4 CONTROLPLANE=$dir/controlplane "$cluster/up.sh" "$dir/cp" >/dev/null
    export KUBECONFIG=$dir/cp/kubeconfig
  else
    export KUBECONFIG=$dir/kubemem.kubeconfig
    rm -f "$KUBECONFIG"
    "$kubemem" --listen 127.0.0.1:0 --kubeconfig "$KUBECONFIG" >"$dir/kubemem.log" 2>&1 &
    memory=$!
    for _ in $(seq 100); do [ -s "$KUBECONFIG" ] && break; sleep 0.1; done
  fi
  git init -q --bare -b main "$dir/srv/repo.git"
  git -C "$dir/srv/repo.git" config http.receivepack true
  git init -q -b main "$dir/work"
  mkdir -p "$dir/work/charts"
  cp -r "$chart" "$dir/work/charts/webapp"
  git -C "$dir/work" add -A
  git -C "$dir/work" commit -qm start
  port=$((20000 + RANDOM % 10000))
  "$bench/gitsrv" "127.0.0.1:$port" "$dir/srv" >"$dir/gitsrv.log" 2>&1 &
  gitsrv=$!
  url=http://127.0.0.1:$port/repo.git
  git -C "$dir/work" remote add origin "$dir/srv/repo.git"
  git -C "$dir/work" push -q -u origin main
  health=$((port + 2)) metrics=$((port + 3))
  "$bin" run --kubeconfig "$KUBECONFIG" --state-dir "$dir/state" --listen 127.0.0.1:$((port + 1)) --health-listen 127.0.0.1:$health \
    --metrics-listen 127.0.0.1:$metrics --log-format json >"${KEEP:-$dir}/daemon-$on-$n.log" 2>&1 &
  daemon=$!
  for _ in $(seq 300); do curl -sf "http://127.0.0.1:$health/readyz" >/dev/null && break; sleep 0.1; done
}

commits() { # the rounds: a commit changes the chart of all releases
  for rev in $(seq 2 $((1 + ${ROUNDS:-3}))); do
    m=$(mark) c0=$(cpu)
    out=$(drive commit -rev "$rev" -n "$n" -prefix app)
    c1=$(cpu)
    read -r w g e _ < <(requests "$m")
    live=$(value "$out" cm last) ready=$(value "$out" ready last) cpu_s=$(difference "$c0" "$c1")
    grep -q 'ok=true' <<<"$out" || echo "NOT ALL READY: $out"
    printf '  commit %s: live %s s, ready %s s, %s CPU-s; per upgrade %s writes, %s reads, %s Events\n' "$rev" "$live" "$ready" "$cpu_s" \
      "$(awk -v a="$w" -v n="$n" 'BEGIN {printf "%.1f", a/n}')" "$(awk -v a="$g" -v n="$n" 'BEGIN {printf "%.1f", a/n}')" "$(awk -v a="$e" -v n="$n" 'BEGIN {printf "%.1f", a/n}')"
    figure "\"what\": \"commit\", \"live\": $live, \"ready\": $ready, \"cpu\": $cpu_s, \"writes\": $w, \"reads\": $g, \"events\": $e"
  done
  [ "$on" = kubemem ] || { sleep 2; since "$m" >"$dir/record-$n.jsonl"; }
}

idle() {
  sleep 20 # until the Events of the last round are out
  m=$(mark) c0=$(cpu)
  sleep "${IDLE:-60}"
  c1=$(cpu)
  read -r w g e l < <(requests "$m")
  echo "  idle for ${IDLE:-60} s, drift detection on: $w writes, $g reads, $e Events, $l Lease renewals, $(difference "$c0" "$c1") CPU-s"
  figure "\"what\": \"idle\", \"seconds\": ${IDLE:-60}, \"writes\": $w, \"reads\": $g, \"cpu\": $(difference "$c0" "$c1")"
}

replay() { # the bare client: what the daemon wrote in the last round, for the next versions of the chart
  kill "$daemon"
  wait "$daemon" 2>/dev/null || true
  daemon=0
  [ -s "$dir/record-$n.jsonl" ] || return 0
  for raise in $(seq "${ROUNDS:-3}"); do
    out=$("$bare" "$dir/record-$n.jsonl" 'app-[0-9]{4}' "0.1.$rev" "0.1.$((rev + raise))" "$raise" 20)
    echo "  $out"
    figure "\"what\": \"bare\", \"live\": $(value "$out" bare sent), \"ready\": $(value "$out" bare last), \"cpu\": $(value "$out" bare cpu)"
  done
}

latencies() { # how soon it acts, one release
  echo "== $on, latencies; $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
  n=1
  start
  "$latency" "$dir/work" "$dir/srv/repo.git" "$url" "$1" | while read -r _ line; do
    echo "  $line"
    what=$(sed 's/ *n=.*//' <<<"$line")
    figure "\"what\": \"latency\", \"of\": \"$what\", \"median\": $(value "x$line" '' median), \"worst\": $(value "x$line" '' worst)"
  done
  stop
}

waiting() { # whether releases that wait are in the way of another
  echo "== $on, $1 releases wait; $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
  n=$1
  start
  "$waiter" "$url" "http://127.0.0.1:$metrics/metrics" "$1" | while read -r _ line; do
    echo "  $line"
    [[ $line != ratio=* ]] || figure "\"what\": \"waiting\", \"ratio\": $(value "x $line" '' ratio), \"alone\": $(value "x $line" '' alone), \"beside\": $(value "x $line" '' beside), \"tasks\": $(value "x $line" '' tasks), \"in_flight\": $(value "x $line" '' in-flight)"
  done
  stop
}

bundle() { # one Kustomization: all its objects changed by a commit, and looked at again where nothing changed
  echo "== $on, a Kustomization of $1 ConfigMaps; $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
  n=$1
  start
  mkdir -p "$dir/work/cms"
  printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: cms}\n' >"$dir/work/cms/namespace.yaml"
  drive source
  drive kustomization -path ./cms
  for rev in $(seq 1 $((1 + ${ROUNDS:-3}))); do
    m=$(mark) c0=$(cpu)
    out=$(drive ks -rev "rev-000$rev" -n "$n")
    c1=$(cpu)
    read -r w g _ _ < <(requests "$m")
    live=$(value "$out" cm last) ready=$(value "$out" 'ks ready' wall) cpu_s=$(difference "$c0" "$c1")
    echo "  change $rev: live $live s, ready $ready s, $cpu_s CPU-s; $w writes, $g reads"
    [ "$rev" = 1 ] || figure "\"what\": \"bundle\", \"live\": $live, \"ready\": $ready, \"cpu\": $cpu_s, \"writes\": $w, \"reads\": $g"
  done
  [ "$on" = kubemem ] || since "$m" >"$dir/record-$n.jsonl"
  for _ in $(seq "${ROUNDS:-3}"); do
    out=$(drive ks)
    echo "  nothing changed: $(value "$out" 'ks ready' wall) s"
    figure "\"what\": \"look\", \"ready\": $(value "$out" 'ks ready' wall)"
  done
  kill "$daemon"
  wait "$daemon" 2>/dev/null || true
  daemon=0
  [ ! -s "$dir/record-$n.jsonl" ] || for raise in $(seq "${ROUNDS:-3}"); do
    out=$("$bare" "$dir/record-$n.jsonl" 'cm-[0-9]{4}' "rev-000$rev" "rev-000$((rev + raise))" 0 20)
    echo "  $out"
    figure "\"what\": \"bare bundle\", \"live\": $(value "$out" bare sent)"
  done
  stop
}

set -- ${SIZES:-1 100 300}
sizes=("$@")
for on in ${ON:-real kubemem}; do
  [ "$on" = real ] || [ -e "$kubemem" ] || { echo "skipped: $kubemem is not there"; continue; }
  [ "${LATENCIES:-10}" = 0 ] || latencies "${LATENCIES:-10}"
  [ "${WAITING:-500}" = 0 ] || waiting "${WAITING:-500}"
  for n in "${sizes[@]}"; do
    echo "== $on, $n releases; $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
    start
    drive source
    out=$(drive install -n "$n" -prefix app)
    echo "  install: ready $(value "$out" ready last) s"
    figure "\"what\": \"install\", \"ready\": $(value "$out" ready last)"
    commits
    [ "$n" != "${sizes[-1]}" ] || idle
    echo "  peak RSS: $(rss) MiB"
    figure "\"what\": \"rss\", \"mib\": $(rss)"
    replay
    stop
  done
  [ "${CONFIGMAPS:-1000}" = 0 ] || bundle "${CONFIGMAPS:-1000}"
done
