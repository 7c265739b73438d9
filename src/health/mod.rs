//! Health of single objects as kstatus judges it, the worst of many, and the deepest cause. Pure.
