#!/usr/bin/env bash
# What somebody does with kubectl, and what they see: each command, then its masked output and its exit code.
# usage: KUBECTL=kubectl KUBECONFIG=FILE session.sh
#
# The cluster should be a throwaway one. Ages, times, uids, addresses, hashes and versions are masked, and runs of spaces
# are one space; so the same is seen on any cluster of the same version.
set -u
: "${KUBECTL:?}" "${KUBECONFIG:?}"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
n=kubectl-test

mask() {
  sed -E \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g' \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+ [+-][0-9]{4}/TIME/g' \
    -e 's/(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} [+-][0-9]{4}/TIME/g' \
    -e 's/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/UID/g' \
    -e 's/[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/IP/g' \
    -e 's/-[a-z0-9]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b/-HASH-RANDOM/g' \
    -e 's/(web|db|job|kubernetes|svc|hello)-[bcdfghjklmnpqrstvwxz2456789]{5}\b/\1-RANDOM/g' \
    -e 's/-[bcdfghjklmnpqrstvwxz2456789]{8,10}\b/-HASH/g' \
    -e 's/(pod-template-hash[=:] ?"?)[a-z0-9]+/\1HASH/g' \
    -e 's/(resourceVersion: ")[0-9]+/\1VERSION/; s/(Resource Version: *)[0-9]+/\1VERSION/' \
    -e 's/\b(kubemem-0|node-0|kwok-node-0|kwok-node|node0)\b/NODE/g' \
    -e 's/\b(([0-9]+d)?([0-9]+h)?([0-9]+m)?[0-9]+s|[0-9]+d[0-9]*h?|[0-9]+h([0-9]+m)?|[1-9][0-9]*m)([[:space:]]|$|\))/AGE\6/g' \
    -e "s#$work#WORK#g" -e 's#/tmp/[A-Za-z]+-[0-9]+#TMP#g' -e 's/[ \t]+/ /g; s/ $//' -e '/^Waiting for /d'
}
run() { echo "\$ kubectl $*"; "$KUBECTL" "$@" 2>&1 | mask; echo "= ${PIPESTATUS[0]}"; echo; }
feed() { local input=$1; shift; echo "\$ kubectl $* <<< $(tr -s '[:space:]' ' ' <<< "$input")"; "$KUBECTL" "$@" <<< "$input" 2>&1 | mask; echo "= ${PIPESTATUS[1]:-0}"; echo; }
quiet() { "$KUBECTL" "$@" >/dev/null 2>&1 || true; }

"$KUBECTL" delete namespace $n --ignore-not-found --wait >/dev/null 2>&1
quiet delete clusterrole,clusterrolebinding kubectl-test
quiet create namespace $n
until "$KUBECTL" get serviceaccount default -n $n >/dev/null 2>&1; do sleep 0.1; done

# --- workloads
run create deployment web --image=nginx:1 --replicas=2 -n $n
run rollout status deployment/web -n $n --timeout=60s
run get deployment web -n $n
run get deployment web -n $n -o wide
run get pods -n $n -l app=web
run get replicasets -n $n -o wide
run set image deployment/web nginx=nginx:2 -n $n
run rollout status deployment/web -n $n --timeout=60s
run rollout history deployment/web -n $n
run rollout undo deployment/web -n $n
run rollout status deployment/web -n $n --timeout=60s
run get deployment web -n $n -o 'jsonpath={.spec.template.spec.containers[0].image}'
run scale deployment/web --replicas=3 -n $n
run wait deployment/web --for=jsonpath='{.status.readyReplicas}'=3 --timeout=60s -n $n
run wait deployment/web --for=condition=Available --timeout=60s -n $n
run label deployment web team=core -n $n
run label deployment web team=other -n $n
run annotate deployment web note=hello -n $n
run get deployment web -n $n --show-labels
run patch deployment web -n $n --type merge -p '{"spec":{"replicas":2}}'
run patch deployment web -n $n --type json -p '[{"op":"test","path":"/spec/replicas","value":9}]'
run patch deployment web -n $n -p '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","env":[{"name":"A","value":"b"}]}]}}}}'
run rollout status deployment/web -n $n --timeout=60s
run rollout restart deployment/web -n $n
run rollout pause deployment/web -n $n
run rollout pause deployment/web -n $n
run rollout resume deployment/web -n $n
run describe deployment web -n $n --show-events=false
run autoscale deployment web --min=1 --max=5 --cpu=80% -n $n
run get hpa web -n $n
run expose deployment web --port=80 --type=NodePort --name=svc -n $n
run create job job --image=busybox -n $n
run create cronjob hello --image=busybox --schedule='0 0 29 2 *' -n $n
run get cronjob hello -n $n -o wide
run create poddisruptionbudget pdb --selector=app=web --min-available=1 -n $n
run get pdb pdb -n $n

# --- configuration, both ways of applying
config='{apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: kubectl-test}, data: {a: "1", b: "2"}}'
feed "$config" apply -f -
feed "$config" apply -f -
feed "${config/b: \"2\"/c: \"3\"}" diff -f -
feed "${config/b: \"2\"/c: \"3\"}" apply -f -
run get configmap conf -n $n -o 'jsonpath={.data}'
served='{apiVersion: v1, kind: ConfigMap, metadata: {name: served, namespace: kubectl-test}, data: {a: "1"}}'
feed "$served" apply --server-side -f -
feed "${served/\"1\"/\"2\"}" apply --server-side --field-manager=other -f -
feed "${served/\"1\"/\"2\"}" apply --server-side --field-manager=other --force-conflicts -f -
feed "${served/data/date}" apply -f -
feed "${served/v1/v7}" apply -f -
run create configmap conf -n $n
run create secret generic hidden --from-literal=k=v -n $n
run get configmap,secret -n $n
run describe configmap conf -n $n
run get configmap nope -n $n
run get nothing -n $n
run create quota q --hard=configmaps=1 -n $n
sleep 1
run create configmap more -n $n
run describe quota q -n $n
run delete quota q -n $n

