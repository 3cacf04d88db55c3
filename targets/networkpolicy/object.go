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

var directions = []string{"Ingress", "Egress"}

func (e *emission) add(o object) {
	pods := targets.Fields{}
	if o.of != nil {
		pods = matchLabels(o.of.Labels)
	}
	types := directions[:1]
	switch {
	case o.egresses && o.of == nil:
		types = directions
	case o.egresses:
		types = directions[1:]
	}
	fields := make(targets.Fields, 0, 4)
	for _, side := range [...]struct {
		key, peers string
		all        []opening
	}{{"egress", "to", o.egress}, {"ingress", "from", o.ingress}} {
		if len(side.all) > 0 {
			rules := make([]targets.Fields, len(side.all))
			for i := range side.all {
				rules[i] = e.fields.rule(&side.all[i], side.peers)
			}
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
