//! The rendered files as `helm lint` wants them: `fail` and `required` only leave a word.

use std::collections::BTreeMap;

use super::{How, Input, RenderError, Shared, execute, scope, take_notes};
use crate::template::with_stack;
use crate::values::{self, tree};

/// The files of a chart by path, rendered in Helm's lint mode: its `TemplatesWithSkipSchemaValidation` (lint/rules/template.go).
/// None where the values cannot be combined, which Helm's linter passes over in silence.
///
/// # Errors
/// Where values break a schema or a template fails.
pub(crate) fn lint_files(input: &Input<'_>, log: &mut Vec<String>) -> Result<Option<BTreeMap<String, String>>, RenderError> {
    on_stack(input, |input| {
        let user = tree::from_json_map(input.values);
        let mut work = values::Work::new(&input.limits);
        let Ok(family) = values::process_dependencies(input.chart, &user, &mut work, log) else { return Ok(None) };
        let Ok(first) = values::coalesce_values(&family.root, &user, &mut work, log) else { return Ok(None) };
        // Helm combines what is combined already once more
        let values = values::coalesce_values(&family.root, &first, &mut work, log)?;
        if !input.options.skip_schema {
            values::schema::validate_all(&family.root, &values)?;
        }
        let (root, templates) = scope::templates(&family, &values, input);
        let (files, ..) = execute(input, &root, templates, How::Lint, log)?;
        Ok(Some(files))
    })
}

/// The files of a chart as they are before they are split into documents.
pub(super) fn rendered_files(input: &Input<'_>) -> Result<BTreeMap<String, String>, RenderError> {
    on_stack(input, |input| {
        let user = tree::from_json_map(input.values);
        let mut work = values::Work::new(&input.limits);
        let family = values::process_dependencies(input.chart, &user, &mut work, &mut Vec::new())?;
        let values = values::coalesce_values(&family.root, &user, &mut work, &mut Vec::new())?;
        let (root, templates) = scope::templates(&family, &values, input);
        let (mut files, ..) = execute(input, &root, templates, How::Plain, &mut Vec::new())?;
        take_notes(&mut files, input);
        Ok(files)
    })
}

fn on_stack<T: Send>(input: &Input<'_>, work: impl FnOnce(&Input<'_>) -> Result<T, RenderError> + Send) -> Result<T, RenderError> {
    let input = Shared(input);
    with_stack(|| work(input.get())).map_err(|e| RenderError::Stack(e.to_string()))?
}
