#!/usr/bin/env bash
# The page in headless Chromium, over a played demo: each view must load, show what it is for, and log no error.
# `screenshots.sh` uses the same; SHOTS names the folder that the pictures go to.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
port=${PORT:-19480}
base=http://127.0.0.1:$port
shots=${SHOTS:-}
releases=${RELEASES:-0}
cargo build --release --quiet
log=$(mktemp)
profile=$(mktemp -d)
"$target/release/helmward" demo --script --releases "$releases" --listen "127.0.0.1:$port" >"$log" 2>&1 </dev/null &
demo=$!
trap 'kill $demo 2>/dev/null || true; wait $demo 2>/dev/null || true; rm -rf "$profile" "$log"' EXIT
for _ in $(seq 1200); do
  grep -q "Every step happened" "$log" && break
  kill -0 $demo 2>/dev/null || { cat "$log"; exit 1; }
  sleep 0.1
done
grep -q "Every step happened" "$log" || { cat "$log"; exit 1; }

browser() {
  timeout 30 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$profile" --timeout=2500 \
    --enable-logging=stderr --v=0 "$@"
}

look() { # look PATH WORD: the view at PATH loads in the browser and shows WORD
  local dom err
  err=$(mktemp)
  dom=$(browser --dump-dom "$base$1" 2>"$err")
  if ! grep -qF -- "$2" <<<"$dom"; then
    echo "page $1 does not show: $2"; exit 1
  fi
  if grep -E "CONSOLE.*(Refused|Error|error)" "$err"; then
    echo "page $1 logs the errors above"; exit 1
  fi
  rm -f "$err"
  echo "page $1 shows: $2"
}

shot() { # shot NAME PATH: light and dark pictures of a view
  [ -n "$shots" ] || return 0
  mkdir -p "$shots"
  browser --window-size=1280,800 --screenshot="$shots/$1.png" "$base$2" >/dev/null 2>&1
  browser --window-size=1280,800 --blink-settings=preferredColorScheme=0 --screenshot="$shots/$1-dark.png" "$base$2" >/dev/null 2>&1
}

look / "simulated"
look /releases "web"
look "/releases?q=web" "1.3.0"
look /releases/shop/web "1.3.0"
look /releases/shop/web/drift "Go away"
look /releases/shop/web/drift "kubectl-edit"
look /releases/shop/web/history "1.2.0"
look /kustomizations/flux-system/flux-system "flux-system"
look /sources "flux-system"
shot overview /
shot list /releases
shot release /releases/shop/web
shot drift /releases/shop/web/drift
shot history /releases/shop/web/history
echo "every view was seen"
