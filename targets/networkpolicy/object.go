package networkpolicy

import (
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// object is a NetworkPolicy to write.
type object struct {
	wave            int
	namespace, name string
	why             targets.Origin
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
	written := &targets.Object{
		APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: o.namespace, Name: o.name,
		Labels:      targets.Managed,
		Annotations: o.why.Annotations(o.wave),
		Fields:      fields,
	}
	if e.buffer = e.writer.Append(e.buffer[:0], written); !written.Fits(len(e.buffer)) {
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
		APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: o.namespace, Name: o.name, Wave: o.wave, YAML: string(e.buffer),
	})
}
