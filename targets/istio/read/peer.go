package read

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/diag"
)

var peerFields = []string{"selector", "mtls", "portLevelMtls"}

var apiModes = enforce.Modes[enforce.Inherit : enforce.Strict+1]

func (d *decoder) peer(p *enforce.Object, spec int32) {
	if spec == 0 {
		return
	}
	var ports int32
	d.fields(spec, peerFields, func(key string, n int32) {
		switch key {
		case "selector":
			d.selector(p, n)
			if len(p.Selector) == 0 {
				p.Unsent = enforce.BySelector
			}
		case "mtls":
			p.Mode = d.mutualTLS(n)
		case "portLevelMtls":
			ports = n
			if !d.is(n, plainyaml.Mapping) {
				return
			}
			for c := d.Nodes[n].First; c != 0; c = d.Nodes[c].Next {
				key := d.Nodes[c].Key
				d.path = append(d.path, key)
				port, err := strconv.ParseUint(key, 10, 16)
				if err != nil || port == 0 {
					d.refuse(d.keySpan(c), "%q is not a port", key)
				}
				p.Ports = append(p.Ports, enforce.PortMode{Port: uint16(port), Mode: d.mutualTLS(c)})
				d.path = d.path[:len(d.path)-1]
			}
			if d.Nodes[n].First == 0 {
				d.refuse(d.keySpan(n), "`%s` is empty, which Istio refuses", d.where())
			}
		}
	})
	slices.SortFunc(p.Ports, func(a, b enforce.PortMode) int { return cmp.Compare(a.Port, b.Port) })
	if ports != 0 && len(p.Selector) == 0 {
		d.refuse(d.keySpan(ports), "modes of ports need a selector with labels")
	}
}

func (d *decoder) mutualTLS(n int32) enforce.Mode {
	mode := enforce.Inherit
	if d.Nodes[n].Kind == plainyaml.Null {
		return mode
	}
	d.fields(n, []string{"mode"}, func(_ string, n int32) {
		m, ok := d.oneOf(n, apiModes)
		if mode = enforce.Mode(m); !ok {
			mode = enforce.Unknown
		}
	})
	return mode
}

// oneScope reports PeerAuthentications of one namespace that have the same selector. Only the oldest applies. They are
// sorted by age.
func (r *reader) oneScope(peers []*enforce.Object) {
	inScope := map[string][]*enforce.Object{}
	for _, p := range peers {
		scope := ""
		for _, l := range p.Selector {
			scope += l.Key + "=" + l.Value + ","
		}
		inScope[scope] = append(inScope[scope], p)
	}
	for _, all := range inScope {
		unknown := slices.ContainsFunc(all, func(p *enforce.Object) bool { return enforce.Rivals(all[0], p) })
		for _, p := range all[1:] {
			r.overruled(p, all[0], unknown)
		}
	}
}

func (r *reader) overruled(p, by *enforce.Object, unknown bool) {
	if unknown {
		r.findings.Add(diag.Unevaluable, p.At, "the PeerAuthentications %s and %s have the same scope, and it is not known which of them applies", by.ID(), p.ID()).
			WithRelated(by.At, "the other one").
			WithNote("the older one applies, and the manifests do not say which that is").
			WithHelp("keep one of them")
		return
	}
	r.findings.Add(diag.Ineffective, p.At, "the PeerAuthentication %s has the same scope as %s", p.ID(), by.ID()).
		WithRelated(by.At, "the other one").
		WithNote("only the oldest one in a scope applies").
		WithHelp("keep one of them")
}
