#!/usr/bin/env bash
# The contract suite on kubemem, on a clock that runs CLOCK times as fast (libfaketime): what waits, waits as long as it does on a real
# control plane, by the clock of everything that takes part. With KUBECONFIG of a throwaway cluster as the first argument each test is
# run there, too, at the pace of the world, and the two times are printed with their ratio.
# usage: kubemem.sh [KUBECONFIG] [TEST...]     env: CLOCK (default 20), HELMWARD_BIN (default: the debug build)
set -euo pipefail
cd "$(dirname "$0")/../.."
real=
[ ! -f "${1:-}" ] || { real=$(realpath "$1"); shift; }
command -v faketime >/dev/null || { echo "faketime is missing: apt-get install faketime"; exit 1; }
suite=$(cargo test --test contract --no-run --message-format=json 2>/dev/null | python3 -c '
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if m.get("reason") == "compiler-artifact" and m["target"]["name"] == "contract" and m.get("executable"): print(m["executable"])')
unset HELMWARD_TEST_KUBECONFIG
fast() { faketime -f "+0 x${CLOCK:-20}" "$suite" --test-threads=1 "$@"; }
# crash::killed_… is a suite of its own (.ci/long); what is quicker than the cluster's clock allows cannot be compared.
if [ -z "$real" ]; then
  fast --skip crash::killed "$@"
  exit
fi
seconds() { # seconds COMMAND...: how long it took; what it said only if it failed
  local log begun
  log=$(mktemp) begun=$(date +%s.%N)
  "$@" >"$log" 2>&1 || { tail -40 "$log" >&2; return 1; }
  rm -f "$log"
  awk -v a="$begun" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}'
}
total_real=0 total_fast=0
for test in $("$suite" --list | sed -n 's/: test$//p' | grep -v crash::killed | grep -E "$(IFS='|'; echo "${*:-.}")"); do
  on_kubemem=$(seconds fast --exact "$test")
  on_real=$(HELMWARD_TEST_KUBECONFIG=$real seconds "$suite" --exact "$test")
  printf '%-60s %8s s on kubemem %8s s on the cluster   %6.1f x\n' "$test" "$on_kubemem" "$on_real" "$(awk -v a="$on_real" -v b="$on_kubemem" 'BEGIN {print a / b}')"
  total_real=$(awk -v a="$total_real" -v b="$on_real" 'BEGIN {print a + b}')
  total_fast=$(awk -v a="$total_fast" -v b="$on_kubemem" 'BEGIN {print a + b}')
done
echo "all: $total_fast s on kubemem, $total_real s on the cluster: $(awk -v a="$total_real" -v b="$total_fast" 'BEGIN {printf "%.1f", a / b}') x"
