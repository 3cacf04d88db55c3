package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// The first lines of every meshc.yaml.
const (
	APIVersion = "meshc.dev/v1alpha1"
	Kind       = "Project"
)

// maxFile is far more than a real meshc.yaml needs; it bounds what aliases can expand to.
const maxFile = 1 << 20

// Parse reads meshc.yaml. A setting that is wrong is a finding and keeps its default; all others are read. An empty
// file returns Default.
func Parse(f *source.File) (Project, diag.List) {
	r := &reader{project: Default()}
	if len(f.Text) > maxFile {
		r.findings.Add(diag.MalformedConfig, f.Span(0, 0), "%s has %d KiB; settings may have up to %d KiB", f.Name, len(f.Text)>>10, maxFile>>10)
		return r.project, r.findings
	}
	if bad := yamldoc.Text(f); bad != nil {
		r.findings.Add(diag.MalformedConfig, bad.Span, "%s", bad.Message)
		return r.project, r.findings
	}
	// YAML breaks lines where most editors do not, so that what looks like a comment could be a setting.
	if i := strings.IndexFunc(strings.ReplaceAll(f.Text, "\r\n", " \n"), func(r rune) bool { return r != '\n' && r != '\ufeff' && diag.Misleads(r) }); i >= 0 {
		r.findings.Add(diag.MalformedConfig, f.Span(i, i+1), "an invisible character that changes how the text around it is displayed").
			WithHelp("delete it: reviewers would see other settings than those that are read")
		return r.project, r.findings
	}
	docs := slices.Collect(yamldoc.Split(f))
	if len(docs) == 0 {
		return r.project, nil
	}
	r.doc = docs[0]
	if err := r.doc.Parse(); err != nil {
		var broken *yamldoc.SyntaxError
		if errors.As(err, &broken) {
			r.findings.Add(diag.MalformedConfig, broken.Span, "%s", broken.Message).Help = broken.Help
		} else {
			r.findings.Add(diag.MalformedConfig, r.doc.Start(), "%v", err)
		}
		return r.project, r.findings
	}
	r.root(r.doc.Root)
	if len(docs) > 1 {
		r.findings.Add(diag.MalformedConfig, docs[1].Start(), "more than one document").
			WithHelp("keep one document, and the settings of environments under `environments`")
	}
	return r.project, r.findings.Sort()
}

// reader reads one document. Its methods are the schema: a key exists if one of them asks for it.
type reader struct {
	doc      *yamldoc.Document
	findings diag.List
	project  Project

	previousAt source.Span // the key trustDomains.previous
}

// field is a key that a mapping may have, with the function that reads its value.
type field struct {
	name string
	read func(path string, v *yaml.Node)
}

func (r *reader) root(n *yaml.Node) {
	p := &r.project
	seen := r.fields("", n, []field{
		{"apiVersion", r.oneOf(new(string), APIVersion)},
		{"kind", r.oneOf(new(string), Kind)},
		{"sources", r.globs(&p.Sources)},
		{"workloads", r.workloads},
		{"owners", r.owners},
		{"trustDomain", r.text(&p.TrustDomain, trustDomain)},
		{"trustDomains", r.trustDomains},
		{"rootNamespace", r.text(&p.RootNamespace, label)},
		{"gateways", r.gateways},
		{"issuers", r.issuers},
		{"dataplanes", r.dataplanes(&p.Dataplanes)},
		{"warnings", r.warnings},
		{"targets", r.targets},
		{"accepted", r.accepted},
		{"replaces", r.replaces},
		{"environments", r.environments},
	})
	if seen == nil {
		return
	}
	r.distinctDomains()
	for _, must := range []struct{ key, value string }{{"apiVersion", APIVersion}, {"kind", Kind}} {
		if !seen[must.key] {
			r.findings.Add(diag.MalformedConfig, r.doc.Start(), "%s is missing", must.key).
				WithHelp("write `%s: %s`", must.key, must.value)
		}
	}
}

