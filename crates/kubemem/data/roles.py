#!/usr/bin/env python3
"""Writes roles.json: the roles and bindings that a kube-apiserver makes by itself.

usage: roles.py KUBECTL

KUBECTL   a kubectl that reaches a kube-apiserver (KUBECONFIG set)

The rules of aggregated roles are left out: they follow from the roles that they select.
"""
import json, subprocess, sys

out = []
for kind in ("clusterroles", "clusterrolebindings", "roles", "rolebindings"):
    command = [sys.argv[1], "get", kind, "-A", "-l", "kubernetes.io/bootstrapping=rbac-defaults", "-o", "json"]
    for item in json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["items"]:
        item["metadata"] = {k: v for k, v in item["metadata"].items() if k in ("name", "namespace", "labels", "annotations")}
        if "aggregationRule" in item:
            item["rules"] = []
        out.append(item)
open("roles.json", "w").write("[\n" + ",\n".join(json.dumps(o, separators=(",", ":")) for o in out) + "\n]\n")
