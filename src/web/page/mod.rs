//! The pages, one file each: what they are made of, as fragments.

pub(super) mod drift;
pub(super) mod help;
pub(super) mod history;
pub(super) mod inbox;
pub(super) mod layout;
pub(super) mod list;
pub(super) mod objects;
pub(super) mod overview;
pub(super) mod sources;
pub(super) mod unit;
