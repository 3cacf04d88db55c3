package check

import (
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

// Info is what the names in intents stand for, as Info of go/types is for Go. Each name of a mesh, service, group,
// external or account is in it, by its span, unless it could not be resolved. The wildcards (*, any, world), ports and
// labels are not names.
type Info struct {
	Names []Named // one place can be in it more than once, always with the same object
}

// Named is a name in intents or in a workload manifest.
type Named struct {
	At     source.Span
	Object *Object // declared by this name if its place is that of the object
}

// Object is something with a name. The zero Object is none.
type Object struct {
	Kind      ObjectKind
	Namespace string // empty for a mesh
	Name      string

	// At is the name where it is declared, or, of what only manifests know, the value there that gives it the name. It
	// is zero for a namespace that neither a section nor an object names, but only an entry of meshc.yaml.
	At source.Span
}

// ObjectKind is what an Object is.
type ObjectKind uint8

const (
	MeshName ObjectKind = iota + 1
	ServiceName
	GroupName
	ExternalName
	AccountName
)

func (k ObjectKind) String() string {
	return [...]string{"", "mesh", "service", "group", "external", "account"}[k]
}

// record enters what a name stands for.
func (c *checker) record(n lang.Name, o *Object) {
	if c.Info != nil {
		c.Info.Names = append(c.Info.Names, Named{n.Range, o})
	}
}

// recordAccounts resolves the accounts that declarations state: to a ServiceAccount of the manifests, else to the
// workload that runs as it, else to the first declaration that states it.
func (c *checker) recordAccounts(sections []section) {
	if c.Info == nil {
		return
	}
	declared := make(map[*mesh]map[string]*Object, len(c.meshes))
	for _, m := range c.meshes {
		accounts := make(map[string]*Object, len(m.accounts))
		declared[m] = accounts
		for name, at := range m.accounts {
			accounts[name] = &Object{AccountName, m.Name, name, at}
		}
		for _, s := range m.services {
			for _, w := range s.workloads {
				if _, stated := m.accounts[w.Account]; !stated {
					accounts[w.Account] = &Object{AccountName, m.Name, w.Account, w.AccountAt}
				}
			}
		}
	}
	for _, s := range sections {
		for _, stmt := range s.stmts {
			d, ok := stmt.(*lang.Service)
			if !ok {
				continue
			}
			for _, names := range [...][]lang.Name{d.Accounts, d.Was} {
				for _, a := range names {
					o := declared[s.mesh][a.Text]
					if o == nil {
						o = &Object{AccountName, s.mesh.Name, a.Text, a.Range}
						declared[s.mesh][a.Text] = o
					}
					c.record(a, o)
				}
			}
		}
	}
}
