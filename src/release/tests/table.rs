//! Facts, the state that they are, and what is decided: one line each, as docs/architecture.md, docs/design and Flux's API say it.
//!
//! `history | wanted and facts | state | decision`
//!
//! - a revision: `2:f=v2`, or `3:d<-v1` where it was made by a rollback; statuses `pi` `pu` `pr` (pending), `d`eployed, `s`uperseded,
//!   `f`ailed, `un`installed, `ui` (uninstalling); with `+t` its tests succeeded, with `+x` they failed
//! - an attempt: `v2`, the same version with other content `v2*`, with other values `v2+y`, under another spec `v2/s`, from a commit
//!   elsewhere in the repository `v2@other`, with digests unknown `v2~`, wholly unknown `-`
//! - facts: `live=?` (not compared yet; the default), `live=2` (fields differ), `asked`, `forced`, `pinned=1`, `quarantine=v2`,
//!   `failures=2`, `run=upgrade:v2`, `by-revision`, `correct`, `install(…)` and `upgrade(…)` with `retries=n`, `last`, `uninstall`,
//!   `retry` (strategy RetryOnFailure), `ignore` (failures of tests), `tests` (asked for), `done=resume`

use super::super::decide::{Action, Decision, decide};
use super::super::record::*;
use super::super::state::{Cause, Facts, State, observe};
use super::{record, revision, want};
use jiff::Timestamp;

const ROWS: &str = "
# Nothing is there: it is installed, unless the same was refused before its first write.
                                    | v1                                   | Absent                 | install
                                    | v1 live=0                            | Absent                 | install
                                    | v1 live=3 correct                    | Absent                 | install
                                    | v1 asked                             | Absent                 | install
                                    | v1 asked forced                      | Absent                 | install
                                    | v1 by-revision                       | Absent                 | install
                                    | v1 quarantine=v1                     | Quarantined            | hold
                                    | v1@other quarantine=v1               | Quarantined            | hold
                                    | v1 quarantine=v1 asked               | Absent                 | install
                                    | v1 quarantine=v1 forced              | Absent                 | install
                                    | v2 quarantine=v1                     | Absent                 | install
                                    | v1* quarantine=v1                    | Absent                 | install
                                    | v1+y quarantine=v1                   | Absent                 | install
                                    | v1/s quarantine=v1                   | Absent                 | install
                                    | v1 failures=1 install(retries=2)     | Absent                 | install
                                    | v1 failures=1 install(retries=-1)    | Absent                 | install
                                    | v1 done=uninstall                    | Absent                 | install
                                    | v1 done=install                      | Absent                 | hold
1:un=v1                             | v1                                   | Absent                 | install
1:un=v1                             | v2                                   | Absent                 | install
1:s=v1 2:un=v2                      | v1                                   | Absent                 | install

# Deployed and wanted as it is: compared with the cluster once, then left alone.
1:d=v1                              | v1                                   | NeedsLive              | compare
1:d=v1                              | v1 live=0                            | Settled                | finish
1:d=v1                              | v1@other live=0                      | Settled                | finish
1:d=v1                              | v1 live=0 asked                      | Settled                | finish
1:d=v1                              | v1 live=? asked                      | NeedsLive              | compare
1:d=v1                              | v1 by-revision live=0                | Settled                | finish
1:d=v1                              | v1 live=0 correct                    | Settled                | finish
1:d=v1                              | v1 live=0 failures=3                 | Settled                | finish
1:d=v1                              | v1 live=0 quarantine=v2              | Settled                | finish
1:s=v1 2:d=v2                       | v2 live=0                            | Settled                | finish
1:f=v1 2:d=v1                       | v1 live=0                            | Settled                | finish
1:f=v1 2:d=v2                       | v2 live=?                            | NeedsLive              | compare

# Drift: shown, and put right where that is asked for; a request alone does not ask for it.
1:d=v1                              | v1 live=2                            | Drifted 2              | finish
1:d=v1                              | v1 live=2 asked                      | Drifted 2              | finish
1:d=v1                              | v1 live=2 correct                    | Drifted 2              | correct
1:d=v1                              | v1 live=2 correct by-revision        | Drifted 2              | correct
1:d=v1                              | v1 live=2 correct done=correct       | Drifted 2              | hold
1:d=v1                              | v1 live=1 correct done=resume        | Drifted 1              | correct
1:s=v1 2:d=v2                       | v2 live=1 correct                    | Drifted 1              | correct
1:d=v1                              | v2 live=2 correct                    | Outdated content       | upgrade
1:d=v1                              | v1+y live=2 correct                  | Outdated values        | upgrade

