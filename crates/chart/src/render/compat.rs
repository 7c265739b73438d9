//! Where Helm 3 and Helm 4 differ in what a render prints.

/// Whose rules hold where Helm 3 and Helm 4 differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compat {
    /// Helm v3.22.0.
    #[default]
    Helm3,
    /// Helm v4.2.4: documents keep the white space at their end, and the kinds of webhook configurations have a place in the order.
    Helm4,
}

/// An error of a render as Helm 4 words it: the places of nested templates stand one below the other
/// (its `reformatExecErrorMsg`, engine/engine.go).
pub fn helm4_text(error: &str) -> String {
    let error = error.replace("releaseutil.SimpleHead", "util.SimpleHead").replace("chartutil.Values", "common.Values");
    let (mut out, mut rest) = (String::new(), error.as_str());
    while let Some(step) = Step::read(rest) {
        out.push_str(&format!("{}\n  executing {} at <{}>:\n    {}\n", step.place, step.template, step.action, step.message));
        match step.inner {
            Some(inner) => rest = inner,
            // what a function said is no text of the template package: Helm leaves all as it was
            None if step.message.starts_with("error calling ") => return error,
            None => return out.trim().to_owned(),
        }
    }
    error
}

/// One template on the way to the action that failed.
struct Step<'a> {
    place: &'a str,
    template: &'a str,
    action: &'a str,
    message: &'a str,
    /// The error of the template that was included there.
    inner: Option<&'a str>,
}

impl<'a> Step<'a> {
    fn read(error: &'a str) -> Option<Self> {
        let (place, rest) = error.strip_prefix("template: ")?.split_once(": executing ")?;
        let (template, rest) = rest.split_once(" at <")?;
        let (action, message) = rest.split_once(">: ")?;
        let cut = message.find(" template:");
        let direct =
            cut.filter(|cut| message[..*cut].strip_prefix("error calling ").is_some_and(|name| name.find(':') == Some(name.len() - 1)));
        let inner = direct.map(|cut| message[cut..].trim_start());
        Some(Self { place, template, action, message: cut.map_or(message, |cut| &message[..cut]), inner })
    }
}
