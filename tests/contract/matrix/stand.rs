//! A world whose daemon speaks to the API server through a [`Wire`].

use super::wire::Wire;
use crate::world::{Cluster, World};

pub struct Stand {
    pub world: World,
    pub wire: Wire,
}

impl Stand {
    pub async fn start(cluster: Cluster) -> Self {
        let mut world = World::on(cluster).await;
        let kubeconfig = world.dir.path().join("wire.kubeconfig");
        let wire = Wire::start(world.client.clone(), &kubeconfig).await;
        world.daemon_kubeconfig = Some(kubeconfig);
        Self { world, wire }
    }
}
