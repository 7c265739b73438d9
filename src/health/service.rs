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
        // Clusters without a load balancer never assign one, so waiting would fail every such release (kstatus does
        // not wait either); the reason still says it.
        return Health { reason: "LoadBalancerPending".into(), ..Health::current("no load balancer address assigned yet") };
    }
    Health::current("load balancer address assigned")
}
