#!/usr/bin/env bash
# The screenshots of the README, from the real page over the demo.
SHOTS=docs/screenshots RELEASES=${RELEASES:-60} exec "$(dirname "$0")/check.sh"
