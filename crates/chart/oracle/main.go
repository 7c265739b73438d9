// Answers questions about Helm, Go and goyaml: one JSON object per line in, one per line out, in the same order.
//
//	{"op": "chart", "metadata": YAML, "files": {PATH: BASE64}}        sets the chart of the renders that follow
//	{"op": "render", "templates": {PATH: TEXT}, "values": YAML}       {"files": {PATH: TEXT}} or {"error": TEXT}
//	{"op": "function", "s": NAME}                                     whether templates know the function
//	{"op": "load" | "loadstrict" | "loadmap" | "loadarr", "s": TEXT}  {"result": JSON text} or {"error": TEXT}
//	{"op": "emit" | "pretty", "v": JSON}                              {"result": YAML text} or {"error": TEXT}
//
// A case that takes longer than the limit is answered with {"timeout": true}, and the program ends: start it anew.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
	pretty "sigs.k8s.io/yaml/goyaml.v3"
)

const (
	limit  = 5 * time.Second
	memory = 6 << 30
)

type question struct {
	Op        string            `json:"op"`
	S         string            `json:"s"`
	V         json.RawMessage   `json:"v"`
	Metadata  string            `json:"metadata"`
	Files     map[string]string `json:"files"`
	Templates map[string]string `json:"templates"`
	Values    string            `json:"values"`
}

type answer struct {
	Files   map[string]string `json:"files,omitempty"`
	Result  *string           `json:"result,omitempty"`
	Error   *string           `json:"error,omitempty"`
	Timeout bool              `json:"timeout,omitempty"`
}

func main() {
	log.SetOutput(io.Discard)
	// Templates can ask for more memory than there is: then this process alone shall end.
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: memory, Max: memory})
	debug.SetMaxStack(128 << 20)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	var base chart.Chart
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		if err := json.Unmarshal(line, &q); err != nil {
			_ = out.Encode(failed(err))
			continue
		}
		done := make(chan answer, 1)
		go func() { done <- reply(&base, q) }()
		select {
		case a := <-done:
			_ = out.Encode(a)
		case <-time.After(limit):
			_ = out.Encode(answer{Timeout: true})
			os.Exit(3)
		}
	}
}

func reply(base *chart.Chart, q question) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			a = failed(fmt.Errorf("panic: %v", r))
		}
	}()
	switch q.Op {
	case "chart":
		return setChart(base, q)
	case "render":
		return render(base, q)
	case "function":
		_, err := renderText(base, map[string]string{"templates/a": "{{ if false }}{{ " + q.S + " }}{{ end }}"}, "")
		return text("known", err)
	case "load":
		data, err := yaml.YAMLToJSON([]byte(q.S))
		return text(string(data), wrapped(err))
	case "loadstrict":
		data, err := yaml.YAMLToJSONStrict([]byte(q.S))
		return text(string(data), err)
	case "loadmap":
		m := map[string]interface{}{}
		return decoded(q.S, &m)
	case "loadarr":
		l := []interface{}{}
		return decoded(q.S, &l)
	case "emit":
		data, err := yaml.Marshal(numbers(q.V))
		return text(string(data), err)
	case "pretty":
		var buf bytes.Buffer
		encoder := pretty.NewEncoder(&buf)
		encoder.SetIndent(2)
		err := encoder.Encode(numbers(q.V))
		return text(buf.String(), err)
	}
	return failed(fmt.Errorf("unknown operation %q", q.Op))
}

func failed(err error) answer {
	s := err.Error()
	return answer{Error: &s}
}

func text(s string, err error) answer {
	if err != nil {
		return failed(err)
	}
	return answer{Result: &s}
}

// The words that Unmarshal puts before an error of the conversion.
func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("error converting YAML to JSON: %w", err)
}

func decoded(s string, into interface{}) answer {
	if err := yaml.Unmarshal([]byte(s), into); err != nil {
		return failed(err)
	}
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(into)
	return text(strings.TrimSuffix(buf.String(), "\n"), err)
}

// Decodes JSON with whole numbers as int64 and all others as float64.
func numbers(raw json.RawMessage) interface{} {
	var v interface{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		panic(err)
	}
	return typed(v)
}

func typed(v interface{}) interface{} {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil && !strings.ContainsAny(v.String(), ".eE") {
			return i
		}
		f, err := v.Float64()
		if err != nil {
			panic(err)
		}
		return f
	case []interface{}:
		for i := range v {
			v[i] = typed(v[i])
		}
	case map[string]interface{}:
		for k := range v {
			v[k] = typed(v[k])
		}
	}
	return v
}

func setChart(base *chart.Chart, q question) answer {
	var metadata chart.Metadata
	if err := yaml.Unmarshal([]byte(q.Metadata), &metadata); err != nil {
		return failed(err)
	}
	*base = chart.Chart{Metadata: &metadata}
	for path, encoded := range q.Files {
		data, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return failed(err)
		}
		base.Files = append(base.Files, &chart.File{Name: path, Data: data})
	}
	return text("", nil)
}

func render(base *chart.Chart, q question) answer {
	files, err := renderText(base, q.Templates, q.Values)
	if err != nil {
		return failed(err)
	}
	return answer{Files: files}
}

func renderText(base *chart.Chart, templates map[string]string, values string) (map[string]string, error) {
	metadata := *base.Metadata
	c := &chart.Chart{Metadata: &metadata, Files: base.Files}
	for path, text := range templates {
		c.Templates = append(c.Templates, &chart.File{Name: path, Data: []byte(text)})
	}
	user, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		return nil, err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = chartutil.KubeVersion{Version: "v1.37.0", Major: "1", Minor: "37"}
	release := chartutil.ReleaseOptions{Name: "rel", Namespace: "ns", Revision: 1, IsInstall: true}
	root, err := chartutil.ToRenderValues(c, user, release, capabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, root)
}