# A force upgrades once even where nothing changed (forceAt with requestedAt).
1:d=v1                              | v1 asked forced                      | Outdated requested     | upgrade
1:d=v1                              | v1 live=0 asked forced               | Outdated requested     | upgrade
1:d=v1                              | v1 live=2 correct asked forced       | Outdated requested     | upgrade
1:d=v1                              | v1* live=0 asked forced              | Outdated requested     | upgrade
1:d=v1                              | v2 asked forced                      | Outdated content       | upgrade
1:d=v1                              | v1 asked forced done=upgrade         | Outdated requested     | hold

# Something else is wanted.
1:d=v1                              | v2                                   | Outdated content       | upgrade
1:d=v1                              | v2 live=0                            | Outdated content       | upgrade
1:d=v1                              | v2 asked                             | Outdated content       | upgrade
1:d=v1                              | v1+y                                 | Outdated values        | upgrade
1:d=v1                              | v1/s                                 | Outdated spec          | upgrade
1:d=v1                              | v2+y                                 | Outdated content       | upgrade
1:d=v1                              | v1+y/s                               | Outdated values        | upgrade
1:d=v1                              | v2 failures=4                        | Outdated content       | upgrade
1:d=v1                              | v3 quarantine=v2                     | Outdated content       | upgrade
1:d=v1                              | v2 done=upgrade                      | Outdated content       | hold
1:d=v1                              | v2 done=correct                      | Outdated content       | upgrade
1:s=v1 2:d=v2                       | v1                                   | Outdated content       | upgrade
1:d=v1                              | v1 by-revision live=?                | NeedsLive              | compare

# reconcileStrategy ChartVersion: a chart that changed without its version is held, and that is shown; Revision: it is released.
1:d=v1                              | v1* live=0                           | Held                   | finish
1:d=v1                              | v1* live=?                           | NeedsLive              | compare
1:d=v1                              | v1* live=0 asked                     | Held                   | finish
1:d=v1                              | v1* live=2                           | Drifted 2              | finish
1:d=v1                              | v1* live=2 correct                   | Drifted 2              | correct
1:d=v1                              | v1*+y                                | Outdated values        | upgrade
1:d=v1                              | v1*/s                                | Outdated spec          | upgrade
1:d=v1                              | v1* by-revision                      | Outdated content       | upgrade
1:d=v1                              | v1* by-revision live=0               | Outdated content       | upgrade
1:d=v1                              | v2 by-revision                       | Outdated content       | upgrade
1:d=v1                              | v1+y by-revision                     | Outdated values        | upgrade

# A failed upgrade, nothing said about remediation: back to the last good one.
1:d=v1 2:f=v2                       | v2 failures=1                        | Failed upgrade         | roll back to 1
1:d=v1 2:f=v2                       | v2@other failures=1                  | Failed upgrade         | roll back to 1
1:d=v1 2:f=v2                       | v2 failures=9                        | Failed upgrade         | roll back to 1
1:d=v1 2:f=v2                       | v2 failures=1 live=0                 | Failed upgrade         | roll back to 1
1:d=v1 2:f=v2                       | v2 failures=1 by-revision correct    | Failed upgrade         | roll back to 1
1:s=v1 2:d=v2 3:f=v3                | v3 failures=1                        | Failed upgrade         | roll back to 2
1:s=v1 2:f=v2 3:d<-v1 4:f=v3        | v3 failures=1                        | Failed upgrade         | roll back to 3
1:d=v1 2:f=v2 3:f=v3                | v3 failures=1                        | Failed upgrade         | roll back to 1
1:s=v1 2:s=v2 3:f=v3                | v3 failures=1                        | Failed upgrade         | roll back to 2
1:f=v1 2:d=v2 3:f=v3                | v3 failures=1                        | Failed upgrade         | roll back to 2
1:d=v1 2:f=v2                       | v2 failures=1 done=rollback          | Failed upgrade         | hold
1:d=v1 2:f=v2                       | v2 failures=1 done=upgrade           | Failed upgrade         | roll back to 1
1:d=v1 2:f=v2                       | v2 asked                             | Outdated requested     | upgrade
1:d=v1 2:f=v2                       | v2 asked forced                      | Outdated requested     | upgrade
1:d=v1 2:f=v2                       | v3 failures=1                        | Outdated content       | upgrade
1:d=v1 2:f=v2                       | v2* failures=1                       | Outdated content       | upgrade
1:d=v1 2:f=v2                       | v2+y failures=1                      | Outdated values        | upgrade
1:d=v1 2:f=v2                       | v2/s failures=1                      | Outdated spec          | upgrade
# A revert in Git before the rollback: half of v2 is live, so v1 is applied.
1:d=v1 2:f=v2                       | v1 failures=1                        | Outdated content       | upgrade

