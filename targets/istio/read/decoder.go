package read

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// decoder reads the fields of an object. Each fault is a finding, with the path of the field, and makes the object
// broken.
type decoder struct {
	*tree
	trustDomains []string // that of the mesh, then its aliases
	findings     *diag.List
	path         []string // keys and `[index]` of the value at hand
	broken       bool
	refusal      string // the first fault
	otherwise    bool   // ztunnel is sent clauses of the object that are not those of a proxy which reads requests

	selectsNothing bool // the object has a selector without labels
}

func (d *decoder) where() string {
	var b strings.Builder
	for _, p := range d.path {
		if b.Len() > 0 && p[0] != '[' {
			b.WriteByte('.')
		}
		b.WriteString(p)
	}
	return b.String()
}

// refuse reports a fault that makes the object broken.
func (d *decoder) refuse(at source.Span, format string, args ...any) *diag.Diagnostic {
	finding := d.findings.Add(diag.Unevaluable, at, format, args...)
	if d.broken = true; d.refusal == "" {
		d.refusal = finding.Message
	}
	return finding
}

// undecided reports a field that is valid, but depends on what the model of a request does not have.
func (d *decoder) undecided(at source.Span, format string, args ...any) *diag.Diagnostic {
	return d.findings.Add(diag.Undecided, at, format, args...)
}

// fields calls f with each known field of a mapping that is not null. It returns false, with findings, if a field is
// unknown or the value is not a mapping. The keys of a mapping are distinct.
func (d *decoder) fields(n int32, known []string, f func(key string, value int32)) bool {
	if !d.is(n, plainyaml.Mapping) {
		return false
	}
	ok := true
	for c := d.Nodes[n].First; c != 0; c = d.Nodes[c].Next {
		key := d.Nodes[c].Key
		switch {
		case !slices.Contains(known, key):
			d.unknownField(c, known)
			ok = false
		case d.Nodes[c].Kind != plainyaml.Null:
			d.path = append(d.path, key)
			f(key, c)
			d.path = d.path[:len(d.path)-1]
		}
	}
	return ok
}

func (d *decoder) unknownField(c int32, known []string) {
	d.path = append(d.path, d.Nodes[c].Key)
	finding := d.refuse(d.keySpan(c), "unknown field `%s`", d.where())
	d.path = d.path[:len(d.path)-1]
	if near, ok := diag.Nearest(d.Nodes[c].Key, known); ok {
		finding.WithHelp("did you mean %s?", near)
	}
	if d.Nodes[c].Key == "$patch" {
		finding.WithHelp("this is a patch of kustomize: read the output of `kustomize build`")
	}
}

// each calls f with the items of a list that are of one kind. Other items are findings, and so is a value that is not a
// list.
func (d *decoder) each(n int32, k plainyaml.Kind, f func(item int32)) bool {
	if !d.is(n, plainyaml.Sequence) {
		return false
	}
	i := 0
	for c := d.Nodes[n].First; c != 0; c = d.Nodes[c].Next {
		d.path = append(d.path, d.index(i))
		if d.is(c, k) {
			f(c)
		}
		d.path = d.path[:len(d.path)-1]
		i++
	}
	return true
}

func (d *decoder) is(n int32, k plainyaml.Kind) bool {
	if d.Nodes[n].Kind == k {
		return true
	}
	at := d.span(n)
	finding := d.refuse(at, "`%s` must be %s, not %s", d.where(), k, d.Nodes[n].Kind)
	if k == plainyaml.Text && d.Nodes[n].Kind >= plainyaml.Boolean && d.Nodes[n].Kind <= plainyaml.Number {
		finding.WithFix(false, at, `"`+d.Nodes[n].Text+`"`, "put it in quotes")
		finding.WithHelp("put it in quotes")
	}
	return false
}

// string returns the value of a string. Anything else is a finding, and gives the empty string.
func (d *decoder) string(n int32) string {
	if !d.is(n, plainyaml.Text) {
		return ""
	}
	return d.Nodes[n].Text
}

// oneOf returns the index of a string among words.
func (d *decoder) oneOf(n int32, words []string) (int, bool) {
	if !d.is(n, plainyaml.Text) {
		return 0, false
	}
	for i, w := range words {
		if w == d.Nodes[n].Text {
			return i, true
		}
	}
	finding := d.refuse(d.span(n), "`%s` must be one of %s, not %q", d.where(), strings.Join(words, ", "), d.Nodes[n].Text)
	if near, ok := diag.Nearest(d.Nodes[n].Text, words); ok {
		finding.WithHelp("did you mean %s?", near)
	}
	return 0, false
}

// limit reports a list that is longer than the API accepts.
func (d *decoder) limit(n int32, most int) {
	if count := d.length(n); count > most {
		d.refuse(d.keySpan(n), "`%s` has %d items, and the API accepts %d", d.where(), count, most)
	}
}
