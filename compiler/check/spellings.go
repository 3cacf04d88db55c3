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
	callee string
	fate   string // what becomes of requests for the path
	more   int    // statements of the kind
}

// spellings warns, once for a project, of a path that is closed and whose other spellings stay open: a proxy compares paths as
// they are after normalization, and a server may take more of them for the same.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ProxyPathNormalization
func (c *checker) spellings() {
	other := c.otherSpelling()
	if other == "" {
		return
	}
	c.eachJudged(func(m *mesh) {
		look := func(ops []policy.Operation, by *rule, fate string) {
			for _, op := range ops {
				if path, slash := strings.CutPrefix(op.Path, "/"); slash && path != "" && path != "*" && path != "{**}" {
					c.unit.spelled = c.unit.spelled.and(&spelled{op.At, op.Path, by.callee.Name, fate, 0})
				}
			}
		}
		for _, s := range m.services {
			if !s.Proxied() {
				continue
			}
			for _, r := range s.allow {
				look(r.Without, r, "left out")
			}
			for _, r := range s.deny {
				if r.leftOpen() {
					look(r.Ops, r, "denied")
				}
			}
			for _, r := range s.ask {
				if r.leftOpen() {
					look(r.Ops, r, "asked about")
				}
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
	d := c.list.Add(diag.OtherSpelling, all.at, "%s is not %s, but %s may treat it as %s", quoted(other+all.path[1:]), all.fate, all.callee, quoted(all.path)).
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

// leftOpen reports whether an edge lets in what a rule binds, and other paths too.
func (r *rule) leftOpen() bool {
	if !r.callee.closed() {
		return true
	}
	for _, open := range r.callee.allow {
		ops := open.Ops
		if len(ops) == 0 {
			ops = []policy.Operation{{}}
		}
		wider := func(o policy.Operation) bool {
			return slices.ContainsFunc(r.Ops, o.Meets) && !policy.Covers(r.Ops, []policy.Operation{o})
		}
		if open.meets(r) && sharesSources(open, r) && slices.ContainsFunc(ops, wider) {
			return true
		}
	}
	return false
}

// otherSpelling is what may stand for the slash in front of a path and is another path to proxies, by the settings of the mesh if
// the manifests have them; empty if nothing is.
func (c *checker) otherSpelling() string {
	least := ""
	for _, m := range c.inv.MeshConfigs {
		switch m.PathNormalization {
		case "NONE":
			return "/./"
		case "MERGE_SLASHES":
			if least == "" {
				least = "/%2F"
			}
		case "DECODE_AND_MERGE_SLASHES":
		default: // BASE
			least = "//"
		}
	}
	if len(c.inv.MeshConfigs) == 0 {
		return "//"
	}
	return least
}
