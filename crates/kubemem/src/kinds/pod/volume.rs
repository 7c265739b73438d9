//! The rules of volumes and their mounts.

use super::container::{FILE_FIELDS, field_ref, resource_field};
use crate::kinds::at::At;
use crate::status::Cause;

/// The sources of a volume, in the order in which the first that is there wins.
const SOURCES: [&str; 30] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// The volumes of a spec; answers the names of those that can be mounted.
pub(super) fn all<'a>(volumes: &At<'a>, out: &mut Vec<Cause>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for volume in volumes.items() {
        let mut causes = source(&volume);
        let name = volume.get("name");
        causes.extend(name.need().or_else(|| name.dns_label()));
        causes.extend(names.contains(&name.text()).then(|| name.duplicate()));
        if causes.is_empty() {
            names.push(name.text());
        }
        out.append(&mut causes);
    }
    names
}

fn source(volume: &At<'_>) -> Vec<Cause> {
    let mut out = Vec::new();
    let mut found = 0;
    for name in SOURCES {
        let source = volume.get(name);
        if !source.is_set() {
            continue;
        }
        found += 1;
        if found > 1 {
            out.push(source.forbidden("may not specify more than 1 volume type"));
            continue;
        }
        match name {
            "hostPath" => host_path(&source, &mut out),
            "secret" => {
                out.extend(source.get("secretName").need());
                files(&source, &mut out);
            }
            "configMap" => {
                out.extend(source.get("name").need());
                files(&source, &mut out);
            }
            "nfs" => {
                out.extend(source.get("server").need());
                let path = source.get("path");
                let relative = !path.text().starts_with('/');
                out.extend(path.need().or_else(|| relative.then(|| path.invalid("must be an absolute path"))));
            }
            "persistentVolumeClaim" => out.extend(source.get("claimName").need()),
            "downwardAPI" => {
                out.extend(mode(&source.get("defaultMode")));
                source.get("items").items().iter().for_each(|file| downward_file(file, &mut out));
            }
            "projected" => projected(&source, &mut out),
            "csi" => out.extend(source.get("driver").need()),
            _ => {}
        }
    }
    if found == 0 {
        out.push(volume.required("must specify a volume type"));
    }
    out
}

fn host_path(source: &At<'_>, out: &mut Vec<Cause>) {
    let path = source.get("path");
    if let Some(cause) = path.need() {
        return out.push(cause);
    }
    out.extend(no_steps_back(&path));
    let types = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    out.extend(source.get("type").one_of(&types));
}

/// The files that a secret or a config map becomes.
fn files(source: &At<'_>, out: &mut Vec<Cause>) {
    out.extend(mode(&source.get("defaultMode")));
    for item in source.get("items").items() {
        let path = item.get("path");
        out.extend([item.get("key").need(), path.need()].into_iter().flatten());
        out.extend(inside(&path));
        out.extend(mode(&item.get("mode")));
    }
}

fn downward_file(file: &At<'_>, out: &mut Vec<Cause>) {
    let path = file.get("path");
    out.extend(path.need());
    out.extend(inside(&path));
    let (field, resource) = (file.get("fieldRef"), file.get("resourceFieldRef"));
    if field.is_set() {
        out.extend(field_ref(&field, &FILE_FIELDS));
        if resource.is_set() {
            let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
            out.push(Cause::invalid(&file.path, &"resource".into(), detail));
        }
    } else if resource.is_set() {
        out.extend(resource_field(&resource, true));
    } else {
        out.push(file.required("one of fieldRef and resourceFieldRef is required"));
    }
    out.extend(mode(&file.get("mode")));
}

fn projected(source: &At<'_>, out: &mut Vec<Cause>) {
    out.extend(mode(&source.get("defaultMode")));
    for part in source.get("sources").items() {
        for name in ["secret", "configMap"].map(|name| part.get(name)) {
            if name.is_set() {
                out.extend(name.get("name").need());
                files(&name, out);
            }
        }
        part.get("downwardAPI").get("items").items().iter().for_each(|file| downward_file(file, out));
    }
}

fn mode(mode: &At<'_>) -> Option<Cause> {
    let outside = mode.number().is_some_and(|mode| !(0..=0o777).contains(&mode));
    outside.then(|| mode.invalid("must be a number between 0 and 0777 (octal), both inclusive"))
}

fn no_steps_back(path: &At<'_>) -> Option<Cause> {
    path.text().split('/').any(|part| part == "..").then(|| path.invalid("must not contain '..'"))
}

/// A path that goes down from where it starts.
pub(super) fn descending(path: &At<'_>) -> Vec<Cause> {
    let absolute = path.text().starts_with('/').then(|| path.invalid("must be a relative path"));
    absolute.into_iter().chain(no_steps_back(path)).collect()
}

/// The same, of a file whose name is not taken by the volume itself.
fn inside(path: &At<'_>) -> Vec<Cause> {
    let mut out = descending(path);
    if path.text().starts_with("..") && !path.text().starts_with("../") {
        out.push(path.invalid("must not start with '..'"));
    }
    out
}

/// The mounts of a container.
pub(super) fn mounts(container: &At<'_>, volumes: &[&str], out: &mut Vec<Cause>) {
    let list = container.get("volumeMounts");
    let mut paths: Vec<&str> = Vec::new();
    for mount in list.items() {
        let (name, path) = (mount.get("name"), mount.get("mountPath"));
        out.extend(name.need());
        out.extend((!volumes.contains(&name.text())).then(|| name.not_found()));
        out.extend(path.need());
        out.extend(paths.contains(&path.text()).then(|| path.invalid("must be unique")));
        paths.push(path.text());
        // these are named by the list, not by the mount
        let under = |field: &str| At { value: mount.get(field).value, path: list.get(field).path };
        let (sub_path, expression) = (under("subPath"), under("subPathExpr"));
        out.extend(descending(&sub_path));
        if !expression.text().is_empty() {
            if !sub_path.text().is_empty() {
                out.push(mount.get("subPathExpr").invalid("subPathExpr and subPath are mutually exclusive"));
            }
            out.extend(descending(&expression));
        }
        let propagation = under("mountPropagation");
        out.extend(propagation.one_of(&["Bidirectional", "HostToContainer", "None"]));
        if propagation.text() == "Bidirectional" && container.value["securityContext"]["privileged"] != true {
            out.push(propagation.forbidden("Bidirectional mount propagation is available only to privileged containers"));
        }
    }
}