func (r *reader) targets(path string, v *yaml.Node) {
	for _, pair := range r.pairs(path, v) {
		name := pair.Key.Value
		r.project.Targets = append(r.project.Targets, Section{Name: name, At: r.doc.Span(pair.Key), path: join(path, name), doc: r.doc, node: pair.Value})
	}
}

func (r *reader) workloads(path string, v *yaml.Node) {
	for _, item := range r.list(path, v, "globs, or {path, namespace}") {
		if item.Kind != yaml.MappingNode {
			var glob string
			if r.text(&glob, checkGlob)(path, item); glob != "" {
				r.project.Workloads = append(r.project.Workloads, Workloads{Path: glob, At: r.doc.Span(item)})
			}
			continue
		}
		w := Workloads{At: r.doc.Span(item)}
		seen := r.fields(path, item, []field{
			{"path", func(path string, v *yaml.Node) {
				r.text(&w.Path, checkGlob)(path, v)
				w.At = r.doc.Span(v)
			}},
			{"namespace", r.text(&w.Namespace, label)},
		})
		switch {
		case w.Path != "":
			r.project.Workloads = append(r.project.Workloads, w)
		case !seen["path"]:
			r.findings.Add(diag.MalformedConfig, w.At, "an entry of workloads without a path").
				WithHelp("write {path: \"k8s/**/*.yaml\", namespace: NAME}")
		}
	}
}

func (r *reader) owners(path string, v *yaml.Node) {
	p := &r.project
	p.Owners, p.OwnersAt = map[string][]string{}, map[string]source.Span{}
	for _, pair := range r.pairs(path, v) {
		mesh, at := pair.Key.Value, r.doc.Span(pair.Key)
		if why := label(mesh); why != "" && mesh != "*" { // `mesh * MODE` has owners too
			r.findings.Add(diag.InvalidSetting, at, "%q is not a valid mesh name: %s", mesh, why)
			continue
		}
		var globs []string
		r.globs(&globs)(join(path, mesh), pair.Value)
		p.Owners[mesh], p.OwnersAt[mesh] = globs, at
	}
}

func (r *reader) warnings(path string, v *yaml.Node) {
	p := &r.project
	p.Warnings = map[diag.Code]diag.Level{}
	for _, pair := range r.pairs(path, v) {
		code := diag.Code(pair.Key.Value)
		at := r.doc.Span(pair.Key)
		switch e := diag.Explain(code); {
		case e == nil:
			r.findings.Add(diag.InvalidSetting, at, "unknown warning %s", code)
			continue
		case e.Severity == diag.Error:
			r.findings.Add(diag.InvalidSetting, at, "%s is an error (%s), and an error cannot be demoted", code, e.Title).
				WithHelp("run `meshc explain %s` to see how to fix it", code)
			continue
		}
		var word string
		r.oneOf(&word, diag.Silence.String(), diag.Warn.String(), diag.Fail.String())(join(path, string(code)), pair.Value)
		if level, err := diag.ParseLevel(word); word != "" && err == nil {
			p.Warnings[code] = level
		}
	}
}

func (r *reader) environments(path string, v *yaml.Node) {
	r.project.Environments = map[string]*Environment{}
	for _, pair := range r.pairs(path, v) {
		name, at := pair.Key.Value, r.doc.Span(pair.Key)
		if why := label(name); why != "" {
			r.findings.Add(diag.InvalidSetting, at, "%q is not a valid environment name: %s", name, why)
			continue
		}
		e := &Environment{At: at}
		r.project.Environments[name] = e
		var enforcement string
		r.fields(join(path, name), pair.Value, []field{
			{"modes", r.modes(e)},
			{"enforcement", r.oneOf(&enforcement, "enforce", "dry-run")},
			{"repository", r.repository(&e.Repository)},
			{"forge", r.oneOf(&e.Forge, "github", "gitlab", "gitea")},
			{"branch", r.text(&e.Branch, branch)},
			{"path", r.text(&e.Path, folder)},
			{"replaces", r.texts(&e.Replaces, "folders", folder)},
			{"sources", r.globs(&e.Sources)},
			{"dataplanes", r.dataplanes(&e.Dataplanes)},
		})
		e.DryRun = enforcement == "dry-run"
	}
}

