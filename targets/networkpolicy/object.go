package networkpolicy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// object is a NetworkPolicy to write.
type object struct {
	wave            int
	namespace, name string
	why             origin
	of              *policy.Service // whose pods it binds; nil: all of the namespace
	ingress, egress []opening
	egresses        bool // it is about egress, and about ingress too if it binds the whole namespace
}

func (e *emission) add(o object) {
	pods := targets.Fields{}
	if o.of != nil {
		pods = matchLabels(o.of.Labels)
	}
	var fields targets.Fields
	types := []string{"Ingress"}
	switch {
	case o.egresses && o.of == nil:
		types = append(types, "Egress")
	case o.egresses:
		types[0] = "Egress"
	}
	for _, side := range [...]struct {
		key, peers string
		all        []opening
	}{{"egress", "to", o.egress}, {"ingress", "from", o.ingress}} {
		var rules []targets.Fields
		for i := range side.all {
			rules = append(rules, side.all[i].rule(side.peers))
		}
		if len(rules) > 0 {
			fields = append(fields, targets.Field{Key: side.key, Value: rules})
		}
	}
	fields = append(fields, targets.Field{Key: "podSelector", Value: pods}, targets.Field{Key: "policyTypes", Value: types})
	e.buffer = e.writer.Append(e.buffer[:0], &targets.Object{
		APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: o.namespace, Name: o.name,
		Labels:      []targets.Pair{{Key: "app.kubernetes.io/managed-by", Value: "meshc"}},
		Annotations: o.why.annotations(o.wave),
		Fields:      fields,
	})
	if len(e.buffer) > maxBytes {
		var at source.Span
		if o.of != nil {
			at = o.of.At
		}
		d := e.findings.Add(diag.ManifestLimit, at, "the NetworkPolicy %s/%s is larger than a cluster takes", o.namespace, o.name)
		if o.of != nil && !o.egresses {
			d.WithHelp("let a whole namespace call it: `NAMESPACE/* -> %s`", o.of.Name)
		} else {
			d.WithHelp("name a whole namespace, or leave out `egress: true`")
		}
		return
	}
	e.manifests = append(e.manifests, targets.Manifest{
		APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: o.namespace, Name: o.name, Wave: o.wave, YAML: slices.Clone(e.buffer),
	})
}

// maxBytes of an object: client-side apply keeps a copy of it in an annotation, and all of these together may have 256 KiB.
const maxBytes = (256 - 16) << 10

// origin is what the annotations of an object say about its intents.
type origin struct{ files, because, until []string }

func fromRules(rules []policy.Rule) (o origin) {
	for i := range rules {
		r := &rules[i]
		if r.At.File != nil {
			o.files = append(o.files, r.At.File.Name)
		}
		o.because, o.until = append(o.because, r.Because), append(o.until, r.Until)
	}
	return o
}

func (o origin) annotations(wave int) []targets.Pair {
	pairs := []targets.Pair{{Key: "argocd.argoproj.io/sync-wave", Value: strconv.Itoa(wave)}}
	for _, a := range [...]struct {
		key, separator string
		values         []string
	}{
		{"meshc.dev/because", "; ", o.because},
		{"meshc.dev/source", ",", o.files},
		{"meshc.dev/until", ",", o.until},
	} {
		values := slices.DeleteFunc(slices.Clone(a.values), func(v string) bool { return v == "" })
		slices.Sort(values)
		if values = slices.Compact(values); len(values) > 0 {
			pairs = append(pairs, targets.Pair{Key: a.key, Value: strings.Join(values, a.separator)})
		}
	}
	return pairs
}
