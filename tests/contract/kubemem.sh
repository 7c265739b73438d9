#!/usr/bin/env bash
# The contract suite on kubemem, on a clock that runs CLOCK times as fast (libfaketime): what waits, waits as long as it does on a real
# control plane, by the clock of everything that takes part. Each test has a cluster of its own, so THREADS of them run at a time. With
# KUBECONFIG of a throwaway cluster as the first argument they are run there, too (one at a time, at the pace of the world), and both
# times are printed with their ratio: with `PROFILE=release CLOCK=40 THREADS=6`, since a debug build is slower than that clock.
# usage: kubemem.sh [KUBECONFIG] [TEST...]     env: CLOCK (20), THREADS (2), PROFILE (dev), HELMWARD_BIN (the suite's own build)
set -euo pipefail
cd "$(dirname "$0")/../.."
real=
[ ! -f "${1:-}" ] || { real=$(realpath "$1"); shift; }
command -v faketime >/dev/null || { echo "faketime is missing: apt-get install faketime"; exit 1; }
suite=$(tests/contract/suite.sh --profile "${PROFILE:-dev}")
unset HELMWARD_TEST_KUBECONFIG
seconds() { # seconds COMMAND...: runs it; the last line of stdout is how long it took
  local begun
  begun=$(date +%s.%N)
  "$@" >&2
  awk -v a="$begun" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}'
}
# crash::killed_… is a suite of its own (.ci/long).
on_kubemem=$(seconds faketime -f "+0 x${CLOCK:-20}" "$suite" --test-threads="${THREADS:-2}" --skip crash::killed "$@")
[ -n "$real" ] || exit 0
on_real=$(HELMWARD_TEST_KUBECONFIG=$real seconds "$suite" --test-threads=1 --skip crash::killed "$@")
echo "$on_kubemem s on kubemem, $on_real s on the cluster: $(awk -v a="$on_real" -v b="$on_kubemem" 'BEGIN {printf "%.1f", a / b}') x"