# A failed upgrade with remediation as Flux defines it: retries, remediateLastFailure, strategy.
1:d=v1 2:f=v2                       | v2 failures=1 upgrade(retries=0)               | Failed upgrade | stall
1:d=v1 2:f=v2                       | v2 failures=1 upgrade(retries=0,last)          | Failed upgrade | roll back to 1
1:d=v1 2:f=v2                       | v2 failures=1 upgrade(retries=2)               | Failed upgrade | roll back to 1
1:d=v1 2:f=v2                       | v2 failures=2 upgrade(retries=2)               | Failed upgrade | roll back to 1
1:d=v1 2:f=v2                       | v2 failures=3 upgrade(retries=2)               | Failed upgrade | stall
1:d=v1 2:f=v2                       | v2 failures=3 upgrade(retries=2,last)          | Failed upgrade | roll back to 1
1:d=v1 2:f=v2                       | v2 failures=99 upgrade(retries=-1)             | Failed upgrade | roll back to 1
1:d=v1 2:f=v2                       | v2 failures=1 upgrade(retries=2,uninstall)     | Failed upgrade | uninstall
1:d=v1 2:f=v2                       | v2 failures=3 upgrade(retries=2,uninstall)     | Failed upgrade | stall
1:d=v1 2:f=v2                       | v2 failures=3 upgrade(retries=2,last,uninstall) | Failed upgrade | uninstall
1:d=v1 2:f=v2                       | v2 failures=1 upgrade(retries=2,uninstall) done=uninstall | Failed upgrade | hold
1:d=v1 2:f=v2                       | v2 failures=1 install(retries=2)               | Failed upgrade | roll back to 1
1:d=v1 2:f=v2                       | v3 failures=3 upgrade(retries=2)               | Outdated content | upgrade
1:d=v1 2:f=v2                       | v2 asked upgrade(retries=0)                    | Outdated requested | upgrade
# The strategy RetryOnFailure: the same again after a pause that the shell keeps, without a remedy between.
1:d=v1 2:f=v2                       | v2 failures=1 upgrade(retry)         | Failed upgrade | upgrade
1:d=v1 2:f=v2                       | v2 failures=9 upgrade(retry)         | Failed upgrade | upgrade
1:d=v1 2:f=v2                       | v2 failures=1 upgrade(retry) done=upgrade | Failed upgrade | hold
1:d=v1 2:f=v2                       | v3 failures=1 upgrade(retry)         | Outdated content | upgrade
1:d=v1 2:f=v2 3:f<-v1               | v2 quarantine=v2 upgrade(retry)      | Failed rollback | roll back to 1
1:f=v1                              | v1 failures=1 install(retry)         | Failed install | upgrade
1:f=v1                              | v1 failures=1 upgrade(retry)         | Failed install | stall
# After the rollback of an attempt that may be repeated there is no quarantine.
1:s=v1 2:f=v2 3:d<-v1               | v2 failures=1 upgrade(retries=2)               | Outdated content | upgrade
1:s=v1 2:f=v2 3:d<-v1 4:f=v2        | v2 failures=2 upgrade(retries=2)               | Failed upgrade | roll back to 3

