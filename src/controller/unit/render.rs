//! Rendering a release: the chart with its values, asked again until no `lookup` is unanswered, into a placed target.

use super::prepare::ReleaseSpec;
use super::run::{content, failure, surroundings};
use crate::controller::context::Context;
use crate::object::{Json, Manifest, Origin};
use crate::release::{Failure, RunAction, UnitKey};
use crate::render::chart::Loaded;
use crate::render::target::{Payload, Target};

/// Renders.
pub(super) async fn render(
    _ctx: &Context,
    _key: &UnitKey,
    _release: &ReleaseSpec,
    _chart: &Loaded,
    _values: &Json,
    _action: RunAction,
    _number: u32,
) -> Result<Target, Failure> {
    Err(surroundings("charts are not rendered yet".into()))
}
