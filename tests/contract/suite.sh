#!/usr/bin/env bash
# Builds the contract suite and prints where its binary is. Arguments go to cargo, such as `--profile release`.
set -euo pipefail
cargo test "$@" --test contract --no-run --message-format=json 2>/dev/null | python3 -c '
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if m.get("reason") == "compiler-artifact" and m["target"]["name"] == "contract" and m.get("executable"): print(m["executable"])'