# A failed first install is kept and repaired, unless the object says otherwise; Flux's remediation of an install uninstalls.
1:f=v1                              | v1 failures=1                        | Failed install         | stall
1:f=v1                              | v1 failures=1 upgrade(retries=3)     | Failed install         | stall
1:f=v1                              | v1@other failures=1                  | Failed install         | stall
1:f=v1                              | v2 failures=1                        | Outdated content       | upgrade
1:f=v1                              | v1* failures=1                       | Outdated content       | upgrade
1:f=v1                              | v1+y failures=1                      | Outdated values        | upgrade
1:f=v1                              | v1/s failures=1                      | Outdated spec          | upgrade
1:f=v1                              | v1 asked                             | Outdated requested     | upgrade
1:f=v1                              | v1 failures=1 install(retries=0)     | Failed install         | stall
1:f=v1                              | v1 failures=1 install(retries=0,last) | Failed install        | uninstall
1:f=v1                              | v1 failures=1 install(retries=1)     | Failed install         | uninstall
1:f=v1                              | v1 failures=2 install(retries=1)     | Failed install         | stall
1:f=v1                              | v1 failures=2 install(retries=1,last) | Failed install        | uninstall
1:f=v1                              | v1 failures=50 install(retries=-1)   | Failed install         | uninstall
1:f=v1                              | v1 failures=1 install(retries=1) done=uninstall | Failed install | hold
1:f=v1 2:f=v2                       | v2 failures=1                        | Failed upgrade         | stall
1:un=v1 2:f=v2                      | v2 failures=1                        | Failed upgrade         | stall

# Rolled back: what failed is not tried again as it is, until something of it changes or a person asks.
1:s=v1 2:f=v2 3:d<-v1               | v2 quarantine=v2                     | NeedsLive              | compare
1:s=v1 2:f=v2 3:d<-v1               | v2 quarantine=v2 live=0              | Quarantined            | hold
1:s=v1 2:f=v2 3:d<-v1               | v2@other quarantine=v2 live=0        | Quarantined            | hold
1:s=v1 2:f=v2 3:d<-v1               | v2 quarantine=v2 live=2              | Quarantined            | hold
1:s=v1 2:f=v2 3:d<-v1               | v2 quarantine=v2 live=2 correct      | Drifted 2              | correct
1:s=v1 2:f=v2 3:d<-v1               | v2 quarantine=v2 live=2 correct done=correct | Drifted 2      | hold
1:s=v1 2:f=v2 3:d<-v1               | v2 quarantine=v2 asked               | Outdated content       | upgrade
1:s=v1 2:f=v2 3:d<-v1               | v2 quarantine=v2 forced asked        | Outdated content       | upgrade
1:s=v1 2:f=v2 3:d<-v1               | v3 quarantine=v2                     | Outdated content       | upgrade
1:s=v1 2:f=v2 3:d<-v1               | v2* quarantine=v2                    | Outdated content       | upgrade
1:s=v1 2:f=v2 3:d<-v1               | v2+y quarantine=v2                   | Outdated content       | upgrade
1:s=v1 2:f=v2 3:d<-v1               | v2/s quarantine=v2                   | Outdated content       | upgrade
1:s=v1 2:f=v2 3:d<-v1               | v1 quarantine=v2                     | NeedsLive              | compare
1:s=v1 2:f=v2 3:d<-v1               | v1 quarantine=v2 live=0              | Settled                | finish
1:s=v1 2:f=v2 3:d<-v1               | v1+y quarantine=v2                   | Outdated values        | upgrade
1:s=v1 2:f=v1+y 3:d<-v1             | v1+y quarantine=v1+y live=0          | Quarantined            | hold
1:s=v1 2:f=v1+y 3:d<-v1             | v1 quarantine=v1+y live=0            | Settled                | finish
1:s=v1 2:f=v2 3:d<-v1               | v2 quarantine=v2~ live=0             | Quarantined            | hold
# The rollback failed too: it alone is tried again (the shell pauses before), until something else is wanted.
1:d=v1 2:f=v2 3:f<-v1               | v2 quarantine=v2                     | Failed rollback        | roll back to 1
1:d=v1 2:f=v2 3:f<-v1               | v2 quarantine=v2 done=rollback       | Failed rollback        | hold
1:s=v1 2:d=v2 3:f=v3 4:f<-v2 5:f<-v2 | v3 quarantine=v3                    | Failed rollback        | roll back to 2
1:d=v1 2:f=v2 3:f<-v1               | v2 quarantine=v2 asked               | Outdated content       | upgrade
1:d=v1 2:f=v2 3:f<-v1               | v3 quarantine=v2                     | Outdated content       | upgrade
1:d=v1 2:f=v2 3:f<-v1               | v1 quarantine=v2                     | Failed rollback        | roll back to 1
# Refused before its first write: what is deployed is guarded meanwhile.
1:d=v1                              | v2 quarantine=v2                     | NeedsLive              | compare
1:d=v1                              | v2 quarantine=v2 live=0              | Quarantined            | hold
1:d=v1                              | v2 quarantine=v2 live=1 correct      | Drifted 1              | correct
1:d=v1                              | v2 quarantine=v2 asked               | Outdated content       | upgrade

