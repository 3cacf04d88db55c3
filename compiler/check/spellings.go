package check

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// spelled is a statement that binds a path and not other spellings of it.
type spelled struct {
	at     source.Span
	path   string
	other  string // another spelling, which it does not bind
	callee string
	fate   string // what becomes of requests for the path
	more   int    // statements of the kind
}

// spellings warns, once for a project, of a path that is closed and whose other spellings stay open: a proxy compares
// paths as they are after normalization, and a server may take more of them for the same.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ProxyPathNormalization
func (c *checker) spellings() {
	slashes := c.otherSlashes()
	if len(slashes) == 0 {
		return
	}
	c.eachJudged(func(m *mesh) {
		look := func(ops []policy.Operation, by *rule, open []policy.Requests, fate string) {
			for _, op := range ops {
				if path, slash := strings.CutPrefix(op.Path, "/"); !slash || path == "" || path == "*" || path == "{**}" {
					continue
				}
				if other := spellingOf(op, ops, open, slashes); other != "" {
					c.unit.spelled = c.unit.spelled.and(&spelled{op.At, op.Path, other, by.callee.Name, fate, 0})
				}
			}
		}
		for _, s := range m.services {
			if !s.Proxied() {
				continue
			}
			for _, r := range s.allow {
				look(r.Without, r, []policy.Requests{{Ops: r.Ops}}, "left out")
			}
			for _, r := range s.deny {
				look(r.Ops, r, r.open(), "denied")
			}
			for _, r := range s.ask {
				look(r.Ops, r, r.open(), "asked about")
			}
		}
	})
	var all *spelled
	units := c.merged()
	for _, name := range slices.Sorted(maps.Keys(units)) {
		all = all.and(units[name].spelled)
	}
	if all == nil {
		return
	}
	d := c.list.Add(diag.OtherSpelling, all.at, "%s is not %s, but %s may treat it as %s", quoted(all.other), all.fate, all.callee, quoted(all.path)).
		WithHelp("set `pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}` in the MeshConfig, and name its manifest among the workloads; or allow only the paths that you mean")
	switch all.more {
	case 0:
	case 1:
		d.WithNote("the same holds for one more path")
	default:
		d.WithNote("the same holds for %d more paths", all.more)
	}
}

// and returns the first of two, with the number of all others.
func (s *spelled) and(other *spelled) *spelled {
	switch {
	case s == nil:
		return other
	case other == nil:
		return s
	}
	first := *s
	if other.at.Compare(s.at) < 0 {
		first = *other
	}
	first.more = s.more + other.more + 1
	return &first
}

// open returns the edges that let in callers of a rule at its ports; one of everything where the callee is not closed.
func (r *rule) open() (all []policy.Requests) {
	if !r.callee.closed() {
		return []policy.Requests{{}}
	}
	for _, open := range r.callee.allow {
		if open.meets(r) && sharesSources(open, r) {
			all = append(all, open.Requests)
		}
	}
	return all
}

// spellingOf is another spelling of the path of an operation that an edge admits and no operation of its rule binds;
// empty if there is none. Of a path with wildcards it is one that an edge admits with anything in their place, if there
// is one.
func spellingOf(op policy.Operation, bound []policy.Operation, open []policy.Requests, slashes []string) (found string) {
	for _, slash := range slashes {
		for i := range op.Path {
			if op.Path[i] != '/' || i == 0 && slash[0] != '/' {
				continue
			}
			other := op
			other.Path = op.Path[:i] + slash + op.Path[i+1:]
			if policy.Covers(bound, []policy.Operation{other}) {
				continue
			}
			for _, r := range open {
				if len(r.Without) > 0 && policy.Covers(r.Without, []policy.Operation{other}) {
					continue
				}
				ops := r.Ops
				if len(ops) == 0 {
					ops = []policy.Operation{{}}
				}
				for _, o := range ops {
					exact := !strings.ContainsAny(other.Path, "*{")
					switch methods := (policy.Operation{Methods: o.Methods}); {
					case !methods.Meets(policy.Operation{Methods: op.Methods}):
					case policy.Covers([]policy.Operation{{Path: o.Path, Every: o.Every}}, []policy.Operation{{Path: other.Path}}):
						return other.Path
					case !exact && found == "" && o.MeetsPath(other.Path):
						found = other.Path
					}
				}
			}
		}
	}
	return found
}

// otherSlashes is what may stand for a slash in a path and makes it another path to proxies, by the settings of the
// mesh if the manifests have them.
func (c *checker) otherSlashes() []string {
	encoded := []string{"/%2F", "%2F"}
	base := append([]string{"//"}, encoded...)
	var least []string
	for _, m := range c.inv.MeshConfigs {
		switch m.PathNormalization {
		case "NONE":
			return append([]string{"/./"}, base...)
		case "MERGE_SLASHES":
			if least == nil {
				least = encoded
			}
		case "DECODE_AND_MERGE_SLASHES":
		default: // BASE
			least = base
		}
	}
	if len(c.inv.MeshConfigs) == 0 {
		return base
	}
	return least
}
