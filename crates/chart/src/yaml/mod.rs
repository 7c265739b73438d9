//! YAML as Go reads (goyaml v2/v3 through sigs.k8s.io/yaml) and writes it.
