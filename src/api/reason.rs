//! The reasons that conditions and events carry: Flux's words where Flux has one.

use super::strings::words;

words! {
    /// Why a condition is as it is, in one word for programs.
    pub enum Reason {
        // Every kind
        /// It worked.
        Succeeded = "Succeeded",
        /// It failed.
        Failed = "Failed",
        /// Work is under way.
        Progressing = "Progressing",
        /// Work is under way again after a failure.
        ProgressingWithRetry = "ProgressingWithRetry",
        /// It would be uninstalled and installed anew; that waits for an approval.
        ReinstallHeld = "ReinstallHeld",
        /// Reconciliation is switched off by `spec.suspend`.
        Suspended = "Suspended",
        /// An object that must be ready first is not.
        DependencyNotReady = "DependencyNotReady",
        /// The whole reconciliation worked.
        ReconciliationSucceeded = "ReconciliationSucceeded",
        /// The reconciliation failed.
        ReconciliationFailed = "ReconciliationFailed",
        /// Health checks were given up for a newer revision.
        HealthCheckCanceled = "HealthCheckCanceled",
        /// Objects did not become healthy.
        HealthCheckFailed = "HealthCheckFailed",
        /// A CEL expression cannot be used.
        InvalidCELExpression = "InvalidCELExpression",
        /// The source is not ready yet.
        SourceNotReady = "SourceNotReady",
        /// The referenced object may not be used from this namespace.
        AccessDenied = "AccessDenied",
        /// The state could not be found out.
        StateError = "StateError",
        /// The client for the cluster could not be made.
        RESTClientError = "RESTClientError",
        /// The field needs a feature gate that is off.
        FeatureGateDisabled = "FeatureGateDisabled",
        /// The URL cannot be used.
        InvalidURL = "InvalidURL",
        /// The connection would be insecure.
        InsecureConnectionsDisallowed = "InsecureConnectionsDisallowed",
        /// The kind of connection is not supported.
        UnsupportedConnectionType = "UnsupportedConnectionType",

        // Sources
        /// The source's URL is invalid.
        URLInvalid = "URLInvalid",
        /// The credentials are missing, incomplete or refused.
        AuthenticationFailed = "AuthenticationFailed",
        /// A signature did not verify.
        VerificationError = "VerificationError",
        /// The path is not in the source.
        InvalidPath = "InvalidPath",
        /// The artifact is that of the source's revision.
        ArtifactUpToDate = "ArtifactUpToDate",
        /// A Git operation worked.
        GitOperationSucceeded = "GitOperationSucceeded",
        /// A Git operation failed.
        GitOperationFailed = "GitOperationFailed",
        /// The object could not be patched.
        PatchOperationFailed = "PatchOperationFailed",
        /// The artifact could not be stored.
        StorageOperationFailed = "StorageOperationFailed",
        /// The artifact's directory could not be made.
        DirectoryCreationFailed = "DirectoryCreationFailed",
        /// A path could not be looked at.
        StatOperationFailed = "StatOperationFailed",
        /// A file could not be read.
        ReadOperationFailed = "ReadOperationFailed",
        /// A lock could not be had.
        AcquireLockFailed = "AcquireLockFailed",
        /// The archive could not be made.
        ArchiveOperationFailed = "ArchiveOperationFailed",
        /// The link to the artifact could not be moved.
        SymlinkUpdateFailed = "SymlinkUpdateFailed",
        /// The cache failed.
        CacheOperationFailed = "CacheOperationFailed",

        // HelmRelease
        /// The install worked.
        InstallSucceeded = "InstallSucceeded",
        /// The install failed.
        InstallFailed = "InstallFailed",
        /// The upgrade worked.
        UpgradeSucceeded = "UpgradeSucceeded",
        /// The upgrade failed.
        UpgradeFailed = "UpgradeFailed",
        /// The tests passed.
        TestSucceeded = "TestSucceeded",
        /// A test failed.
        TestFailed = "TestFailed",
        /// The rollback worked.
        RollbackSucceeded = "RollbackSucceeded",
        /// The rollback failed.
        RollbackFailed = "RollbackFailed",
        /// The uninstall worked.
        UninstallSucceeded = "UninstallSucceeded",
        /// The uninstall failed.
        UninstallFailed = "UninstallFailed",
        /// Live objects differ.
        DriftDetected = "DriftDetected",
        /// Live objects are as applied.
        NoDriftDetected = "NoDriftDetected",
        /// Differing live objects were put right.
        DriftCorrected = "DriftCorrected",
        /// Differing live objects could not be put right.
        DriftCorrectionFailed = "DriftCorrectionFailed",
        /// Values could not be put together.
        ValuesError = "ValuesError",
        /// All allowed attempts are used up.
        RetriesExceeded = "RetriesExceeded",
        /// No earlier release can be gone back to.
        MissingRollbackTarget = "MissingRollbackTarget",
        /// A pending release was unlocked.
        PendingRelease = "PendingRelease",

        // Kustomization
        /// The source could not be read.
        ArtifactFailed = "ArtifactFailed",
        /// The manifests could not be built.
        BuildFailed = "BuildFailed",
        /// Objects that left the source could not be deleted.
        PruneFailed = "PruneFailed",

        // Ours
        /// The kind is installed and not served yet.
        NotSupported = "NotSupported",
        /// The spec uses fields that are not honoured yet.
        UnsupportedField = "UnsupportedField",
        /// The object itself is invalid.
        InvalidSpec = "InvalidSpec",
        /// The failed pair of source revision and values is not tried again until something changes.
        Quarantined = "Quarantined",
        /// The cluster was taken back to an older revision.
        RolledBack = "RolledBack",
        /// A chart changed without a new version and is held back by `reconcileStrategy: ChartVersion`.
        ChartHeld = "ChartHeld",
        /// Objects belong to someone else.
        OwnershipConflict = "OwnershipConflict",
        /// Another controller reconciles the same objects.
        AnotherController = "AnotherController",
        /// A commit deletes more than its budget.
        DeletionBudgetExceeded = "DeletionBudgetExceeded",
        /// A CRD of a chart is absent or differs, and the policy leaves it.
        CRDHeld = "CRDHeld",
        /// Objects that left the source are kept, because their kind is protected.
        PruneProtected = "PruneProtected",
        /// Correction backs off, because another writer keeps changing the same fields.
        DriftFight = "DriftFight",
        /// Pods restart because a Secret or ConfigMap that they read has changed.
        Restarted = "Restarted",
        /// A newer revision took the place of a waiting one.
        Superseded = "Superseded",
        /// A kind that the objects need does not exist in the cluster.
        MissingKind = "MissingKind",
        /// The API server cannot be reached or refuses for reasons outside of the content.
        ClusterUnavailable = "ClusterUnavailable",
        /// The chart cannot be rendered.
        RenderFailed = "RenderFailed",
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use crate::api::ConditionType;

    /// The words are a contract with alerts, dashboards and `kubectl wait`: a change here is a breaking change.
    #[test]
    fn words_are_pinned() {
        let conditions: Vec<_> = ConditionType::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(
            conditions.join(" "),
            "Ready Reconciling Stalled Healthy Released TestSuccess Remediated RolledBack Drifted Quarantined \
             UnsupportedFields ApprovalRequired Held ArtifactInStorage ArtifactOutdated SourceVerified FetchFailed BuildFailed \
             StorageOperationFailed"
        );
        let reasons: Vec<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(
            reasons.join(" "),
            "Succeeded Failed Progressing ProgressingWithRetry ReinstallHeld Suspended DependencyNotReady ReconciliationSucceeded \
             ReconciliationFailed HealthCheckCanceled HealthCheckFailed InvalidCELExpression SourceNotReady AccessDenied StateError RESTClientError FeatureGateDisabled InvalidURL \
             InsecureConnectionsDisallowed UnsupportedConnectionType URLInvalid AuthenticationFailed VerificationError \
             InvalidPath ArtifactUpToDate GitOperationSucceeded GitOperationFailed PatchOperationFailed StorageOperationFailed \
             DirectoryCreationFailed StatOperationFailed ReadOperationFailed AcquireLockFailed ArchiveOperationFailed \
             SymlinkUpdateFailed CacheOperationFailed InstallSucceeded InstallFailed UpgradeSucceeded UpgradeFailed \
             TestSucceeded TestFailed RollbackSucceeded RollbackFailed UninstallSucceeded UninstallFailed DriftDetected \
             NoDriftDetected DriftCorrected DriftCorrectionFailed ValuesError RetriesExceeded MissingRollbackTarget \
             PendingRelease ArtifactFailed BuildFailed PruneFailed NotSupported UnsupportedField InvalidSpec Quarantined \
             RolledBack ChartHeld OwnershipConflict AnotherController DeletionBudgetExceeded CRDHeld PruneProtected DriftFight Restarted Superseded \
             MissingKind ClusterUnavailable RenderFailed"
        );
    }

    #[test]
    fn words_pass_the_schema_and_are_unique() {
        let valid = regex::Regex::new("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$").expect("a pattern");
        let mut seen = std::collections::BTreeSet::new();
        for reason in Reason::ALL {
            assert!(valid.is_match(reason.as_str()) && seen.insert(reason.as_str()), "{reason}");
            assert_eq!(Reason::from_word(reason.as_str()), Some(*reason));
        }
    }
}
