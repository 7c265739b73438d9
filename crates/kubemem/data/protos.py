#!/usr/bin/env python3
"""Writes protos.json: field numbers, JSON names and types of the protobuf messages of the kinds in resources.json.

usage: protos.py GO_MODULES_DIR

GO_MODULES_DIR   a folder with the Go modules k8s.io/api, apimachinery, apiextensions-apiserver, kube-aggregator of one
                 version (NAME@VERSION). Numbers and types are read from generated.proto; what a field is called in JSON,
                 and whether it is inlined there, from the tags of the Go types.

protos.json      per message a list of [number, name, type]:
                   name   empty where the fields of the message stand among those of its parent
                   type   string, bytes, bool, int32, int64, double, or a message; `*T` a list of T; `>T` a map from strings to T
"""
import glob, json, os, re, sys

modules = sys.argv[1]
served = {(g["group"], g["version"]) for g in json.load(open("resources.json"))} | {("autoscaling", "v1")}
FIELD = re.compile(r"^\s+(optional|repeated|map<string, *([\w.]+)>)\s+(?:([\w.]+)\s+)?(\w+) = (\d+);")
TAGS = re.compile(r'`.*json:"([^",]*)([^"]*)".*protobuf:"\w+,(\d+),|`.*protobuf:"\w+,(\d+),.*json:"([^",]*)([^"]*)"')
SCALARS = {"string", "bytes", "bool", "int32", "int64", "double"}


def canonical(package):
    return package.replace("k8s.io", "io.k8s", 1).replace("_", "-")


def go_names(folder):
    """struct -> field number -> JSON name"""
    out, name = {}, None
    for path in sorted(glob.glob(f"{folder}/*types*.go") + glob.glob(f"{folder}/group_version.go") + glob.glob(f"{folder}/generated.go")):
        for line in open(path):
            if m := re.match(r"type (\w+) struct", line):
                name = m[1]
            elif line.startswith("}"):
                name = None
            elif name and (m := TAGS.search(line)):
                tag, options, number = (m[1], m[2], m[3]) if m[3] else (m[5], m[6], m[4])
                if tag != "-":
                    out.setdefault(name, {})[int(number)] = "" if "inline" in options else tag
    return out


messages = {}
patterns = ["api@*/*/*", "apimachinery@*/pkg/apis/meta/v1", "apimachinery@*/pkg/runtime", "apimachinery@*/pkg/util/intstr",
            "apimachinery@*/pkg/api/resource", "apiextensions-apiserver@*/pkg/apis/apiextensions/v1", "kube-aggregator@*/pkg/apis/apiregistration/v1"]
for pattern in patterns:
    for folder in sorted(glob.glob(f"{modules}/k8s.io/{pattern}")):
        path = f"{folder}/generated.proto"
        if not os.path.exists(path):
            continue
        group, version = folder.split("/")[-2:]
        if pattern.startswith("api@") and not any((g.split(".")[0] or "core") == group and v == version for g, v in served):
            continue
        names, message = go_names(folder), None
        for line in open(path):
            if m := re.match(r"package ([\w.]+);", line):
                package = canonical(m[1])
            elif m := re.match(r"message (\w+)", line):
                message = m[1]
                fields = messages.setdefault(f"{package}.{message}", [])
            elif line.startswith("}"):
                message = None
            elif message and (m := FIELD.match(line)):
                kind = m[2] or m[3]
                if kind not in SCALARS:
                    kind = canonical(kind[1:]) if kind.startswith(".") else f"{package}.{kind}"
                mark = {"o": "", "r": "*", "m": ">"}[m[1][0]]
                number = int(m[5])
                fields.append([number, names.get(message, {}).get(number, m[4]), mark + kind])

lines = ",\n".join(f"{json.dumps(n)}:{json.dumps(messages[n], separators=(',', ':'))}" for n in sorted(messages) if not n.endswith("List"))
open("protos.json", "w").write("{\n" + lines + "\n}\n")
