//! LimitRanges: what containers get that say nothing, and how much they, their pods and claims may ask for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Attempt, Write};
use crate::resource::TableKey;
use crate::schema::Quantity;
use crate::verb::Call;

/// Amounts by the name of the resource.
pub(super) type Amounts = BTreeMap<String, Quantity>;

pub(super) fn amounts(value: &Value) -> Amounts {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(name, amount)| Some((name.clone(), Quantity::parse(amount.as_str()?)?))).collect()
}

/// The items of the limit ranges of a namespace.
fn items(call: &Call<'_>, namespace: &str) -> Vec<Value> {
    let ranges = call.store.list(&TableKey::new("", "limitranges"), namespace);
    ranges.iter().flat_map(|range| range["spec"]["limits"].as_array().cloned().unwrap_or_default()).collect()
}

/// Gives containers the requests and limits that they do not name.
pub(super) fn fill_in(call: &Call<'_>, namespace: &str, pod: &mut Value) {
    let (mut requests, mut limits) = (BTreeMap::new(), BTreeMap::new());
    for item in items(call, namespace).iter().filter(|item| item["type"] == "Container") {
        for (field, into) in [("defaultRequest", &mut requests), ("default", &mut limits)] {
            for (name, amount) in item[field].as_object().into_iter().flatten() {
                into.insert(name.clone(), amount.clone());
            }
        }
    }
    let mut notes = Vec::new();
    for (list, word) in [("containers", "container"), ("initContainers", "init container")] {
        for container in pod["spec"].get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let name = container["name"].as_str().unwrap_or_default().to_owned();
            for (field, what, defaults) in [("requests", "request", &requests), ("limits", "limit", &limits)] {
                let set: Vec<&str> = defaults
                    .iter()
                    .filter(|(resource, _)| container["resources"][field][resource.as_str()].is_null())
                    .map(|(resource, _)| resource.as_str())
                    .collect();
                for resource in &set {
                    container["resources"][field][*resource] = defaults[*resource].clone();
                }
                if !set.is_empty() {
                    notes.push(format!("{} {what} for {word} {name}", set.join(", ")));
                }
            }
            crate::kinds::strip_nulls(&mut container["resources"]);
        }
    }
    if !notes.is_empty() {
        pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"] = format!("LimitRanger plugin set: {}", notes.join("; ")).into();
    }
}

/// Whether an object keeps within the limit ranges of its namespace; else the reason.
pub(super) fn check(call: &Call<'_>, attempt: &Attempt<'_>, object: &Value) -> Result<(), String> {
    let resource = &attempt.target.resource;
    let (pod, claim) = (resource.is("", "Pod") && attempt.write == Write::Create, resource.is("", "PersistentVolumeClaim"));
    if !pod && !claim {
        return Ok(());
    }
    for item in items(call, &attempt.target.namespace) {
        let mut problems = Vec::new();
        match item["type"].as_str() {
            Some(kind @ "Container") if pod => {
                for container in
                    ["containers", "initContainers"].iter().flat_map(|list| object["spec"][*list].as_array().into_iter().flatten())
                {
                    compare(
                        &item,
                        kind,
                        &amounts(&container["resources"]["requests"]),
                        &amounts(&container["resources"]["limits"]),
                        &mut problems,
                    );
                }
            }
            Some(kind @ "Pod") if pod => compare(&item, kind, &of_pod(object, "requests"), &of_pod(object, "limits"), &mut problems),
            Some(kind @ "PersistentVolumeClaim") if claim => {
                let requests = amounts(&object["spec"]["resources"]["requests"]);
                for (name, least) in amounts(&item["min"]) {
                    bound(("minimum", "request"), kind, &name, least, requests.get(&name), &mut problems);
                }
                for (name, most) in amounts(&item["max"]) {
                    bound(("maximum", "request"), kind, &name, most, requests.get(&name), &mut problems);
                }
            }
            _ => {}
        }
        match problems.as_slice() {
            [] => {}
            [one] => return Err(one.clone()),
            many => return Err(format!("[{}]", many.join(", "))),
        }
    }
    Ok(())
}

fn compare(item: &Value, kind: &str, requests: &Amounts, limits: &Amounts, problems: &mut Vec<String>) {
    for (name, least) in amounts(&item["min"]) {
        bound(("minimum", "request"), kind, &name, least, requests.get(&name), problems);
    }
    for (name, most) in amounts(&item["max"]) {
        bound(("maximum", "limit"), kind, &name, most, limits.get(&name), problems);
    }
    for (name, most) in amounts(&item["maxLimitRequestRatio"]) {
        let head = format!("{name} max limit to request ratio per {kind} is {most}");
        let some = |amounts: &Amounts| amounts.get(&name).filter(|amount| !amount.is_zero()).copied();
        match (some(requests), some(limits)) {
            (None, _) => problems.push(format!("{head}, but no request is specified or request is 0")),
            (_, None) => problems.push(format!("{head}, but no limit is specified or limit is 0")),
            (Some(request), Some(limit)) => {
                let ratio = limit.as_f64() / request.as_f64();
                if ratio > most.as_f64() {
                    problems.push(format!("{head}, but provided ratio is {ratio:.6}"));
                }
            }
        }
    }
}

fn bound((word, of): (&str, &str), kind: &str, name: &str, wanted: Quantity, given: Option<&Quantity>, problems: &mut Vec<String>) {
    let head = format!("{word} {name} usage per {kind} is {wanted}");
    let wrong = |given: &Quantity| match word {
        "minimum" => given.cmp_value(&wanted).is_lt(),
        _ => given.cmp_value(&wanted).is_gt(),
    };
    match given {
        None => problems.push(format!("{head}.  No {of} is specified")),
        Some(given) if wrong(given) => problems.push(format!("{head}, but {of} is {given}")),
        Some(_) => {}
    }
}

/// What a pod asks for: its containers together, or the greediest of those that run before them.
pub(super) fn of_pod(pod: &Value, side: &str) -> Amounts {
    let list = |name: &str| pod["spec"][name].as_array().cloned().unwrap_or_default();
    let mut out = Amounts::new();
    for container in list("containers") {
        for (name, amount) in amounts(&container["resources"][side]) {
            out.entry(name).and_modify(|sum| *sum = sum.plus(&amount)).or_insert(amount);
        }
    }
    for container in list("initContainers") {
        for (name, amount) in amounts(&container["resources"][side]) {
            let most = out.entry(name).or_insert(amount);
            if amount.cmp_value(most).is_gt() {
                *most = amount;
            }
        }
    }
    out
}

/// The containers of a pod that do not name an amount.
pub(super) fn silent(pod: &Value, side: &str, resource: &str) -> BTreeSet<String> {
    let containers =
        ["containers", "initContainers"].into_iter().flat_map(|list| pod["spec"][list].as_array().cloned().unwrap_or_default());
    let silent = containers.filter(|container| container["resources"][side][resource].is_null());
    silent.map(|container| container.get("name").unwrap_or(&json!("")).as_str().unwrap_or_default().to_owned()).collect()
}
