#!/usr/bin/env python3
"""Writes the measured figures into docs/benchmarks.md, between its markers: report.py FIGURES [DOCUMENT].

FIGURES is what run.sh wrote. Of several rounds the median is taken; ratios are of medians of the same run.
"""
import json
import os
import statistics
import sys

figures = [json.loads(line) for line in open(sys.argv[1])]
document = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(__file__), "../../docs/benchmarks.md")
PLACES = {"real": "real control plane", "kubemem": "kubemem"}


def median(on, n, what, key):
    found = [f[key] for f in figures if (f["on"], f["n"], f["what"]) == (on, n, what) and f.get(key) is not None]
    return statistics.median(found) if found else None


def text(value, digits=2):
    return "" if value is None else f"{value:.{digits}f}"


def ratio(a, b):
    return "" if not a or not b else f"{a / b:.2f} ×"


def rows():
    yield ["on", "releases", "live", "Ready", "bare client Ready", "ratio", "CPU-s", "bare CPU-s", "writes, reads per upgrade", "install Ready", "peak RSS"]
    yield ["---"] * 11
    for on in PLACES:
        for n in sorted({f["n"] for f in figures if f["on"] == on and f["what"] == "commit"}):
            get = lambda what, key: median(on, n, what, key)
            writes, reads = get("commit", "writes"), get("commit", "reads")
            yield [
                PLACES[on], str(n), text(get("commit", "live")) + " s", text(get("commit", "ready")) + " s", text(get("bare", "ready")) + " s",
                ratio(get("commit", "ready"), get("bare", "ready")), text(get("commit", "cpu")), text(get("bare", "cpu")),
                "" if writes is None else f"{writes / n:.1f}, {reads / n:.1f}", text(get("install", "ready")) + " s", text(get("rss", "mib"), 0) + " MiB",
            ]


def idle():
    for f in figures:
        if f["what"] == "idle":
            yield (f"- {f['n']} idle releases on {PLACES[f['on']]} for {f['seconds']} s, drift detection on: "
                   f"{f['writes']} writes, {f['reads']} reads, {f['cpu']} CPU seconds.")


def waiting():
    for f in figures:
        if f["what"] == "waiting":
            yield (f"- {f['n']} releases waiting for their health on {PLACES[f['on']]}: another one is Ready after {f['beside']} s, alone after {f['alone']} s "
                   f"({f['ratio']} ×); meanwhile at most {f['tasks']:.0f} tasks and {f['in_flight']:.0f} requests in flight.")


def bundles():
    for on in PLACES:
        for n in sorted({f["n"] for f in figures if (f["on"], f["what"]) == (on, "bundle")}):
            get = lambda what, key: median(on, n, what, key)
            bare = get("bare bundle", "live")
            beside = f"; the bare client sends the same writes in {text(bare)} s ({ratio(get('bundle', 'live'), bare)})" if bare else ""
            yield (f"- {n} ConfigMaps of one Kustomization on {PLACES[on]}, changed by one commit: all live after {text(get('bundle', 'live'))} s, Ready after "
                   f"{text(get('bundle', 'ready'))} s{beside}; looked at again with nothing changed: {text(get('look', 'ready'), 3)} s.")


GOALS = {"commit to live, local": "0.2", "commit to live, smart": "0.4", "commit to Ready": "1", "fix pushed": "1", "drift of a field, to shown": "0.3",
         "drift of a field, to corrected": "0.6", "failed health": "1"}


def latencies():
    found = [f for f in figures if f["what"] == "latency"]
    if found:
        yield ["how soon, medians of ten", "on", "median", "worst", "goal"]
        yield ["---"] * 5
    for f in found:
        goal = next((goal for start, goal in GOALS.items() if f["of"].startswith(start)), "")
        yield [f["of"], PLACES[f["on"]], text(f["median"], 3) + " s", text(f["worst"], 3) + " s", goal + " s"]


table = "\n".join("| " + " | ".join(row) + " |" for row in rows())
how_soon = "\n".join("| " + " | ".join(row) + " |" for row in latencies())
section = table + "\n\n" + "\n".join([*idle(), *waiting(), *bundles()]) + "\n" + (f"\n{how_soon}\n" if how_soon else "")
begin, end = "<!-- figures -->\n", "<!-- end of figures -->\n"
old = open(document).read()
before, rest = old.split(begin)
after = rest.split(end)[1]
open(document, "w").write(before + begin + section + end + after)
print(section)
