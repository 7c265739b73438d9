# `just ci` is what CI runs.

# format, lints, tests, docs, dependencies
ci: fmt clippy test doc deny

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --test contract -- -D warnings

test:
    cargo test --workspace

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

deny:
    cargo deny --all-features check

# the same scenarios on kubemem and on a real kube-apiserver (KUBECONFIG of a throwaway cluster)
contract kubeconfig="":
    HELMWARD_TEST_KUBECONFIG={{kubeconfig}} cargo test --release --test contract -- --test-threads=1

# the screenshots of the README, from the real page
screenshots:
    tests/page/screenshots.sh

# all measurements: the pure core and the crates, kubemem at scale, the daemon end to end; the figures go to docs/benchmarks.md
bench:
    cargo bench -p helmward-chart --bench render
    cargo bench -p helmward --bench core
    cargo bench -p kubemem --bench requests
    cargo bench -p kubemem --bench scale
    cargo build --release --bin helmward --example bare --example latency
    cargo build --release -p kubemem --all-features
    benches/e2e/run.sh target/figures.jsonl
    benches/e2e/report.py target/figures.jsonl

# rendering beside the reference helm, on a directory of charts (dependencies vendored)
bench-render charts *command:
    benches/render/run.sh {{charts}} "{{command}}"
