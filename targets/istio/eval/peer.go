package eval

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/meshc/meshc/lang/diag"
)

var peerFields = []string{"selector", "mtls", "portLevelMtls"}

var apiModes = modes[Inherit : Strict+1]

func (d *decoder) peer(p *Policy, spec int32) {
	if spec == 0 {
		return
	}
	var ports int32
	d.fields(spec, peerFields, func(field int, n int32) {
		switch field {
		case 0:
			d.selector(p, n)
		case 1:
			p.mode = d.mutualTLS(n)
		case 2:
			ports = n
			if !d.is(n, mapping) {
				return
			}
			for c := d.nodes[n].first; c != 0; c = d.nodes[c].next {
				key := d.nodes[c].key
				d.path = append(d.path, key)
				port, err := strconv.ParseUint(key, 10, 16)
				if err != nil || port == 0 {
					d.refuse(d.keySpan(c), "%q is not a port", key)
				}
				p.ports = append(p.ports, portMode{uint16(port), d.mutualTLS(c)})
				d.path = d.path[:len(d.path)-1]
			}
			if d.nodes[n].first == 0 {
				d.refuse(d.keySpan(n), "`%s` is empty, which Istio refuses", d.where())
			}
		}
	})
	slices.SortFunc(p.ports, func(a, b portMode) int { return cmp.Compare(a.port, b.port) })
	if ports != 0 && len(p.selector) == 0 {
		d.refuse(d.keySpan(ports), "modes of single ports need a selector with labels")
	}
}

func (d *decoder) mutualTLS(n int32) Mode {
	mode := Inherit
	if d.nodes[n].kind == null {
		return mode
	}
	d.fields(n, []string{"mode"}, func(_ int, n int32) {
		m, ok := d.oneOf(n, apiModes)
		if mode = Mode(m); !ok {
			mode = Unknown
		}
	})
	return mode
}

// older orders policies as Istio does: by their creation, then by name.
func older(a, b *Policy) int {
	return cmp.Or(byAge(a.created, b.created), cmp.Compare(a.Name, b.Name))
}

// byAge puts what no cluster has created yet behind all that one has.
func byAge(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}

// oneScope reports PeerAuthentications of one namespace that have the same selector: only the oldest counts. The
// policies are sorted.
func (r *reader) oneScope(peers []*Policy) {
	first := map[string]*Policy{}
	for _, p := range peers {
		scope := ""
		for _, l := range p.selector {
			scope += l.key + "=" + l.value + ","
		}
		if other := first[scope]; other != nil {
			r.overruled(p, other)
		} else {
			first[scope] = p
		}
	}
}

func (r *reader) overruled(p, by *Policy) {
	if rival(p, by) {
		r.findings.Add(diag.Unevaluable, p.At, "the PeerAuthentications %s and %s have the same scope, and which of them counts is not known", by.ID(), p.ID()).
			WithRelated(by.At, "the other one").
			WithNote("that which was created first counts, and the manifests do not tell which it was").
			WithHelp("keep one of them")
		return
	}
	r.findings.Add(diag.Ineffective, p.At, "the PeerAuthentication %s has the same scope as %s", p.ID(), by.ID()).
		WithRelated(by.At, "the other one").
		WithNote("of two in one scope only the oldest counts").
		WithHelp("keep one of them")
}

// rival tells whether nobody knows which of two PeerAuthentications is the older one, and it matters. Of two that are
// equally old the name decides, but age is not told by manifests that no cluster has seen. One that a cluster has seen is
// older than one that none has.
func rival(a, b *Policy) bool {
	return a.created.IsZero() && b.created.IsZero() && (a.Broken || b.Broken || a.mode != b.mode || !slices.Equal(a.ports, b.ports))
}
