package diff

import (
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// Danger is what makes a change one that a reviewer must not miss. The zero value is no danger.
type Danger struct {
	Does string // what the change does to its subject: opens, loosens
	To   string // whom that lets in; may be empty
	Why  string // what it means
}

// Is reports whether there is one.
func (d Danger) Is() bool { return d != Danger{} }

// Headline is the danger in a title: `opens shop/web to world`.
func (d Danger) Headline(subject string) string {
	text := d.Does + " " + subject
	if d.To != "" {
		text += " to " + d.To
	}
	return text
}

// Danger is that of requests which pass now: from everybody, or out of the mesh. Addresses and tokens that narrow the
// callers are what makes an ordinary edge of it.
func (c *Change) Danger() Danger {
	switch {
	case c.Kind == FailOpen:
		return Danger{"opens", "everybody", "it loses its last ALLOW, so that everybody who reaches it is let in"}
	case c.Kind != Opened:
		return Danger{}
	case len(c.Addresses) > 0:
		return Danger{"lets calls out to", "", "a host outside the mesh"}
	case c.Callers.At != Addresses{} || c.Callers.Clients != Addresses{} || c.Callers.Facts != "":
		return Danger{}
	case c.Callers.Kind == policy.FromWorld:
		return Danger{"opens", "world", "everybody, also without an identity"}
	case c.Callers.Kind == policy.FromAny && c.Callers.Identities == "":
		return Danger{"opens", "any", "every workload of the mesh"}
	}
	return Danger{}
}

// Danger is that of a mode which lets in more than the one before.
func (m *ModeChange) Danger() Danger {
	switch strictness := map[enforce.Mode]int{enforce.Disable: 0, enforce.Permissive: 1, enforce.Strict: 2}; {
	case m.New == enforce.Unknown && m.Old == enforce.Strict:
		return Danger{"may loosen", "", "it is not known whether plaintext is accepted"}
	case m.New == enforce.Unknown || m.Old == enforce.Unknown || m.New == enforce.Listener || strictness[m.New] >= strictness[m.Old]:
		return Danger{}
	case m.New == enforce.Disable:
		return Danger{"loosens", "", "mutual TLS is off: nobody proves an identity"}
	}
	return Danger{"loosens", "", "plaintext is accepted"}
}

// Danger is that of a host outside the mesh which workloads are told of.
func (o *ObjectChange) Danger() Danger {
	if o.Kind != "ServiceEntry" || len(o.Added) == 0 || o.Said || o.Change == "gone" {
		return Danger{}
	}
	return Danger{"lets calls out to", "", "a host outside the mesh"}
}
