//! Without a cluster: help, usage errors, files that cannot be read, templates.

use super::{Said, helmward, run};
use std::fs;
use std::path::Path;

fn said(home: &Path, args: &[&str]) -> Said {
    run(helmward(home).args(args))
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let home = tempfile::tempdir().unwrap();
    let help = said(home.path(), &["--help"]).exits(0);
    for command in "run get status wait tree events logs diff drift reconcile suspend resume rollback history template lint install uninstall check version \
         completion".split(' ') {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command}:\n{}", help.out);
        said(home.path(), &[command, "--help"]).exits(0).prints(&["Usage: ", "Exit codes: 0 as it should be"]);
    }
    said(home.path(), &["--version"]).exits(0).prints(&[concat!("helmward ", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    let home = tempfile::tempdir().unwrap();
    for (args, words) in [
        (&[][..], "Usage: helmward"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["get", "-o", "xml"], "write table, wide, json, yaml, name or jsonpath=TEMPLATE"),
        (&["get", "-o", "jsonpath={.a"], "a brace is not closed (in `{.a`, at character 1)"),
        (&["wait", "web", "--for", "Ready"], "write condition=Ready"),
        (&["wait"], "helmward wait --all [KIND]"),
        (&["logs", "web", "-f", "-p"], "cannot be used with"),
        (&["completion", "tcsh"], "bash, elvish, fish, powershell, zsh"),
        (&["get", "pods"], "kinds are hr, ks, gitrepo"),
        (&["get", "hr", "a", "-A"], "choose the namespace with -n"),
        (&["reconcile"], "Usage: helmward reconcile [KIND] NAME"),
        (&["reconcile", "ks"], "`helmward get ks` shows the names"),
        (&["reconcile", "web", "--timeout", "soon"], "write a number with a unit, such as 30s"),
        (&["run", "--listen", "9080"], "invalid socket address"),
        (&["run", "--git", "https://git.example/x"], "--git needs --path"),
        (&["run", "--git", "ftp://git.example/x", "--path", "x"], "use https, http or file"),
        (&["run", "--log-level", "loud=very"], "write error, warn, info, debug or trace"),
        (&["run", "--log-level", "loud"], "it is no level"),
    ] {
        let said = said(home.path(), args).exits(2).tells(&[words]);
        assert_eq!(said.out, "", "{args:?}");
    }
}

#[test]
fn template_and_lint_fail_as_helm_does() {
    let home = tempfile::tempdir().unwrap();
    for (args, words) in [
        (
            &["template"][..],
            "Error: \"helmward template\" requires at least 1 argument\n\nUsage:  helmward template [NAME] [CHART] [flags]\n",
        ),
        (&["template", "--frob"], "Error: unknown flag: --frob\n"),
        (&["-n", "x", "lint", "--frob"], "Error: unknown flag: --frob\n"),
        (
            &["template", "x", "--post-renderer", "sed"],
            "Error: --post-renderer is refused: no other program is run here; leave the flag out and write the output through it: helmward template … | sed\n",
        ),
        (
            &["template", "x", "--verify"],
            "Error: --verify is refused: signatures of packages are not checked here; run `helm verify` on the package first\n",
        ),
        (
            &["template", "x", "--repo", "https://charts.example"],
            "Error: --repo https://charts.example is refused: charts are not fetched here: pull it with `helm pull` and give the path of the file or directory\n",
        ),
        (
            &["template", "oci://charts.example/x"],
            "Error: chart oci://charts.example/x is refused: charts are not fetched here: pull it with `helm pull` and give the path of the file or directory\n",
        ),
        (
            &["template", ".", "-f", "https://charts.example/v.yaml"],
            "Error: https://charts.example/v.yaml: values are not fetched over https here; fetch the file and give its path, or give it to -f - on stdin\n",
        ),
    ] {
        let said = said(home.path(), args).exits(1);
        assert_eq!((said.out.as_str(), said.err.as_str()), ("", words), "{args:?}");
    }
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_named_with_the_next_step() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    fs::write(path("garbage"), "[not a kubeconfig]\ntoken: s3cr3t-canary\n").unwrap();
    fs::write(path("empty"), "").unwrap();
    let of = |server: &str| {
        format!(
            "{{apiVersion: v1, kind: Config, current-context: a, clusters: [{{name: a, cluster: {{server: \"{server}\"}}}}], \
             contexts: [{{name: a, context: {{cluster: a, user: a, namespace: shop}}}}], users: [{{name: a, user: {{}}}}]}}"
        )
    };
    fs::write(path("nobody"), of("http://127.0.0.1:9")).unwrap();
    for (args, words) in [
        (vec!["get"], vec!["no kubeconfig is given and this is no pod", "--kubeconfig FILE"]),
        (vec!["get", "--kubeconfig", "absent"], vec!["read kubeconfig absent: No such file", "check the path"]),
        (vec!["get", "--kubeconfig", "garbage"], vec!["kubeconfig garbage: ", "try the file with `kubectl --kubeconfig garbage"]),
        (vec!["get", "--kubeconfig", "empty"], vec!["names no current-context"]),
        (vec!["get", "--kubeconfig", "nobody", "--context", "b"], vec!["has no context \"b\"; it has a"]),
        (
            vec!["get", "--kubeconfig", "nobody"],
            vec!["the API server http://127.0.0.1:9/ (from nobody) does not answer", "check that it runs"],
        ),
        (vec!["run", "--kubeconfig", "absent"], vec!["read kubeconfig absent: No such file"]),
        (
            vec!["drift", "--server", "127.0.0.1:9"],
            vec!["the daemon at http://127.0.0.1:9 does not answer", "start it with `helmward run`"],
        ),
    ] {
        let said = said(home.path(), &args).exits(2).tells(&words);
        assert!(said.out.is_empty() && !said.err.contains("canary"), "{}", said.err);
    }
    // an unreadable file; the superuser reads everything
    let closed = path("closed");
    fs::write(&closed, "x").unwrap();
    fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    if fs::read(&closed).is_err() {
        said(home.path(), &["get", "--kubeconfig", &closed]).exits(2).tells(&["Permission denied", "check the path and its permissions"]);
    }
}

#[test]
fn the_environment_names_kubeconfigs_as_for_kubectl() {
    let home = tempfile::tempdir().unwrap();
    let mut command = helmward(home.path());
    run(command.env("KUBECONFIG", "one").arg("get")).exits(2).tells(&["read kubeconfig one"]);
    // the flag wins; of a list, files that are not there are passed over
    run(command.args(["--kubeconfig", "two"])).exits(2).tells(&["read kubeconfig two"]);
    fs::write(home.path().join("real"), "{apiVersion: v1, kind: Config}").unwrap();
    run(helmward(home.path()).env("KUBECONFIG", "absent:real").arg("get"))
        .exits(2)
        .tells(&["kubeconfig real: it names no current-context"]);
}

#[test]
fn the_kubectl_plugin_is_the_same_binary() {
    let home = tempfile::tempdir().unwrap();
    let plugin = home.path().join("kubectl-helmward");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_helmward"), &plugin).unwrap();
    let help = run(std::process::Command::new(&plugin).env_clear().arg("--help")).exits(0);
    assert!(help.out.contains("Usage: kubectl helmward "), "{}", help.out);
}

/// Whoever changes a command runs `helmward reference > docs/reference/cli.md`; whoever honours a field, the same for compatibility.
#[test]
fn the_reference_pages_are_those_of_the_commands_and_the_fields() {
    let home = tempfile::tempdir().unwrap();
    for page in ["cli", "compatibility", "annotations"] {
        let made = said(home.path(), &["reference", page]).exits(0).out;
        let stored = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/reference/{page}.md"))).unwrap();
        let differs = made.lines().zip(stored.lines()).find(|(made, stored)| made != stored);
        assert_eq!(differs, None, "run `helmward reference {page} > docs/reference/{page}.md`");
        assert_eq!(made.lines().count(), stored.lines().count(), "run `helmward reference {page} > docs/reference/{page}.md`");
        assert!(!made.contains("| ? |"), "every field is honoured or refused");
    }
}

#[test]
fn manual_pages_and_completions_are_made_of_the_commands() {
    let home = tempfile::tempdir().unwrap();
    said(home.path(), &["man", "pages/man1"]).exits(0).tells(&["the manual pages are in pages/man1"]);
    let page = |name: &str| fs::read_to_string(home.path().join("pages/man1").join(name)).unwrap();
    assert!(page("helmward.1").contains("helmward\\-tree(1)") && page("helmward-logs.1").contains("previous"));
    fs::write(home.path().join("file"), "").unwrap();
    said(home.path(), &["man", "file/x"]).exits(2).tells(&["make file/x", "check the path"]);
    for (shell, words) in [
        ("bash", "complete -F _helmward"),
        ("zsh", "#compdef helmward"),
        ("fish", "complete -c helmward"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        said(home.path(), &["completion", shell]).exits(0).prints(&[words, "with-source"]);
    }
}

#[test]
fn errors_about_a_file_show_its_lines() {
    let home = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("web/templates/x.yaml", "a: 1\nb: {{ required \"give it\" .Values.z }}\n"),
        ("bad.yaml", "a: [\nb: 1\n"),
        ("bent/Chart.yaml", "apiVersion: v2\nname: [web\nversion: 1.0.0\n"),
    ] {
        let file = home.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    // in a pipe Helm's words alone; on a terminal, or with colours, the lines of the file
    let piped = said(home.path(), &["template", "web"]).exits(1);
    assert_eq!(piped.err, "Error: execution error at (web/templates/x.yaml:2:6): give it\n\nUse --debug flag to render out invalid YAML\n");
    let template = |args: &[&str]| {
        let mut said = said(home.path(), &[&["template", "--color", "always"], args].concat()).exits(1);
        assert!(said.err.contains('\u{1b}'));
        said.err = plain(&said.err).replace(&format!("{}/", home.path().canonicalize().unwrap().display()), "");
        said
    };
    template(&["web"]).tells(&[
        "error: execution error at (web/templates/x.yaml:2:6): give it\n",
        "\n ╭─[web/templates/x.yaml:2:7]\n 1 │ a: 1\n 2 │ b: {{ required \"give it\" .Values.z }}\n",
        "help: correct the template or the values that it reads\n",
    ]);
    template(&["web", "-f", "bad.yaml"]).tells(&[
        "error: failed to parse bad.yaml",
        "╭─[bad.yaml:2:1]",
        "2 │ b: 1",
        "help: correct the YAML",
    ]);
    template(&["bent"]).tells(&["cannot load Chart.yaml", "╭─[bent/Chart.yaml:2:1]", "2 │ name: [web"]);
}

/// Without colours.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('\u{1b}').enumerate() {
        out.push_str(if n == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) });
    }
    out
}

