#!/bin/sh
# Rendering beside the reference helm: benches/render/run.sh CHARTS [COMMAND]
#
# CHARTS is a directory with a directory per chart, dependencies vendored; values for <chart> may stand in <chart>.values.yaml.
# COMMAND takes the arguments of `helm template`; default: the daemon's binary. HELM is the reference (default: helm, v3.22.0),
# ROUNDS how often each pair runs (default 7). Needs go for the loop on Helm's own engine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
charts=${1:?usage: run.sh CHARTS [COMMAND]}
command=${2:-}
target=${CARGO_TARGET_DIR:-$root/target}
mkdir -p "$target/bench"

cd "$root"
if [ -z "$command" ]; then
    cargo build --quiet --release --bin helmward
    command="$target/release/helmward template"
fi
cargo build --quiet --release -p helmward-chart --example inprocess
# the version of Kubernetes that the release of helm was built for
util=helm.sh/helm/v3/pkg/chartutil
(cd "$here/inprocess" && go build -trimpath -ldflags "-s -w -X $util.k8sVersionMajor=1 -X $util.k8sVersionMinor=37" -o "$target/bench/helm-inprocess" .)

exec "$here/measure.py" "$charts" --rounds "${ROUNDS:-7}" --helm "${HELM:-helm} template" --ours "$command" \
    --helm-loop "$target/bench/helm-inprocess" --our-loop "$target/release/examples/inprocess"
