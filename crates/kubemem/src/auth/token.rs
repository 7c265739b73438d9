//! Tokens of service accounts: signed, so that nothing need be kept to know them again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::User;
use crate::resource::TableKey;
use crate::verb::Call;

/// Whom tokens are for, where the request does not say.
pub(crate) const AUDIENCE: &str = "https://kubernetes.default.svc";

/// What is asked for.
pub(crate) struct Grant<'a> {
    pub(crate) account: &'a Value,
    pub(crate) audiences: Vec<String>,
    pub(crate) seconds: i64,
    /// kind, name and uid of the object that the token ends with
    pub(crate) bound: Option<(String, String, String)>,
}

fn sign(call: &Call<'_>, text: &str) -> Option<Hmac<Sha256>> {
    let key = format!("kubemem token key {}", call.options.seed);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(text.as_bytes());
    Some(mac)
}

/// Writes a token.
pub(crate) fn mint(call: &mut Call<'_>, grant: &Grant<'_>) -> String {
    let now = call.clock.now().as_second();
    let meta = &grant.account["metadata"];
    let text = |field: &str| meta[field].as_str().unwrap_or_default();
    let mut own = json!({"namespace": meta["namespace"], "serviceaccount": {"name": meta["name"], "uid": meta["uid"]}});
    if let Some((kind, name, uid)) = &grant.bound {
        own[kind.to_lowercase()] = json!({"name": name, "uid": uid});
    }
    let claims = json!({"aud": grant.audiences, "exp": now + grant.seconds, "iat": now, "nbf": now, "iss": AUDIENCE, "jti": call.store.uid(),
        "kubernetes.io": own, "sub": format!("system:serviceaccount:{}:{}", text("namespace"), text("name"))});
    let head = BASE64.encode(json!({"alg": "HS256", "typ": "JWT"}).to_string());
    let text = format!("{head}.{}", BASE64.encode(claims.to_string()));
    let signature = sign(call, &text).map(|mac| BASE64.encode(mac.finalize().into_bytes())).unwrap_or_default();
    format!("{text}.{signature}")
}

/// The user that a token stands for: it is whole, not over, and what it is bound to is still there.
pub(super) fn read(call: &Call<'_>, token: &str) -> Result<User, String> {
    let invalid = || "invalid bearer token".to_owned();
    let (text, signature) = token.rsplit_once('.').ok_or_else(invalid)?;
    let signature = BASE64.decode(signature).map_err(|_| invalid())?;
    sign(call, text).ok_or_else(invalid)?.verify_slice(&signature).map_err(|_| invalid())?;
    let claims = text.split_once('.').and_then(|(_, claims)| BASE64.decode(claims).ok()).ok_or_else(invalid)?;
    let claims: Value = serde_json::from_slice(&claims).map_err(|_| invalid())?;
    if claims["exp"].as_i64().unwrap_or(0) <= call.clock.now().as_second() {
        return Err("[invalid bearer token, service account token has expired]".into());
    }
    if !claims["aud"].as_array().is_some_and(|list| list.iter().any(|aud| aud == AUDIENCE)) {
        return Err("[invalid bearer token, token audiences do not fit]".into());
    }
    let own = &claims["kubernetes.io"];
    let namespace = own["namespace"].as_str().unwrap_or_default();
    let (name, uid) =
        (own["serviceaccount"]["name"].as_str().unwrap_or_default(), own["serviceaccount"]["uid"].as_str().unwrap_or_default());
    let mut user = User::service_account(namespace, name);
    user.uid = uid.to_owned();
    let mut say = |key: &str, value: String| user.extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value]);
    say("credential-id", format!("JTI={}", claims["jti"].as_str().unwrap_or_default()));
    for (kind, plural) in [("serviceaccount", "serviceaccounts"), ("pod", "pods"), ("secret", "secrets")] {
        let Some(name) = own[kind]["name"].as_str() else { continue };
        let there = call.store.get(&TableKey::new("", plural), namespace, name);
        if there.is_none_or(|object| object["metadata"]["uid"] != own[kind]["uid"]) {
            return Err("[invalid bearer token, service account token has been invalidated]".into());
        }
        if kind == "pod" {
            say("pod-name", name.to_owned());
            say("pod-uid", own[kind]["uid"].as_str().unwrap_or_default().to_owned());
        }
    }
    Ok(user)
}