#[test]
fn the_installation_is_printed_without_a_cluster() {
    let home = tempfile::tempdir().unwrap();
    let said = said(home.path(), &["install", "--export", "--image", "registry.example/helmward:9", "-n", "gitops"]).exits(0);
    let documents: Vec<serde_json::Value> =
        helmward_chart::yaml::from_str_all(&said.out).unwrap().into_iter().map(|(_, document)| document).collect();
    let kinds: Vec<&str> = documents.iter().filter_map(|d| d["kind"].as_str()).collect();
    assert_eq!(kinds[0], "Namespace");
    assert_eq!(kinds.iter().filter(|kind| **kind == "CustomResourceDefinition").count(), 11);
    assert_eq!(kinds[12..], ["ServiceAccount", "ClusterRoleBinding", "Service", "Deployment"]);
    let deployment = documents.last().unwrap();
    assert_eq!(deployment["metadata"]["namespace"], "gitops");
    assert_eq!(deployment.pointer("/spec/template/spec/containers/0/image").unwrap(), "registry.example/helmward:9");
}

#[test]
fn charts_are_rendered_as_helm_does() {
    let home = tempfile::tempdir().unwrap();
    let chart = home.path().join("web");
    for (path, text) in [
        ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.0\n"),
        ("values.yaml", "message: hello\n"),
        (
            "templates/b.yaml",
            "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\ndata:\n  m: {{ .Values.message | quote }}\n  up: \"{{ .Release.IsUpgrade }}\"\n  v: {{ .Capabilities.KubeVersion }}\n",
        ),
        ("templates/test.yaml", "kind: Pod\napiVersion: v1\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\n"),
        ("crds/c.yaml", "kind: CustomResourceDefinition\n"),
        ("broken/Chart.yaml", "apiVersion: v2\nname: broken\nversion: 1.2.0\n"),
        ("broken/templates/x.yaml", "a: 1\nb: {{ fail \"on purpose\" }}\n"),
    ] {
        let file = chart.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let map = |name: &str, namespace: &str, message: &str, up: bool, version: &str| {
        format!(
            "---\n# Source: web/templates/b.yaml\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  name: {name}\n  namespace: {namespace}\n\
             data:\n  m: \"{message}\"\n  up: \"{up}\"\n  v: {version}\n"
        )
    };
    let crd = "---\n# Source: crds/c.yaml\nkind: CustomResourceDefinition\n\n";
    let test =
        "---\n# Source: web/templates/test.yaml\nkind: Pod\napiVersion: v1\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\n";
    let plain = said(home.path(), &["template", "web", "--skip-tests"]).exits(0);
    assert_eq!(plain.out, map("release-name", "default", "hello", false, "v1.37.0"));
    let more = said(home.path(), &["template", "x", "web", "-n", "shop", "--set", "message=bye", "--is-upgrade", "--kube-version", "1.30"])
        .exits(0);
    assert_eq!(more.out, map("x", "shop", "bye", true, "v1.30") + test);
    let all = said(home.path(), &["template", "web", "--include-crds", "--no-hooks"]).exits(0);
    assert!(all.out.starts_with(&crd.replace("crds/c", "web/crds/c").replace("\n\n", "\n")), "{}", all.out);
    let one = said(home.path(), &["template", "web", "-s", "templates/test.yaml"]).exits(0);
    assert_eq!(one.out.trim_end(), test.trim_end());
    said(home.path(), &["template", "web/broken"]).exits(1).tells(&["broken/templates/x.yaml:2:6", "on purpose"]);
    said(home.path(), &["template", "./nowhere"]).exits(1).tells(&["Error: path \"./nowhere\" not found"]);
    said(home.path(), &["template", "web", "-f", "none.yaml"]).exits(1).tells(&["Error: open none.yaml: no such file or directory"]);
    said(home.path(), &["template", "web", "-s", "x"]).exits(1).tells(&["could not find template x in chart"]);
}