# A person went back to a revision: held until resumed, whatever Git says, and guarded against drift.
1:s=v1 2:s=v2 3:d<-v1               | v2 pinned=1                          | NeedsLive              | compare
1:s=v1 2:s=v2 3:d<-v1               | v2 pinned=1 live=0                   | Pinned 1               | hold
1:s=v1 2:s=v2 3:d<-v1               | v3 pinned=1 live=0                   | Pinned 1               | hold
1:s=v1 2:s=v2 3:d<-v1               | v3 pinned=1 live=0 asked             | Pinned 1               | hold
1:s=v1 2:s=v2 3:d<-v1               | v3 pinned=1 live=0 asked forced      | Pinned 1               | hold
1:s=v1 2:s=v2 3:d<-v1               | v2 pinned=1 live=2                   | Pinned 1               | hold
1:s=v1 2:s=v2 3:d<-v1               | v2 pinned=1 live=2 correct           | Drifted 2              | correct
1:s=v1 2:s=v2 3:d<-v1               | v2 pinned=1 quarantine=v2 live=0     | Pinned 1               | hold
1:s=v1 2:s=v2 3:d<-v1               | v2 live=0                            | Outdated content       | upgrade
1:s=v1 2:d=v2 3:f<-v1               | v2 pinned=1                          | Failed rollback        | roll back to 1
1:s=v1 2:d=v2 3:f<-v1               | v3 pinned=1                          | Failed rollback        | roll back to 1
1:f=v1 2:d=v2 3:f<-v1               | v3 pinned=1                          | Failed rollback        | stall
1:s=v1 2:d=v2 3:pr<-v1              | v2 pinned=1 run=rollback:v1          | Running                | resume

# A run under way is gone on with, found or begun; something newer supersedes it, but never a rollback or a removal.
1:pi=v1                             | v1 run=install:v1                    | Running                | resume
1:pi=v1                             | v1@other run=install:v1              | Running                | resume
1:pi=v1                             | v2 run=install:v1                    | Superseded             | supersede
1:pi=v1                             | v1+y run=install:v1                  | Superseded             | supersede
1:d=v1 2:pu=v2                      | v2 run=upgrade:v2                    | Running                | resume
1:d=v1 2:pu=v2                      | v2 run=upgrade:v2 live=2 correct     | Running                | resume
1:d=v1 2:pu=v2                      | v2 run=upgrade:v2 asked              | Running                | resume
1:d=v1 2:pu=v2                      | v2 run=upgrade:v2 asked forced       | Running                | resume
1:d=v1 2:pu=v2                      | v2 run=upgrade:v2 quarantine=v2      | Running                | resume
1:d=v1 2:pu=v2                      | v2@other run=upgrade:v2              | Running                | resume
1:d=v1 2:pu=v2                      | v2 run=upgrade:v2 done=resume        | Running                | hold
1:d=v1 2:pu=v2                      | v2 run=upgrade:v2 done=upgrade       | Running                | resume
1:d=v1 2:pu=v2                      | v3 run=upgrade:v2                    | Superseded             | supersede
1:d=v1 2:pu=v2                      | v1 run=upgrade:v2                    | Superseded             | supersede
1:d=v1 2:pu=v2                      | v2* run=upgrade:v2                   | Superseded             | supersede
1:d=v1 2:pu=v2                      | v2* by-revision run=upgrade:v2       | Superseded             | supersede
1:d=v1 2:pu=v2                      | v2+y run=upgrade:v2                  | Superseded             | supersede
1:d=v1 2:pu=v2                      | v2/s run=upgrade:v2                  | Superseded             | supersede
1:d=v1 2:pu=v2                      | v3 run=upgrade:v2 done=supersede     | Superseded             | hold
1:d=v1 2:f=v2 3:pr<-v1              | v2 run=rollback:v1                   | Running                | resume
1:d=v1 2:f=v2 3:pr<-v1              | v3 run=rollback:v1                   | Running                | resume
1:d=v1 2:f=v2 3:pr<-v1              | v3 run=rollback:v1 asked forced      | Running                | resume
1:f=v1                              | v1 run=uninstall:v1                  | Running                | resume
1:f=v1                              | v2 run=uninstall:v1                  | Running                | resume
# After a supersession the cut-off revision is failed, and the newer target is next.
1:d=v1 2:f=v2                       | v3 done=supersede                    | Outdated content       | upgrade

