#!/usr/bin/env python3
"""Writes types.json and resources.json from what a running kube-apiserver publishes.

usage: generate.py KUBECTL GO_MODULES_DIR

KUBECTL          a kubectl that reaches a kube-apiserver (KUBECONFIG set) with its default API groups
GO_MODULES_DIR   a folder with the Go modules k8s.io/api, apimachinery, apiextensions-apiserver, kube-aggregator of
                 that same version (NAME@VERSION), read only for the `json:` tags of the Go types: whether a zero value
                 is left out of the JSON or written

types.json       per type, its OpenAPI schema without descriptions, and `z` on a field:
                   o  left out of the JSON when zero or empty
                   s  a struct by value: written even when empty
                   n  written even when zero (null for lists and maps)
resources.json   discovery, per group and version
"""
import glob, json, re, subprocess, sys

kubectl, modules = sys.argv[1:3]


def raw(path):
    return json.loads(subprocess.run([kubectl, "get", "--raw", path], check=True, capture_output=True).stdout)


# --- Go field tags -----------------------------------------------------------
GO = {
    "io.k8s.api.": "k8s.io/api@*/{}/{}/types*.go",
    "io.k8s.apimachinery.pkg.apis.meta.": "k8s.io/apimachinery@*/pkg/apis/meta/{}/types.go",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.": "k8s.io/apiextensions-apiserver@*/pkg/apis/apiextensions/{}/types*.go",
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.": "k8s.io/kube-aggregator@*/pkg/apis/apiregistration/{}/types.go",
}
FIELD = re.compile(r'^\s+(?:(\w+)\s+)?(\S+)\s+`[^`]*json:"([^"]*)"')
cache = {}


def structs(package_glob):
    if package_glob not in cache:
        found, named = {}, {}
        for path in sorted(glob.glob(package_glob)):
            name = None
            for line in open(path):
                if m := re.match(r"type (\w+) struct", line):
                    name, found[m[1]] = m[1], []
                elif m := re.match(r"type (\w+) (\[\]\S+|map\S+|string|int\d*|bool)", line):
                    named[m[1]] = m[2]
                elif line.startswith("}"):
                    name = None
                elif name and (m := FIELD.match(line)):
                    found[name].append((m[1], m[2], m[3].split(",")))
        cache[package_glob] = found, named
    return cache[package_glob]


def package(type_name):
    for prefix, pattern in GO.items():
        if type_name.startswith(prefix):
            rest = type_name[len(prefix):].split(".")
            return sorted(glob.glob(f"{modules}/{pattern.format(*rest[:-1])}"))[:1] and f"{modules}/{pattern.format(*rest[:-1])}", rest[-1]
    return None, None


def zeros(pkg, struct):
    """field -> z of one Go struct, inlined ones flattened"""
    found, named = structs(pkg)
    out = {}
    for ident, typ, tag in found.get(struct, []):
        inline = "inline" in tag or (ident is None and tag[0] == "")
        if inline:
            if "." not in typ.lstrip("*"):
                out |= zeros(pkg, typ.lstrip("*"))
            continue
        base = named.get(typ, typ)
        base = "metav1." + base if base in ("Time", "MicroTime", "FieldsV1") else base
        omit = "omitempty" in tag
        if typ.startswith("*"):
            z = None if omit else "n"
        elif base.startswith(("[]", "map")):
            z = "o" if omit else "n"
        elif base in ("string", "bool") or re.fullmatch(r"u?int\d*|float\d*", base) or base.endswith((".UID", ".NodeName", ".URIScheme", "v1.ConditionStatus", "metav1.StatusReason", "v1.ResourceName", "v1.Protocol", "v1.PullPolicy", "v1.IPFamily", "v1.ServiceAffinity")):
            z = "o" if omit else "n"
        elif base.endswith("ResourceList"):
            z = "o" if omit else "n"
        elif "omitzero" in tag or base.endswith((".Time", ".MicroTime", ".IntOrString", ".Quantity", ".RawExtension", ".Duration", ".FieldsV1", "JSON")):
            z = None if "omitzero" in tag or not base.endswith(("Time",)) else "n"
        else:
            z = "s"
        if z:
            out[tag[0]] = z
    return out


# --- OpenAPI -----------------------------------------------------------------
PREFIX = "#/components/schemas/"


def slim(s):
    if isinstance(s, list):
        return [slim(v) for v in s]
    if not isinstance(s, dict):
        return s
    if "allOf" in s and len(s["allOf"]) == 1:
        s = {k: v for k, v in s.items() if k != "allOf"} | s["allOf"][0]
    out = {}
    for k, v in s.items():
        if k == "description" and isinstance(v, str) or k == "default" and v in ({}, "", 0, False):
            continue
        if k == "$ref":
            out[k] = v.removeprefix(PREFIX)
        elif k == "properties":
            out[k] = {n: slim(p) for n, p in v.items()}
        else:
            out[k] = slim(v)
    return out


types, resources = {}, []
groups = [("", "v1", "/api/v1", "/openapi/v3/api/v1", True)]
for g in raw("/apis")["groups"]:
    for v in g["versions"]:
        preferred = v["version"] == g["preferredVersion"]["version"]
        groups.append((g["name"], v["version"], "/apis/" + v["groupVersion"], "/openapi/v3/apis/" + v["groupVersion"], preferred))
for group, version, path, spec, preferred in groups:
    if any(w in version for w in ("alpha", "beta")) or (group, version) == ("autoscaling", "v1"):
        continue
    out = {}
    for r in raw(path)["resources"]:
        name, _, sub = r["name"].partition("/")
        entry = {"kind": r["kind"], "verbs": r["verbs"]}
        for k in ("group", "version"):
            if r.get(k):
                entry[k] = r[k]
        if sub:
            out.setdefault(name, {"name": name, "subresources": {}})["subresources"][sub] = entry
        else:
            subs = out.get(name, {}).get("subresources", {})
            entry |= {"name": name, "singular": r["singularName"], "namespaced": r["namespaced"], "subresources": subs}
            for k in ("shortNames", "categories"):
                if r.get(k):
                    entry[k] = r[k]
            out[name] = entry
    resources.append({"group": group, "version": version, "preferred": preferred, "resources": [r for r in out.values() if "kind" in r]})
    for name, schema in raw(spec)["components"]["schemas"].items():
        s = slim(schema)
        pkg, struct = package(name)
        if pkg and "properties" in s:
            for field, z in zeros(pkg, struct).items():
                p = s["properties"].get(field)
                if p is None or p.get("format") == "int-or-string":
                    continue
                if z == "s" and p.get("type", "object") != "object":
                    z = "n" if field in s.get("required", []) else "o"  # a named string of another package
                p["z"] = z
        types[name] = s

lines = ",\n".join(f"{json.dumps(n)}:{json.dumps(types[n], separators=(',', ':'), sort_keys=True)}" for n in sorted(types))
open("types.json", "w").write("{\n" + lines + "\n}\n")
lines = ",\n".join(json.dumps({k: v for k, v in g.items() if k != "resources"})[:-1] + ', "resources": [\n  ' + ",\n  ".join(json.dumps(r, separators=(",", ":")) for r in g["resources"]) + "\n]}" for g in resources)
open("resources.json", "w").write("[\n" + lines + "\n]\n")
