//! The release state machine: observe, decide, summarise. Pure: it fetches nothing and writes nothing.
