//! Services.

use super::Health;
use super::condition::text;
use crate::object::Json;

pub(super) fn check(live: &Json) -> Health {
    if text(live, "/spec/type") != "LoadBalancer" {
        return Health::current("it is there");
    }
    if text(live, "/spec/clusterIP").is_empty() {
        return Health::in_progress("NoClusterIP", "no cluster IP assigned yet");
    }
    let addresses = live.pointer("/status/loadBalancer/ingress").and_then(Json::as_array).map_or(0, Vec::len);
    if addresses == 0 {
        // As Helm does. A cluster that never assigns one says so by an annotation of the Service (`helmward.dev/wait: disabled`).
        return Health::in_progress("LoadBalancerPending", "no load balancer address assigned yet");
    }
    Health::current("load balancer address assigned")
}
