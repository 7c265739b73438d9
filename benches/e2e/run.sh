#!/usr/bin/env bash
# Measures a release build of the daemon from outside, on a real control plane, and prints the figures beside their budget.
# usage: run.sh            (SIZES="1 100 300" and IDLE=60 are the defaults)
# env:   HELMWARD_BIN      the daemon                       (default: target/release/helmward)
#        HELMWARD_CLUSTER  folder with up.sh and down.sh    (default: ../shared/cluster beside the repository)
#        CONTROLPLANE      the control plane's binary       (default: what up.sh takes)
#        BENCH             folder with gitopsbench, gitsrv  (default: ~/.cache/helmward/bench)
#        BENCH_CHART       the chart that is changed        (default: ../shared/bench/webapp)
#        DAEMON_LOG        where the log of the daemon goes (default: deleted at the end)
# Requests are counted by the API server: its audit log, by our user agent. Events and the Lease are counted apart.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${HELMWARD_BIN:-$root/target/release/helmward}
cluster=${HELMWARD_CLUSTER:-$root/../shared/cluster}
bench=${BENCH:-$HOME/.cache/helmward/bench}
chart=${BENCH_CHART:-$root/../shared/bench/webapp}
sizes=${SIZES:-1 100 300}
idle=${IDLE:-60}
for need in "$bin" "$bench/gitopsbench" "$bench/gitsrv" "$cluster/up.sh" "$chart"; do
  [ -e "$need" ] || { echo "skipped: $need is not there"; exit 0; }
done

dir=$(mktemp -d)
daemon=0 gitsrv=0
finish() {
  for pid in $daemon $gitsrv; do [ "$pid" = 0 ] || kill "$pid" 2>/dev/null || true; done
  "$cluster/down.sh" "$dir/cp" --purge >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT

# The control plane as it is, with an audit log of what each client asked for.
cat >"$dir/audit.yaml" <<'EOF'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
EOF
real=$(realpath "${CONTROLPLANE:-$cluster/bin/controlplane}")
cat >"$dir/controlplane" <<EOF
#!/bin/sh
if [ "\$1" = kube-apiserver ]; then
  exec "$real" "\$@" --audit-policy-file "$dir/audit.yaml" --audit-log-path "$dir/audit.log" --audit-log-mode batch
fi
exec "$real" "\$@"
EOF
chmod +x "$dir/controlplane"
CONTROLPLANE=$dir/controlplane "$cluster/up.sh" "$dir/cp" >/dev/null
export KUBECONFIG=$dir/cp/kubeconfig
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@shop.example GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@shop.example
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

page=$((port + 1)) health=$((port + 2)) metrics=$((port + 3))
"$bin" run --kubeconfig "$KUBECONFIG" --state-dir "$dir/state" --listen 127.0.0.1:$page --health-listen 127.0.0.1:$health \
  --metrics-listen 127.0.0.1:$metrics --log-format json >"${DAEMON_LOG:-$dir/daemon.log}" 2>&1 &
daemon=$!
for _ in $(seq 300); do curl -sf "http://127.0.0.1:$health/readyz" >/dev/null && break; sleep 0.1; done

mark() { stat -c %s "$dir/audit.log"; }
requests() { # requests FROM: what the daemon asked for since that mark, as "writes reads events leases"; the log is written in batches
  sleep 3
  tail -c "+$(($1 + 1))" "$dir/audit.log" | python3 -c '
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
run() { (cd "$dir" && "$bench/gitopsbench" "$@" -url "$url" -work "$dir/work" -pids "daemon=$daemon" -timeout 5m); }

run source
echo "cores: $(nproc)   load: $(cut -d' ' -f1-3 /proc/loadavg)"
rev=1
for n in $sizes; do
  echo "== $n releases"
  run install -n "$n" -prefix "s$n"
  for round in 1 2 3; do
    rev=$((rev + 1))
    m=$(mark) c0=$(cpu)
    run commit -rev "$rev" -n "$n" -prefix "s$n" | sed "s/^/  /"
    c1=$(cpu)
    read -r w g e l < <(requests "$m")
    awk -v n="$n" -v w="$w" -v g="$g" -v e="$e" -v c0="$c0" -v c1="$c1" \
      'BEGIN { printf "  requests per upgrade: %.1f writes, %.1f reads (budget: 10 together), %.1f Events; %.2f CPU-s\n", w/n, g/n, e/n, c1-c0 }'
  done
  case " $sizes " in *" $n ") ;; *) run delete -n "$n" -prefix "s$n" ;; esac
done
sleep 20 # until the Events of the last round are out
m=$(mark) c0=$(cpu)
sleep "$idle"
c1=$(cpu)
read -r w g e l < <(requests "$m")
echo "== idle for $idle s with drift detection on: $w writes, $g reads, $e Events, $l Lease renewals," \
  "$(awk -v a="$c0" -v b="$c1" 'BEGIN {printf "%.2f", b-a}') CPU-s (budget for 1,000 releases: 0 writes, 1 CPU-s)"
echo "peak RSS: $(rss) MiB (budget at 1,000 releases: 120 MiB)"
echo "budget: one commit live in 0.4 s (smart HTTP, requested) and Ready in 1 s; 100 releases in 5 s"
