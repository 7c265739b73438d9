//! Why a directory of manifests cannot be built.

use crate::object::{ManifestError, Origin};

/// Why a directory cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlainError {
    /// There is no such directory.
    #[error("directory `{0}` is not in the source; correct spec.path, which begins at the source's root")]
    NoDirectory(String),
    /// A path leads out of the source.
    #[error("{from}: `{path}` lies outside of the source; name a path inside of it")]
    Outside {
        /// The file that names it.
        from: String,
        /// The path.
        path: String,
    },
    /// A resource is neither a file nor a directory.
    #[error("{from}: resource `{path}` is not in the source; correct the path, which begins at this file's directory")]
    NoResource {
        /// The file that names it.
        from: String,
        /// The path.
        path: String,
    },
    /// A resource is somewhere else.
    #[error("{from}: resource `{path}` is a remote one, which is not served; copy it into the source")]
    Remote {
        /// The file that names it.
        from: String,
        /// The URL.
        path: String,
    },
    /// A directory that is named as a resource has no kustomization file.
    #[error("{from}: directory `{path}` has no kustomization.yaml; add one, or list its files")]
    NoKustomization {
        /// The file that names it.
        from: String,
        /// The directory.
        path: String,
    },
    /// A directory builds itself.
    #[error("{from}: resource `{path}` leads back to a directory that is being built; remove it")]
    Cycle {
        /// The file that names it.
        from: String,
        /// The path.
        path: String,
    },
    /// Two kustomization files in one directory.
    #[error("directory `{directory}` has both {first} and {second}; keep one")]
    TwoKustomizations {
        /// The directory.
        directory: String,
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A kustomization file asks for something that is not served.
    #[error("{file}: `{field}` is not served yet; only resources and namespace are: write its outcome into the manifests, or remove it")]
    Unsupported {
        /// The file.
        file: String,
        /// The field.
        field: String,
    },
    /// A kustomization file is not what it should be.
    #[error("{file}: {problem}")]
    BadKustomization {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A file is no YAML.
    #[error("{file}: {problem}")]
    Yaml {
        /// The file.
        file: String,
        /// What is wrong, with its line.
        problem: String,
    },
    /// A document is no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// An object is encrypted.
    #[error("{origin}: {object} is encrypted with SOPS, and decryption is not served yet; apply it by other means and leave it out here")]
    Encrypted {
        /// Where it stands.
        origin: Origin,
        /// Which one.
        object: String,
    },
    /// The same object twice.
    #[error("{object} stands twice: at {first} and at {second}; remove one")]
    Duplicate {
        /// Which one.
        object: String,
        /// Where.
        first: Origin,
        /// And where.
        second: Origin,
    },
    /// More than can be taken.
    #[error("{at}: the directory holds more than {limit}; split it into several Kustomizations")]
    TooMuch {
        /// The file at which the limit was passed.
        at: String,
        /// The limit.
        limit: &'static str,
    },
    /// The source cannot be read.
    #[error("{path} cannot be read: {problem}")]
    Source {
        /// The path.
        path: String,
        /// What is wrong.
        problem: String,
    },
}