// repository reads the address of an environment. An address that cannot be parsed may hide a password anywhere in it,
// so the message does not show it.
func (r *reader) repository(into *string) func(string, *yaml.Node) {
	return func(path string, v *yaml.Node) {
		at := r.doc.Span(v)
		switch scheme, _, isURL := strings.Cut(v.Value, "://"); {
		case v.Kind == yaml.ScalarNode && brokenURL(v.Value):
			r.findings.Add(diag.InvalidSetting, at, "%s is not a URL that git can read", path).
				WithHelp("keep passwords out of it, in a token or git's credential helper; a password that has to be in it needs / written as %s, @ as %s and : as %s", "%2F", "%40", "%3A")
		case v.Kind == yaml.ScalarNode && isURL && !slices.Contains(schemes, strings.ToLower(scheme)):
			r.findings.Add(diag.InvalidSetting, at, "%s is a URL that meshc cannot publish to", path).
				WithHelp("write a path, or an https:// or ssh:// URL")
		default:
			r.text(into, repository)(path, v)
		}
	}
}

func (r *reader) modes(e *Environment) func(string, *yaml.Node) {
	return func(path string, v *yaml.Node) {
		e.Modes, e.ModesAt = map[string]policy.Mode{}, map[string]source.Span{}
		for _, pair := range r.pairs(path, v) {
			key, at := pair.Key.Value, r.doc.Span(pair.Key)
			if why := modeKey(key); why != "" {
				r.findings.Add(diag.InvalidSetting, at, "%q is not a valid key of modes: %s", key, why).
					WithHelp("write \"*\", NAMESPACE, NAMESPACE/SERVICE or NAMESPACE/SERVICE:PORT")
				continue
			}
			var word string
			r.oneOf(&word, policy.Disable.String(), policy.Permissive.String(), policy.Strict.String())(join(path, key), pair.Value)
			for m := policy.Disable; m <= policy.Strict; m++ {
				if m.String() == word {
					e.Modes[key], e.ModesAt[key] = m, at
				}
			}
		}
	}
}

// fields reads a mapping by its schema and returns the keys that it has; nil if it is not a mapping.
func (r *reader) fields(path string, v *yaml.Node, known []field) map[string]bool {
	pairs := r.pairs(path, v)
	if pairs == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, pair := range pairs {
		i := slices.IndexFunc(known, func(f field) bool { return f.name == pair.Key.Value })
		if i < 0 {
			names := make([]string, len(known))
			for i := range known {
				names[i] = known[i].name
			}
			at := r.doc.Span(pair.Key)
			d := r.findings.Add(diag.UnknownKey, at, "unknown key %s", join(path, pair.Key.Value))
			r.suggest(d, at, pair.Key.Value, names)
			continue
		}
		seen[known[i].name] = true
		if !isNull(pair.Value) {
			known[i].read(join(path, known[i].name), pair.Value)
		}
	}
	return seen
}

// suggest adds the nearest valid word, or else all of them.
func (r *reader) suggest(d *diag.Diagnostic, at source.Span, word string, among []string) {
	if near, ok := diag.Nearest(word, among); ok {
		d.WithHelp("did you mean %s?", near).WithFix(false, at, near, "write "+near)
		return
	}
	d.WithHelp("known here: %s", strings.Join(among, ", "))
}

// pairs returns the keys and values of a mapping; nil if it is not one. Repeated keys are findings.
func (r *reader) pairs(path string, v *yaml.Node) []yamldoc.Pair {
	if isNull(v) {
		return []yamldoc.Pair{}
	}
	if v.Kind != yaml.MappingNode {
		r.wrongType(path, v, "a mapping")
		return nil
	}
	pairs, repeats := yamldoc.Pairs(v)
	for _, repeat := range repeats {
		r.findings.Add(diag.MalformedConfig, r.doc.Span(repeat.Again), "duplicate key %s", join(path, repeat.Again.Value)).
			WithRelated(r.doc.Span(repeat.First), "first declared here").
			WithHelp("keep one of them")
	}
	return slices.DeleteFunc(pairs, func(p yamldoc.Pair) bool {
		if p.Key.Kind == yaml.ScalarNode {
			return false
		}
		r.wrongType(strings.TrimSpace("a key of "+path), p.Key, "a word")
		return true
	})
}

