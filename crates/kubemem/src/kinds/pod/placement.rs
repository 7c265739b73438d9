//! The rules of what decides where a pod runs: tolerations, affinity, spreading.

use crate::kinds::at::At;
use crate::status::{Cause, CauseType};
use crate::validation;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn tolerations(list: &At<'_>, out: &mut Vec<Cause>) {
    for toleration in list.items() {
        let [key, operator, value, effect] = ["key", "operator", "value", "effect"].map(|field| toleration.get(field));
        let operator_of = |value: &At<'_>, detail: &str| Cause::invalid(&operator.path, &value.text().into(), detail);
        if !key.text().is_empty() {
            out.extend(key.label_key());
        } else if operator.text() != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            out.push(operator_of(&operator, detail));
        }
        if toleration.get("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            out.push(Cause::invalid(&effect.path, &effect.text().into(), detail));
        }
        match operator.text() {
            "Equal" | "" => out.extend(validation::label_value_problem(value.text()).map(|problem| operator_of(&value, problem))),
            "Exists" if value.text().is_empty() => {}
            "Exists" => out.push(operator_of(&value, "value must be empty when `operator` is 'Exists'")),
            "Lt" | "Gt" => out.push(operator.unsupported(&["Equal", "Exists", "Lt", "Gt"])),
            _ => out.push(operator.unsupported(&["Equal", "Exists"])),
        }
        out.extend(effect.one_of(&["NoSchedule", "PreferNoSchedule", "NoExecute"]));
    }
}

pub(super) fn affinity(affinity: &At<'_>, out: &mut Vec<Cause>) {
    let nodes = affinity.get("nodeAffinity");
    let required = nodes.get(REQUIRED);
    if required.is_set() {
        let terms = required.get("nodeSelectorTerms");
        if terms.items().is_empty() {
            out.push(terms.required("must have at least one node selector term"));
        }
        terms.items().iter().for_each(|term| node_term(term, true, out));
    }
    for term in nodes.get(PREFERRED).items() {
        weight(&term, out);
        node_term(&term.get("preference"), false, out);
    }
    for pods in ["podAffinity", "podAntiAffinity"].map(|name| affinity.get(name)) {
        pods.get(REQUIRED).items().iter().for_each(|term| pod_term(term, out));
        for term in pods.get(PREFERRED).items() {
            weight(&term, out);
            pod_term(&term.get("podAffinityTerm"), out);
        }
    }
}

fn weight(term: &At<'_>, out: &mut Vec<Cause>) {
    let weight = term.get("weight");
    let number = weight.number().unwrap_or(0);
    if !(1..=100).contains(&number) {
        out.push(Cause::invalid(&weight.path, &number.into(), "must be in the range 1-100"));
    }
}

fn node_term(term: &At<'_>, strict: bool, out: &mut Vec<Cause>) {
    for expression in term.get("matchExpressions").items() {
        let (operator, values) = (expression.get("operator"), expression.get("values"));
        let count = values.items().len();
        match operator.text() {
            "In" | "NotIn" if count == 0 => out.push(values.required("must be specified when `operator` is 'In' or 'NotIn'")),
            "Exists" | "DoesNotExist" if count > 0 => {
                out.push(values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
            }
            "Gt" | "Lt" if count != 1 => out.push(values.required("must be specified single value when `operator` is 'Lt' or 'Gt'")),
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            other => out.push(Cause::invalid(&operator.path, &other.into(), "not a valid selector operator")),
        }
        out.extend(expression.get("key").label_key());
        if strict {
            let problem = |value: &At<'_>| validation::label_value_problem(value.text()).map(|problem| value.invalid(problem));
            out.extend(values.items().iter().filter_map(problem));
        }
    }
    for field in term.get("matchFields").items() {
        let (operator, key, values) = (field.get("operator"), field.get("key"), field.get("values"));
        match operator.text() {
            "In" | "NotIn" if values.items().len() == 1 => {}
            "In" | "NotIn" => {
                out.push(values.required("must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
            }
            other => out.push(Cause::invalid(&operator.path, &other.into(), "not a valid selector operator")),
        }
        if key.text() == "metadata.name" {
            out.extend(values.items().iter().filter_map(At::dns_subdomain));
        } else {
            out.push(Cause::invalid(&key.path, &key.text().into(), "not a valid field selector key"));
        }
    }
}

fn pod_term(term: &At<'_>, out: &mut Vec<Cause>) {
    out.extend(term.get("labelSelector").selector());
    out.extend(term.get("namespaceSelector").selector());
    let key = term.get("topologyKey");
    out.extend(key.text().is_empty().then(|| key.required("can not be empty")));
    out.extend(key.label_key());
}

pub(super) fn spreading(list: &At<'_>, out: &mut Vec<Cause>) {
    let constraints = list.items();
    for (i, constraint) in constraints.iter().enumerate() {
        let [skew, key, action, domains] = ["maxSkew", "topologyKey", "whenUnsatisfiable", "minDomains"].map(|field| constraint.get(field));
        let positive = |field: &At<'_>| {
            let number = field.number().unwrap_or(0);
            (number <= 0).then(|| Cause::invalid(&field.path, &number.into(), "must be greater than zero"))
        };
        out.extend(positive(&skew));
        out.extend(key.text().is_empty().then(|| key.required("can not be empty")));
        let actions = ["DoNotSchedule", "ScheduleAnyway"];
        out.extend((!actions.contains(&action.text())).then(|| action.unsupported(&actions)));
        let same = |other: &At<'_>| other.value["topologyKey"] == *key.value && other.value["whenUnsatisfiable"] == *action.value;
        if constraints[i + 1..].iter().any(same) {
            let message = format!("Duplicate value: \"{{{}, {}}}\"", key.text(), action.text());
            out.push(Cause::new(CauseType::Duplicate, format!("{}.{{topologyKey, whenUnsatisfiable}}", constraint.path), message));
        }
        if domains.is_set() {
            out.extend(positive(&domains));
            if action.text() != "DoNotSchedule" {
                let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}", action.text());
                out.push(domains.invalid(&detail));
            }
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            out.extend(constraint.get(policy).one_of(&["Honor", "Ignore"]));
        }
        out.extend(constraint.get("labelSelector").selector());
    }
}
