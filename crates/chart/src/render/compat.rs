//! Where Helm 3 and Helm 4 differ in what a render prints.

/// Whose rules hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compat {
    /// Helm v3.22.0.
    #[default]
    Helm3,
    /// Helm v4.2.4: documents keep the white space at their end, and the kinds of webhook configurations have a place in the order.
    Helm4,
}
