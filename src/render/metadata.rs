//! x
/// x
pub enum Scope {}
