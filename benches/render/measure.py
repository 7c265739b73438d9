#!/usr/bin/env python3
"""Renders charts with the reference helm and with ours, pair by pair, and prints what each took.

Whole processes: median CPU (user and system), wall time, largest resident set. In process: the chart is loaded once and
rendered many times, with nothing parsed before (cold) and with a parse cache (warm). Ratios are helm's figure over ours.
"""
import argparse
import os
import shlex
import statistics
import subprocess
import sys
import time


def spent(argv):
    """CPU and wall milliseconds and the largest resident set in MiB of one process."""
    null = os.open(os.devnull, os.O_RDWR)
    files = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    start = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=files)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    os.close(null)
    if status != 0:
        sys.exit(f"failed: {shlex.join(argv)}")
    return 1000 * (usage.ru_utime + usage.ru_stime), 1000 * wall, usage.ru_maxrss / 1024


def loop(argv):
    """Milliseconds per render, as the program prints them in microseconds."""
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed: {shlex.join(argv)}: {done.stderr}")
    return [int(word) / 1000 for word in done.stdout.split()]


def table(title, head, rows):
    print(f"\n{title}\n")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("charts")
    args.add_argument("--rounds", type=int, default=7)
    args.add_argument("--helm", required=True)
    args.add_argument("--ours", required=True)
    args.add_argument("--helm-loop", required=True)
    args.add_argument("--our-loop", required=True)
    args = args.parse_args()
    found = sorted(entry.name for entry in os.scandir(args.charts) if os.path.exists(f"{entry.path}/Chart.yaml"))
    if not found:
        sys.exit(f"no charts in {args.charts}")

    rows, ratios, sizes = [], {"cpu": [], "wall": [], "rss": []}, {}
    for chart in found:
        path = os.path.join(args.charts, chart)
        given = [f"{path}.values.yaml"] if os.path.exists(f"{path}.values.yaml") else []
        tail = ["rel", path, "-n", "ns", "--include-crds", *(word for file in given for word in ("-f", file))]
        pairs = [(spent(shlex.split(args.helm) + tail), spent(shlex.split(args.ours) + tail)) for _ in range(args.rounds)]
        helm, ours = ([statistics.median(run[i] for run in side) for i in (0, 1)] + [max(run[2] for run in side)] for side in zip(*pairs))
        sizes[chart] = helm[0]
        for key, theirs, own in zip(ratios, helm, ours):
            ratios[key].append(theirs / own)
        by = [f"{theirs / own:.1f}" for theirs, own in zip(helm, ours)]
        rows.append((helm[0], [chart, *(f"{value:.1f}" for pair in zip(helm, ours) for value in pair), *by]))
    rows = [row for _, row in sorted(rows, key=lambda row: row[0])]
    rows.append(["median", *[""] * 6, *(f"{statistics.median(values):.1f}" for values in ratios.values())])
    head = ["whole process", "helm cpu ms", "ours", "helm wall ms", "ours", "helm MiB", "ours", "cpu ×", "wall ×", "memory ×"]
    table(f"Whole process: median of {args.rounds} pairs, memory the largest", head, rows)

    rows, cold_ratios, warm_ratios = [], [], []
    for chart in sorted(found, key=lambda chart: sizes[chart]):
        path = os.path.join(args.charts, chart)
        given = [f"{path}.values.yaml"] if os.path.exists(f"{path}.values.yaml") else []
        # a second or so of helm for each chart
        renders = str(max(10, int(1000 / max(sizes[chart], 10))))
        theirs, theirs_wall, _ = loop([args.helm_loop, path, renders, *given])
        cold, cold_wall, warm, warm_wall, _ = loop([args.our_loop, path, str(10 * int(renders)), *given])
        cold_ratios.append(theirs / max(cold, 0.001))
        warm_ratios.append(theirs / max(warm, 0.001))
        figures = [theirs, cold, warm, theirs_wall, cold_wall, warm_wall]
        rows.append([chart, *(f"{value:.2f}" for value in figures), f"{cold_ratios[-1]:.1f}", f"{warm_ratios[-1]:.1f}"])
    rows.append(["median", *[""] * 6, f"{statistics.median(cold_ratios):.1f}", f"{statistics.median(warm_ratios):.1f}"])
    head = ["in process", "helm cpu ms", "cold", "warm", "helm wall ms", "cold", "warm", "cold ×", "warm ×"]
    table("One render of a loaded chart: values, templates, sort, output", head, rows)


main()