# An operation of another tool never ended: unlocked, whatever else holds, then upgraded from there.
1:pi=-                              | v1                                   | Locked 1               | unlock 1
1:d=v1 2:pu=-                       | v1                                   | Locked 2               | unlock 2
1:d=v1 2:pu=-                       | v2 live=0                            | Locked 2               | unlock 2
1:d=v1 2:pr=-                       | v1                                   | Locked 2               | unlock 2
1:d=v1 2:ui=-                       | v1                                   | Locked 2               | unlock 2
1:s=v1 2:f=v2 3:d<-v1 4:pu=-        | v2 quarantine=v2                     | Locked 4               | unlock 4
1:s=v1 2:s=v2 3:d<-v1 4:pu=-        | v2 pinned=1                          | Locked 4               | unlock 4
1:d=v1 2:pu=-                       | v1 done=unlock                       | Locked 2               | hold
1:d=v1 2:f=-                        | v1 done=unlock                       | Outdated content       | upgrade
1:d=v1 2:f=-                        | v2                                   | Outdated content       | upgrade
1:f=-                               | v1                                   | Outdated content       | upgrade

# Taken over: what another tool made is not known to be what is wanted, and is upgraded once.
1:d=-                               | v1                                   | Outdated content       | upgrade
1:s=- 2:d=-                         | v1 by-revision                       | Outdated content       | upgrade
# Rebuilt from a status without digests: the version decides.
1:d=v1~                             | v1 live=0                            | Settled                | finish
1:d=v1~                             | v1 live=0 by-revision                | Settled                | finish
1:d=v1~                             | v1/s live=0                          | Settled                | finish
1:d=v1~                             | v2                                   | Outdated content       | upgrade
1:d=v1~                             | v1+y                                 | Outdated values        | upgrade
1:d=v1 2:f=v2~                      | v2 failures=1                        | Failed upgrade         | roll back to 1

# Tests of the release (spec.test.enable): once for each revision; a failed one fails it, unless failures are ignored.
1:d=v1                              | v1 tests                             | Untested               | test
1:d=v1                              | v1 tests live=2 correct              | Untested               | test
1:d=v1                              | v1 tests done=test                   | Untested               | hold
1:d=v1                              | v2 tests                             | Outdated content       | upgrade
1:d+t=v1                            | v1 tests                             | NeedsLive              | compare
1:d+t=v1                            | v1 tests live=0                      | Settled                | finish
1:d+t=v1                            | v1 tests live=1 correct              | Drifted 1              | correct
1:d+x=v1                            | v1 tests live=0 install(ignore)      | Settled                | finish
1:f+x=v1                            | v1 tests failures=1                  | Failed install         | stall
1:f+x=v1                            | v1 tests failures=1 install(retries=1) | Failed install       | uninstall
1:d+t=v1 2:f+x=v2                   | v2 tests failures=1                  | Failed upgrade         | roll back to 1
1:d+t=v1 2:f+x=v2                   | v2 tests failures=1 upgrade(retries=0) | Failed upgrade       | stall
1:s+t=v1 2:f+x=v2 3:d<-v1           | v2 tests quarantine=v2 live=0        | Quarantined            | hold
1:s+t=v1 2:f+x=v2 3:d<-v1           | v1 tests live=0                      | Settled                | finish
# A revision whose tests failed, and were ignored then, is no revision to go back to.
1:s+t=v1 2:d+x=v2 3:f=v3            | v3 tests failures=1                  | Failed upgrade         | roll back to 1
1:s+t=v1 2:d+x=v2 3:f=v3            | v3 tests failures=1 upgrade(retries=1,ignore) | Failed upgrade | roll back to 2
";

