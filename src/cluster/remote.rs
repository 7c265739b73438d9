//! Other clusters, by a kubeconfig that a tenant wrote: it may hold credentials, and nothing that reaches into the daemon's own world.

use super::connect::prepare;
use super::{Cluster, request::chain};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};

impl Cluster {
    /// The cluster of a kubeconfig's current context. Writes pass the gate of this one.
    ///
    /// # Errors
    /// One sentence without credentials: what the kubeconfig may not say, or why it cannot be used.
    pub async fn reach(&self, kubeconfig: &str, user_agent: &str) -> Result<Self, String> {
        // What the parser says may quote the text, which holds credentials.
        let parsed = Kubeconfig::from_yaml(kubeconfig).map_err(|_| "it is no kubeconfig".to_owned())?;
        let refused = refused(&parsed);
        if !refused.is_empty() {
            return Err(format!(
                "{} may not be used: they reach into the daemon; put certificates and tokens into it as data",
                refused.join(", ")
            ));
        }
        let config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await;
        let config = config.map_err(|e| chain(&e).lines().next().unwrap_or_default().to_owned())?;
        let config = prepare(config, user_agent)?;
        Ok(self.beside(kube::Client::try_from(config).map_err(|e| chain(&e))?))
    }
}

/// Fields that run programs, name files of the daemon's pod, or switch checks off.
fn refused(kubeconfig: &Kubeconfig) -> Vec<String> {
    let mut out = Vec::new();
    for named in &kubeconfig.auth_infos {
        let Some(user) = &named.auth_info else { continue };
        for (there, field) in [
            (user.exec.is_some(), "exec"),
            (user.auth_provider.is_some(), "auth-provider"),
            (user.client_certificate.is_some(), "client-certificate"),
            (user.client_key.is_some(), "client-key"),
            (user.token_file.is_some(), "tokenFile"),
        ] {
            if there {
                out.push(format!("users[{}].user.{field}", named.name));
            }
        }
    }
    for named in &kubeconfig.clusters {
        let Some(cluster) = &named.cluster else { continue };
        for (there, field) in [
            (cluster.certificate_authority.is_some(), "certificate-authority"),
            (cluster.insecure_skip_tls_verify == Some(true), "insecure-skip-tls-verify"),
            (cluster.proxy_url.is_some(), "proxy-url"),
        ] {
            if there {
                out.push(format!("clusters[{}].cluster.{field}", named.name));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_into_the_daemon_is_refused_by_name() {
        let text = |cluster: &str, user: &str| {
            format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: there, user: me}}}}]\nclusters: [{{name: there, cluster: {{server: 'https://h', {cluster}}}}}]\nusers: [{{name: me, user: {{{user}}}}}]\n"
            )
        };
        for (cluster, user, want) in [
            ("", "token: t", ""),
            ("certificate-authority-data: YQ==", "client-certificate-data: YQ==, client-key-data: YQ==", ""),
            ("insecure-skip-tls-verify: false", "username: a, password: b", ""),
            ("", "exec: {command: sh, apiVersion: v1}", "users[me].user.exec"),
            ("", "auth-provider: {name: gcp, config: {}}", "users[me].user.auth-provider"),
            ("", "tokenFile: /a", "users[me].user.tokenFile"),
            ("", "client-certificate: /a, client-key: /b", "users[me].user.client-certificate users[me].user.client-key"),
            ("certificate-authority: /a", "", "clusters[there].cluster.certificate-authority"),
            ("insecure-skip-tls-verify: true", "", "clusters[there].cluster.insecure-skip-tls-verify"),
            ("proxy-url: 'http://p'", "", "clusters[there].cluster.proxy-url"),
        ] {
            let parsed = Kubeconfig::from_yaml(&text(cluster, user)).expect("a kubeconfig");
            assert_eq!(refused(&parsed).join(" "), want, "{cluster} {user}");
        }
    }
}
