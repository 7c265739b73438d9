#!/usr/bin/env python3
"""Writes columns.json: name, type and priority of the columns in which a kube-apiserver shows the kinds in resources.json.

usage: columns.py SERVER TOKEN

Kinds that have only the columns of every kind (name and creation time) are left out.
"""
import json, ssl, sys, urllib.request

server, token = sys.argv[1:3]
accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
trusting = ssl.create_default_context()
trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
out = {}
for group in json.load(open("resources.json")):
    base = f"/apis/{group['group']}/{group['version']}/" if group["group"] else "/api/v1/"
    for resource in group["resources"]:
        if "list" not in resource["verbs"]:
            continue
        request = urllib.request.Request(server + base + resource["name"] + "?limit=1", headers={"Accept": accept, "Authorization": "Bearer " + token})
        table = json.load(urllib.request.urlopen(request, context=trusting))
        columns = [[c["name"], c["type"], c["priority"]] for c in table["columnDefinitions"]]
        if [c[0] for c in columns] != ["Name", "Created At"]:
            out[f"{group['group']}/{resource['kind']}"] = columns
open("columns.json", "w").write("{\n" + ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in sorted(out.items())) + "\n}\n")