/// A row, read.
struct Row {
    want: Want,
    record: UnitRecord,
    drifted: Option<usize>,
    requested: bool,
    forced: bool,
    done: Vec<Action>,
}

fn attempt_of(text: &str) -> Attempt {
    if text == "-" {
        return Attempt::default();
    }
    let (text, elsewhere) = text.strip_suffix("@other").map_or((text, false), |t| (t, true));
    let (text, unknown) = text.strip_suffix('~').map_or((text, false), |t| (t, true));
    let (text, shape) = text.split_once('/').unwrap_or((text, "n"));
    let (text, config) = text.split_once('+').unwrap_or((text, "x"));
    let version = text.trim_end_matches('*');
    Attempt {
        source_revision: if elsewhere { "main@sha1:ffff".into() } else { format!("main@sha1:{text}") },
        version: version.into(),
        content: if unknown { String::new() } else { text.into() },
        config: config.into(),
        shape: if unknown { String::new() } else { shape.into() },
    }
}

fn revision_of(text: &str) -> RevisionMeta {
    use RevisionStatus::{Deployed, Failed, PendingInstall, PendingRollback, PendingUpgrade, Superseded, Uninstalled, Uninstalling};
    let (number, rest) = text.split_once(':').expect("number:status");
    let number: u32 = number.parse().expect("a number");
    let (status, of, back) = match rest.split_once("<-") {
        Some((status, of)) => (status, of, true),
        None => rest.split_once('=').map(|(status, of)| (status, of, false)).expect("status=attempt"),
    };
    let (status, tests) = status.split_once('+').map_or((status, None), |(status, tests)| (status, Some(tests)));
    let phase = |tests| if tests == "x" { TestPhase::Failed } else { TestPhase::Succeeded };
    let tests = tests.map(|tests| [("t".to_owned(), TestRun { phase: Some(phase(tests)), ..TestRun::default() })].into());
    let status = match status {
        "pi" => PendingInstall,
        "pu" => PendingUpgrade,
        "pr" => PendingRollback,
        "d" => Deployed,
        "s" => Superseded,
        "f" => Failed,
        "un" => Uninstalled,
        "ui" => Uninstalling,
        other => panic!("status {other}"),
    };
    let action = match (back, number) {
        (true, _) => RunAction::Rollback,
        (_, 1) => RunAction::Install,
        _ => RunAction::Upgrade,
    };
    RevisionMeta { action, tests, ..revision(number, status, attempt_of(of)) }
}

fn remedy_of(text: &str) -> Remedy {
    let mut remedy = Remedy { retries: Some(0), remedy_last: false, ..Remedy::DEFAULT };
    for word in text.trim_end_matches(')').split(',') {
        match word.split_once('=') {
            Some(("retries", n)) => remedy.retries = Some(n.parse().expect("a number")),
            None if word == "last" => remedy.remedy_last = true,
            None if word == "retry" => remedy.retry = Some(jiff::SignedDuration::from_secs(5)),
            None if word == "ignore" => remedy.ignore_tests = true,
            None if word == "uninstall" => remedy.strategy = RemedyStrategy::Uninstall,
            _ => panic!("remedy {word}"),
        }
    }
    remedy
}

fn done_of(text: &str) -> Action {
    match text {
        "install" => Action::Install,
        "upgrade" => Action::Upgrade(Cause::Content),
        "resume" => Action::Resume,
        "supersede" => Action::Supersede,
        "rollback" => Action::RollBack { to: 1 },
        "uninstall" => Action::Uninstall,
        "unlock" => Action::Unlock(1),
        "correct" => Action::Correct,
        "test" => Action::Test,
        other => panic!("action {other}"),
    }
}