# --- deletion with each cascade
for how in background foreground orphan; do
  quiet create deployment $how --image=nginx:1 -n $n
  quiet rollout status deployment/$how -n $n --timeout=60s
  run delete deployment $how --cascade=$how --wait -n $n
  sleep 2
  run get replicasets -l app=$how -n $n
done
run delete pods -l app=orphan --now --wait=false -n $n
run delete configmap nope -n $n
run delete configmap nope -n $n --ignore-not-found

# --- explain, discovery
# names and types alone: the descriptions are the documentation of others
shown() { run "$@" | grep -E '^(\$|GROUP|KIND|VERSION|FIELD|= )|<' | grep -vE '<(empty|no description)>'; echo; }
shown explain deployment.spec.strategy.type
shown explain configmap
shown explain deployment.spec --recursive
run api-resources --api-group=apps
run api-versions
run get --raw /healthz

# --- who may what
run auth whoami --as jane --as-group devs
run auth can-i get pods
run auth can-i get pods --as jane -n $n
run auth can-i --list --as jane -n $n
run get pods --as jane -n $n
run get pods web --as jane -n $n
run get nodes --as jane
run get --raw /metrics --as jane
run create role reader --verb=get,list --resource=pods,configmaps -n $n
run create rolebinding reader --role=reader --user=jane -n $n
run create rolebinding lost --role=nope --user=jane -n $n
run get role,rolebinding -n $n -o wide
run auth can-i list pods --as jane -n $n
run auth can-i list pods --as jane
run get configmap conf --as jane -n $n
run delete configmap conf --as jane -n $n
run get pods/log web --as jane -n $n
quiet delete rolebinding lost -n $n
run create clusterrole kubectl-test --verb='*' --resource=roles.rbac.authorization.k8s.io,clusterroles.rbac.authorization.k8s.io
quiet create clusterrole kubectl-test --verb=create,update,patch,get --resource=roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io
quiet delete clusterrole kubectl-test
quiet create clusterrole kubectl-test --verb=create,update,patch,get --resource=roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io
run create rolebinding maker --clusterrole=kubectl-test --user=jane -n $n
run create role more --verb=get,delete --resource=pods,secrets --as jane -n $n
run create role same --verb=get --resource=pods --as jane -n $n
run create rolebinding grab --clusterrole=view --user=bob --as jane -n $n
run create rolebinding share --role=reader --user=bob --as jane -n $n
run get pods --as bob -n $n -o name
run describe role reader -n $n
run describe clusterrole system:basic-user
run get clusterrolebinding cluster-admin -o wide
feed '{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"jane","resourceAttributes":{"verb":"list","resource":"pods","namespace":"kubectl-test"}}}' create -o 'jsonpath={.status}' -f -
feed '{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"jane"}}' create -f -
token=$("$KUBECTL" create token default -n $n)
run create token nobody -n $n
run create token default --duration=1m -n $n
echo "$token" | cut -d. -f2 | tr _- /+ | base64 -d 2>/dev/null | tr , '\n' | grep -o '"sub":.*' | mask

# --- other kinds in tables
feed '
apiVersion: v1
kind: List
items:
- {apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: in, namespace: kubectl-test}, spec: {ingressClassName: x, rules: [{host: a.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: svc, port: {number: 80}}}}]}}]}}
- {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: np, namespace: kubectl-test}, spec: {podSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [e, d]}]}}}
- {apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: kubectl-test}, value: 7}
- {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: kubectl-test}, provisioner: none}
- {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: claim, namespace: kubectl-test}, spec: {storageClassName: none, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
- {apiVersion: v1, kind: PersistentVolume, metadata: {name: kubectl-test}, spec: {storageClassName: other, accessModes: [ReadWriteOnce, ReadOnlyMany], capacity: {storage: 1Gi}, hostPath: {path: /x}}}
- {apiVersion: v1, kind: LimitRange, metadata: {name: lr, namespace: kubectl-test}, spec: {limits: [{type: Container, max: {cpu: "4"}}]}}
- {apiVersion: v1, kind: Service, metadata: {name: outside, namespace: kubectl-test}, spec: {type: ExternalName, externalName: example.com}}
- {apiVersion: v1, kind: Service, metadata: {name: balanced, namespace: kubectl-test}, spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {app: nobody}, ports: [{port: 80}]}}
- {apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: kubectl-test}, handler: h}
- {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: kubectl-test}, spec: {serviceName: db, replicas: 1, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: "db:1"}]}}}}
- {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: every, namespace: kubectl-test}, spec: {selector: {matchLabels: {app: every}}, template: {metadata: {labels: {app: every}}, spec: {containers: [{name: c, image: "c:1"}]}}}}
' apply -f -
run rollout status statefulset/db -n $n --timeout=60s
run rollout status daemonset/every -n $n --timeout=60s
run get ingress,networkpolicy,limitrange,statefulset,daemonset -n $n -o wide
run get pvc -n $n -o wide
run get priorityclass,runtimeclass kubectl-test
run get storageclass,pv kubectl-test -o wide
run get service outside balanced -n $n -o wide
run describe service balanced -n $n
run describe statefulset db -n $n
for kind in priorityclass storageclass pv runtimeclass; do quiet delete $kind kubectl-test --wait=false; done

# --- events
run get events -n $n --field-selector involvedObject.kind=Job -o 'custom-columns=REASON:.reason,TYPE:.type,MESSAGE:.message'
quiet delete clusterrole kubectl-test
quiet delete namespace $n --wait=false
