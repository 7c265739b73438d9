//! Which lists of Kubernetes' own kinds merge by key: what `x-kubernetes-patch-strategy: merge` says in their OpenAPI documents, as
//! kustomize knows them.

use crate::object::is_builtin_group;

/// A type that has lists that merge somewhere below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// An object with nothing but metadata that merges.
    Plain,
    Meta,
    /// Deployment and the like: `spec.template` is a pod's.
    Workload,
    WorkloadSpec,
    PodTemplateObject,
    PodTemplate,
    Pod,
    PodSpec,
    Container,
    EphemeralContainer,
    CronJob,
    CronSpec,
    Service,
    ServiceSpec,
    ServiceAccount,
    Webhooks,
    /// Nothing below it merges, or nothing is known of it.
    Other,
}

/// How a list merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// It does not: the patch's list replaces it.
    Replaced,
    /// Its texts are a set.
    Set,
    /// Its objects are told apart by these keys.
    Keyed(&'static [&'static str]),
}

/// The type of a whole object.
pub(super) fn of(group: &str, kind: &str) -> Type {
    match (group, kind) {
        ("", "Pod") => Type::Pod,
        ("", "PodTemplate") => Type::PodTemplateObject,
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("", "ReplicationController") | ("batch", "Job") => {
            Type::Workload
        }
        ("batch", "CronJob") => Type::CronJob,
        ("", "Service") => Type::Service,
        ("", "ServiceAccount") => Type::ServiceAccount,
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => Type::Webhooks,
        _ if is_builtin_group(group) => Type::Plain,
        // Of custom resources nothing is known: their lists are replaced, as kustomize does.
        _ => Type::Other,
    }
}

/// The type of a field, or of the items of it where it is a list, and how that list merges.
pub(super) fn field(of: Type, name: &str) -> (Type, List) {
    use List::{Keyed, Replaced, Set};
    use Type::{
        Container, CronJob, CronSpec, EphemeralContainer, Meta, Other, Plain, Pod, PodSpec, PodTemplate, PodTemplateObject, Service,
        ServiceAccount, ServiceSpec, Webhooks, Workload, WorkloadSpec,
    };
    match (of, name) {
        (Meta, "finalizers") => (Other, Set),
        (Meta, "ownerReferences") => (Other, Keyed(&["uid"])),
        (Other | PodSpec | Container | EphemeralContainer | ServiceSpec | WorkloadSpec | CronSpec, "metadata") => (Other, Replaced),
        (Plain | Workload | PodTemplateObject | PodTemplate | Pod | CronJob | Service | ServiceAccount | Webhooks, "metadata") => {
            (Meta, Replaced)
        }
        (Workload, "spec") => (WorkloadSpec, Replaced),
        (WorkloadSpec | PodTemplateObject, "template") => (PodTemplate, Replaced),
        (WorkloadSpec, "volumeClaimTemplates") => (Plain, Replaced),
        (Pod | PodTemplate, "spec") => (PodSpec, Replaced),
        (CronJob, "spec") => (CronSpec, Replaced),
        (CronSpec, "jobTemplate") => (Workload, Replaced),
        (PodSpec, "containers" | "initContainers") => (Container, Keyed(&["name"])),
        (PodSpec, "ephemeralContainers") => (EphemeralContainer, Keyed(&["name"])),
        (PodSpec, "imagePullSecrets" | "volumes") => (Other, Keyed(&["name"])),
        (PodSpec, "hostAliases") => (Other, Keyed(&["ip"])),
        (PodSpec, "topologySpreadConstraints") => (Other, Keyed(&["topologyKey", "whenUnsatisfiable"])),
        (Container | EphemeralContainer, "env") => (Other, Keyed(&["name"])),
        (Container | EphemeralContainer, "volumeMounts") => (Other, Keyed(&["mountPath"])),
        (Container | EphemeralContainer, "volumeDevices") => (Other, Keyed(&["devicePath"])),
        (Container, "ports") => (Other, Keyed(&["containerPort", "protocol"])),
        (Service, "spec") => (ServiceSpec, Replaced),
        (ServiceSpec, "ports") => (Other, Keyed(&["port", "protocol"])),
        (ServiceAccount, "secrets") | (Webhooks, "webhooks") => (Other, Keyed(&["name"])),
        _ => (Other, Replaced),
    }
}
