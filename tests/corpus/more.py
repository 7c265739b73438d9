#!/usr/bin/env python3
"""Makes further cases for the rendering corpus from a folder of charts and a helm binary.

usage: more.py CHARTS OUT HELM [JOBS]

CHARTS holds REPOSITORY/CHART folders, dependencies vendored where they are to be had. OUT becomes a corpus in the form that run.py of
the sample corpus reads: charts/ (copied), cases/REPOSITORY/CHART/CASE with cmd.json, values.yaml and what helm printed. HELM must
report the Kubernetes version of the sample corpus. Cases of a chart: its default values; each values file in ci/, in examples/ or
beside values.yaml; `syn-on` (every `enabled: false`, `create: false` made true) and `syn-flip` (every boolean turned round).
A case whose two runs differ is `nondeterministic`. Needs PyYAML.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import yaml

PATTERNS = ("ci/*.y*ml", "values[-_.]*.yaml", "*-values.yaml", "examples/*.yaml", "examples/*/values*.yaml")
SWITCH = re.compile(r"(enabled?|create|install|exposed?)$", re.I)


def read_values(path):
    """The mapping in a file, or None: not every YAML file holds values."""
    try:
        with open(path, encoding="utf8") as file:
            values = yaml.safe_load(file)
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return values if isinstance(values, dict) and not {"apiVersion", "kind"} <= set(values) else None


def changed(values, change, key=""):
    """The part of the values that `change` alters; {} where it alters none."""
    if isinstance(values, dict):
        below = {name: changed(value, change, str(name)) for name, value in values.items()}
        return {name: value for name, value in below.items() if value != {}}
    return change(key, values)


def switched_on(key, value):
    return True if value is False and SWITCH.search(key) else {}


def flipped(_, value):
    return not value if isinstance(value, bool) else {}


def cases_of(chart):
    """Yields the name of each case, where its values come from, and their text; None for the defaults."""
    yield "default", None, None
    for path in sorted({path for pattern in PATTERNS for path in glob.glob(os.path.join(glob.escape(chart), pattern))}):
        source = os.path.relpath(path, chart)
        if read_values(path) is not None:
            with open(path, encoding="utf8") as file:
                yield re.sub(r"[^\w.-]+", "-", os.path.splitext(source)[0]), source, file.read()
    defaults = read_values(os.path.join(chart, "values.yaml")) or {}
    for name, change in (("syn-on", switched_on), ("syn-flip", flipped)):
        values = changed(defaults, change)
        if values:
            yield name, name, yaml.safe_dump(values, sort_keys=False)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def make(job):
    """Writes one case and runs helm on it, twice."""
    out, helm, chart, (name, source, text) = job
    case = os.path.join("cases", chart, name)
    os.makedirs(os.path.join(out, case), exist_ok=True)
    values = None if text is None else os.path.join(case, "values.yaml")
    if values:
        write(os.path.join(out, values), text.encode())
    command = [helm, "template", "rel", os.path.join("charts", chart), "-n", "ns", *(["-f", values] if values else []), "--include-crds"]
    runs = [subprocess.run(command, cwd=out, capture_output=True, timeout=300, stdin=subprocess.DEVNULL, check=False) for _ in range(2)]
    if runs[0].returncode:
        kind, files = "error", {"expected.err": runs[0].stderr}
    elif runs[0].stdout == runs[1].stdout:
        kind, files = "deterministic", {"expected.yaml": runs[0].stdout}
    else:
        kind, files = "nondeterministic", {"expected.yaml": runs[0].stdout, "expected2.yaml": runs[1].stdout}
    for file, data in files.items():
        write(os.path.join(out, case, file), data)
    about = {"chart": "charts/" + chart, "values": values, "values_source": source, "release": "rel", "namespace": "ns", "class": kind}
    write(os.path.join(out, case, "cmd.json"), json.dumps(about, indent=1).encode())
    return kind


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    charts, out, helm = (os.path.abspath(path) for path in sys.argv[1:4])
    found = sorted(os.path.relpath(os.path.dirname(path), charts) for path in glob.glob(os.path.join(charts, "*/*/Chart.yaml")))
    jobs = []
    for chart in found:
        copy = os.path.join(out, "charts", chart)
        shutil.copytree(os.path.join(charts, chart), copy, symlinks=True, dirs_exist_ok=True)
        jobs += [(out, helm, chart, case) for case in cases_of(copy)]
    with ThreadPoolExecutor(int(sys.argv[4]) if len(sys.argv) == 5 else 2) as pool:
        kinds = list(pool.map(make, jobs))
    print(f"{len(found)} charts, " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds))))


if __name__ == "__main__":
    main()
