// Renders a chart that is loaded once, N times, with Helm's own engine: values, templates, manifest sort, output.
// Prints the CPU and the wall time of one render in microseconds. `run.sh` holds our engine against it.
//
// Dependencies are processed before the clock starts, since Helm changes the loaded chart there and cannot do it twice.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: inprocess CHART RENDERS [VALUES]"))
	}
	renders, err := strconv.Atoi(os.Args[2])
	check(err)
	values := map[string]interface{}{}
	if len(os.Args) > 3 {
		read, err := chartutil.ReadValuesFile(os.Args[3])
		check(err)
		values = read
	}
	loaded, err := loader.Load(os.Args[1])
	check(err)
	check(chartutil.ProcessDependenciesWithMerge(loaded, values))

	once := func() int {
		text, err := render(loaded, values)
		check(err)
		return len(text)
	}
	size := once()
	for i := 0; i < renders/10; i++ {
		once()
	}
	debug.FreeOSMemory()
	cpu, wall := used(), time.Now()
	for i := 0; i < renders; i++ {
		once()
	}
	per := func(d time.Duration) int64 { return d.Microseconds() / int64(renders) }
	fmt.Println(per(used()-cpu), per(time.Since(wall)), size)
}

// What `helm template --include-crds` does with a loaded chart.
func render(loaded *chart.Chart, values map[string]interface{}) (string, error) {
	caps := chartutil.DefaultCapabilities
	options := chartutil.ReleaseOptions{Name: "rel", Namespace: "ns", Revision: 1, IsInstall: true}
	root, err := chartutil.ToRenderValues(loaded, values, options, caps)
	if err != nil {
		return "", err
	}
	files, err := engine.Engine{}.Render(loaded, root)
	if err != nil {
		return "", err
	}
	for name := range files {
		if path.Base(name) == "NOTES.txt" {
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	for _, crd := range loaded.CRDObjects() {
		fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", crd.Filename, crd.File.Data)
	}
	for _, manifest := range manifests {
		fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", manifest.Name, manifest.Content)
	}
	text := strings.TrimSpace(out.String()) + "\n"
	for _, hook := range hooks {
		text += fmt.Sprintf("---\n# Source: %s\n%s\n", hook.Path, hook.Manifest)
	}
	return text, nil
}

func used() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
