#!/usr/bin/env python3
"""Plays cases.json on a real kube-apiserver (with its controller manager) and writes what it answers to answers.json.

usage: record.py KUBECONFIG        (a cluster in which nobody cares about the namespace `difft` and things of that name;
                                    with a bearer token in the kubeconfig, and nothing left of an earlier run)
"""
import json, re, ssl, sys, time, urllib.error, urllib.request

config = open(sys.argv[1]).read()
server = re.search(r"server: *(\S+)", config)[1]
token = re.search(r"token: *(\S+)", config)[1]
context = ssl._create_unverified_context()


def call(case):
    headers = {"Accept": "application/json", "User-Agent": "difft/1.0", "Authorization": "Bearer " + token}
    data = None
    if "body" in case:
        data, headers["Content-Type"] = json.dumps(case["body"]).encode(), case["type"]
    request = urllib.request.Request(server + case["path"], data=data, method=case["method"], headers=headers)
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return answer.status, json.loads(answer.read()), answer.headers.get_all("Warning") or []
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), []


answers = []
for case in json.load(open("cases.json")):
    if "wait" in case:
        time.sleep(case["wait"])
        answers.append({})
    else:
        code, body, warnings = call(case)
        answers.append({"code": code, "body": body, "warnings": warnings})
open("answers.json", "w").write("[\n" + ",\n".join(json.dumps(a) for a in answers) + "\n]\n")
