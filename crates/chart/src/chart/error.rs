//! Why a chart could not be loaded, in Helm's words where Helm has words for it.

/// Why a chart could not be loaded: the errors of Helm's `LoadFiles` (loader/load.go) and `LoadArchiveFiles` (loader/archive.go),
/// in its words. [`LoadError::TooLarge`] has words of its own where Helm has no such cap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// There is no `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    NoChartYaml,
    /// A YAML file of the chart does not parse or does not fit.
    #[error("cannot load {file}: {why}")]
    Yaml {
        /// `Chart.yaml`, `values.yaml` …
        file: String,
        /// Helm's text.
        why: String,
    },
    /// `Chart.yaml` breaks a rule: Helm's `ValidationError` (chart/errors.go).
    #[error("validation: {0}")]
    Validation(String),
    /// A sub-chart could not be loaded.
    #[error("error unpacking subchart {name} in {parent}: {source}")]
    Subchart {
        /// Name of the folder or file in `charts/`.
        name: String,
        /// Name of the chart that has it.
        parent: String,
        /// What was wrong with it.
        source: Box<LoadError>,
    },
    /// A folder in `charts/` is named like an archive.
    #[error("error unpacking subchart tar in {parent}: expected {want}, got {got}")]
    SubchartTar {
        /// Name of the chart that has it.
        parent: String,
        /// Name of the archive.
        want: String,
        /// What was found instead.
        got: String,
    },
    /// Declared dependencies are not in `charts/`; their names. Helm's `CheckDependencies` (action/install.go).
    #[error(
        "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {0}"
    )]
    MissingDependencies(String),
    /// A library chart, or one of an unknown type; the type. Helm's `checkIfInstallable` (cmd/helm/install.go).
    #[error("{0} charts are not installable")]
    NotInstallable(String),
    /// `.helmignore` has a rule that cannot be used. Helm's `parseRule` (ignore/rules.go).
    #[error("{0}")]
    Ignore(String),
    /// The archive is not gzip, not tar, or cut short.
    #[error("{0}")]
    Archive(String),
    /// A path in an archive leaves the chart or is not a path of a chart.
    #[error("{0}")]
    Path(String),
    /// A cap of [`super::LoadLimits`] is exceeded.
    #[error("{0}")]
    TooLarge(String),
}
