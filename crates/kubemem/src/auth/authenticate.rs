//! Credentials: bearer tokens that were given out, or none.

use http::{HeaderMap, StatusCode, header};

use super::{User, token};
use crate::status::ApiError;
use crate::verb::Call;

/// The user that a request's credentials stand for.
pub(super) fn user(call: &Call<'_>, headers: &HeaderMap) -> Result<User, ApiError> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match bearer {
        None | Some("") => Ok(call.options.without_credentials.clone()),
        Some(token) => match by_token(call, token) {
            Identified::User(user) => Ok(user),
            Identified::Nobody(_) => Err(ApiError::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")),
        },
    }
}

/// What a token says.
pub(crate) enum Identified {
    User(User),
    /// with the reason
    Nobody(String),
}

/// The user of a token: one of those in the options, or a service account's.
pub(crate) fn by_token(call: &Call<'_>, text: &str) -> Identified {
    if let Some((_, user)) = call.options.tokens.iter().find(|(known, _)| known == text) {
        return Identified::User(user.clone());
    }
    match token::read(call, text) {
        Ok(user) => Identified::User(user),
        Err(why) => Identified::Nobody(why),
    }
}