func (r *reader) list(path string, v *yaml.Node, of string) []*yaml.Node {
	if v.Kind != yaml.SequenceNode {
		r.wrongType(path, v, "a list of "+of)
		return nil
	}
	items := make([]*yaml.Node, 0, len(v.Content))
	for _, item := range v.Content {
		items = append(items, yamldoc.Resolve(item))
	}
	return items
}

// text reads a string that check accepts.
func (r *reader) text(into *string, check func(string) string) func(string, *yaml.Node) {
	return func(path string, v *yaml.Node) {
		if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!str" {
			r.wrongType(path, v, "text")
			return
		}
		if why := check(v.Value); why != "" {
			r.findings.Add(diag.InvalidSetting, r.doc.Span(v), "%s cannot be %q: %s", path, v.Value, why)
			return
		}
		*into = v.Value
	}
}

func (r *reader) oneOf(into *string, words ...string) func(string, *yaml.Node) {
	return func(path string, v *yaml.Node) {
		if v.Kind != yaml.ScalarNode {
			r.wrongType(path, v, "text")
			return
		}
		if slices.Contains(words, v.Value) {
			*into = v.Value
			return
		}
		at := r.doc.Span(v)
		d := r.findings.Add(diag.InvalidSetting, at, "%s cannot be %q", path, v.Value)
		if near, ok := diag.Nearest(v.Value, words); ok {
			d.WithHelp("did you mean %s?", near).WithFix(false, at, near, "write "+near)
		} else {
			d.WithHelp("write %s", alternatives(words))
		}
	}
}

func (r *reader) flag(into *bool) func(string, *yaml.Node) {
	return func(path string, v *yaml.Node) {
		if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!bool" || v.Decode(into) != nil {
			r.wrongType(path, v, "true or false")
		}
	}
}

func (r *reader) globs(into *[]string) func(string, *yaml.Node) {
	return r.texts(into, "globs", checkGlob)
}

// texts reads a list of strings that check accepts.
func (r *reader) texts(into *[]string, of string, check func(string) string) func(string, *yaml.Node) {
	return func(path string, v *yaml.Node) {
		items := r.list(path, v, of)
		if items == nil {
			return
		}
		*into = nil
		for _, item := range items {
			var one string
			if r.text(&one, check)(path, item); one != "" {
				*into = append(*into, one)
			}
		}
	}
}

func (r *reader) wrongType(path string, v *yaml.Node, want string) {
	switch path {
	case "":
		path = "the document"
	case "a key of":
		path = "a key"
	}
	got := "text"
	switch v.Kind {
	case yaml.MappingNode:
		got = "a mapping"
	case yaml.SequenceNode:
		got = "a list"
	case yaml.ScalarNode:
		switch v.ShortTag() {
		case "!!bool":
			got = "true or false"
		case "!!int", "!!float":
			got = "a number"
		case "!!null":
			got = "empty"
		case "!!timestamp":
			got = "a date"
		}
	}
	d := r.findings.Add(diag.MalformedConfig, r.doc.Span(v), "%s must be %s, not %s", path, want, got)
	switch {
	case strings.HasPrefix(want, "a list") && v.Kind == yaml.ScalarNode:
		d.WithHelp("write [%q]", v.Value)
	case want == "text" && v.Kind == yaml.ScalarNode && got != "empty":
		d.WithHelp("put it in quotes: %q", v.Value)
	}
}

func isNull(v *yaml.Node) bool { return v.Kind == yaml.ScalarNode && v.ShortTag() == "!!null" }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func alternatives(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return fmt.Sprintf("%s or %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
}
