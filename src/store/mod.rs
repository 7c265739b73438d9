//! The embedded revision store on sled: journal, revisions, content, drift episodes. Edge.