fn read(history: &str, facts: &str) -> Row {
    let mut words = facts.split_whitespace();
    let wanted = attempt_of(words.next().expect("what is wanted"));
    let mut row = Row {
        want: want(wanted),
        record: record(history.split_whitespace().map(revision_of).collect()),
        drifted: None,
        requested: false,
        forced: false,
        done: Vec::new(),
    };
    for word in words {
        let number = |text: &str| text.parse::<u32>().expect("a number");
        match word.split_once(['=', '(']) {
            None if word == "asked" => row.requested = true,
            None if word == "forced" => row.forced = true,
            None if word == "tests" => row.want.tests = true,
            None if word == "correct" => row.want.correct_drift = true,
            None if word == "by-revision" => row.want.strategy = Strategy::Revision,
            Some(("live", "?")) => {}
            Some(("live", n)) => row.drifted = Some(number(n) as usize),
            Some(("pinned", n)) => row.record.pinned = Some(number(n)),
            Some(("failures", n)) => row.record.failures = number(n),
            Some(("install", text)) => row.want.install = remedy_of(text),
            Some(("upgrade", text)) => row.want.upgrade = remedy_of(text),
            Some(("done", text)) => row.done.push(done_of(text)),
            Some(("quarantine", of)) => {
                row.record.quarantine =
                    Some(Quarantine { attempt: attempt_of(of), message: "failed".into(), since: Timestamp::UNIX_EPOCH, restored: None });
            }
            Some(("run", text)) => {
                let (action, of) = text.split_once(':').expect("action:attempt");
                let action = match action {
                    "install" => RunAction::Install,
                    "upgrade" => RunAction::Upgrade,
                    "rollback" => RunAction::Rollback,
                    _ => RunAction::Uninstall,
                };
                let revision = row.record.last().map_or(1, |r| r.number);
                row.record.run = Some(super::run_of(revision, action, attempt_of(of)));
            }
            _ => panic!("fact {word}"),
        }
    }
    row
}

fn state_words(state: &State) -> String {
    let cause = |cause: &Cause| match cause {
        Cause::Content => "content",
        Cause::Values => "values",
        Cause::Spec => "spec",
        Cause::Requested => "requested",
        Cause::Retried => "retried",
    };
    match state {
        State::Running { superseded: false } => "Running".into(),
        State::Running { superseded: true } => "Superseded".into(),
        State::Locked { revision } => format!("Locked {revision}"),
        State::Outdated(why) => format!("Outdated {}", cause(why)),
        State::Quarantined(_) => "Quarantined".into(),
        State::Failed { action, .. } => format!("Failed {}", action.as_str()),
        State::Drifted(fields) => format!("Drifted {fields}"),
        State::Pinned(revision) => format!("Pinned {revision}"),
        other => format!("{other:?}"),
    }
}

fn decision_words(decision: &Decision) -> String {
    match decision {
        Decision::Finish => "finish".into(),
        Decision::Compare => "compare".into(),
        Decision::Hold(_) => "hold".into(),
        Decision::Stall(_) => "stall".into(),
        Decision::Act(action) => match action {
            Action::Install => "install".into(),
            Action::Upgrade(_) => "upgrade".into(),
            Action::Resume => "resume".into(),
            Action::Supersede => "supersede".into(),
            Action::RollBack { to } => format!("roll back to {to}"),
            Action::Uninstall => "uninstall".into(),
            Action::Unlock(revision) => format!("unlock {revision}"),
            Action::Correct => "correct".into(),
            Action::Test => "test".into(),
        },
    }
}

#[test]
fn facts_states_and_decisions() {
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for line in ROWS.lines().map(str::trim_end).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let [history, facts, state, decision] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else { panic!("row {line}") };
        let row = read(history, facts);
        let seen =
            Facts { record: &row.record, drifted: row.drifted, requested: row.requested, forced: row.forced, now: Timestamp::UNIX_EPOCH };
        let found = observe(&row.want, &seen);
        let decided = decide(&found, &row.want, &row.record, &row.done);
        let found = (state_words(&found), decision_words(&decided));
        if found != (state.to_owned(), decision.to_owned()) {
            wrong.push(format!("{history} | {facts}\n    is {} | {}\n    should be {state} | {decision}", found.0, found.1));
        }
        rows.push((history, facts));
    }
    assert!(wrong.is_empty(), "{} rows are otherwise:\n{}", wrong.len(), wrong.join("\n"));
    let all = rows.len();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), all, "a row is there twice");
    assert!(all >= 150, "{all} rows");
}
