//! Release names and their templates.

use std::rc::Rc;
use std::sync::Arc;

use super::{Outside, RenderError};
use crate::template::{Engine, Entropy, Limits, NoLookup, TemplateSet, Time, Value, World, with_stack};

/// Whether a release may have this name: Helm's `ValidateReleaseName` (chartutil/validate_name.go).
///
/// # Errors
/// Where the name is empty, longer than 53 bytes or no DNS name.
pub fn check_release_name(name: &str) -> Result<(), RenderError> {
    let part = |p: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !p.is_empty() && p.chars().all(inner) && !p.starts_with('-') && !p.ends_with('-')
    };
    if name.is_empty() {
        return Err(RenderError::ReleaseName { name: name.to_owned(), why: "no name provided".to_owned() });
    }
    if name.len() <= 53 && name.split('.').all(part) {
        return Ok(());
    }
    let why = r"invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53";
    Err(RenderError::ReleaseName { name: name.to_owned(), why: why.to_owned() })
}

/// The name that a template of `--name-template` gives: Helm's `TemplateName` (action/install.go).
///
/// # Errors
/// Where the text is no template, or fails. Whether the name may be one is not looked at.
pub fn release_name_from(template: &str, now: Time, entropy: Arc<dyn Entropy + Send + Sync>) -> Result<String, RenderError> {
    const NAME: &str = "name-template";
    let limits = Limits::default();
    let rendered = with_stack(|| {
        let engine = Arc::new(Engine::new(limits.clone()));
        let mut set = TemplateSet::new(&engine);
        set.add(engine.parse(NAME, template)?);
        let mut world = World::new(now.clone(), Rc::new(Outside(Arc::clone(&entropy))), Rc::new(NoLookup), limits.clone());
        set.render(NAME, &Value::Nil, &mut world)
    });
    let rendered = rendered.map_err(|e| RenderError::Stack(e.to_string()))?;
    rendered.map_err(|error| {
        let text = match error.message() {
            // Helm's own `fail` marks its message, sprig's, which alone is known here, does not
            Some(message) => {
                error.text().split(": error calling fail: ").next().map(|head| format!("{head}: error calling fail: {message}"))
            }
            None => None,
        };
        RenderError::Name(text.unwrap_or_else(|| error.text().to_owned()))
    })
}
