package check

import (
	"slices"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

// Info is what the names in intents stand for, as Info of go/types is for Go. Each name of a mesh, service, group,
// external or account is in one of the two, by its span, unless it could not be resolved. The wildcards (*, any, world),
// ports and labels are not names.
type Info struct {
	Defs map[source.Span]Object // names that declare
	Uses map[source.Span]Object // names that refer to a declaration, in intents or in a workload manifest
}

// Object is something with a name. The zero Object is none.
type Object struct {
	Kind      ObjectKind
	Namespace string // empty for a mesh
	Name      string

	// At is the name where it is declared, or, of what only manifests know, the value there that gives it the name. It is
	// zero for a namespace that neither a section nor an object names, but only an entry of meshc.yaml.
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

// record enters a name as the definition of an object where that is declared by it, and as a use elsewhere.
func (c *checker) record(n lang.Name, o Object) {
	if c.Info == nil {
		return
	}
	names := &c.Info.Uses
	if n.Range == o.At {
		names = &c.Info.Defs
	}
	if *names == nil {
		*names = map[source.Span]Object{}
	}
	(*names)[n.Range] = o
}

// recordAccounts resolves the accounts that declarations state: to a ServiceAccount of the manifests, else to the workload
// that runs as it, else to the first declaration that states it.
func (c *checker) recordAccounts(sections []section) {
	if c.Info == nil {
		return
	}
	declared := map[Object]source.Span{}
	for _, m := range c.meshes {
		for _, s := range m.services {
			for _, w := range s.workloads {
				declared[Object{Kind: AccountName, Namespace: m.Name, Name: w.Account}] = w.AccountAt
			}
		}
		for name, at := range m.accounts {
			declared[Object{Kind: AccountName, Namespace: m.Name, Name: name}] = at
		}
	}
	for _, s := range sections {
		for _, stmt := range s.stmts {
			d, ok := stmt.(*lang.Service)
			if !ok {
				continue
			}
			for _, a := range slices.Concat(d.Accounts, d.Was) {
				o := Object{Kind: AccountName, Namespace: s.mesh.Name, Name: a.Text}
				if _, known := declared[o]; !known {
					declared[o] = a.Range
				}
				c.record(a, Object{o.Kind, o.Namespace, o.Name, declared[o]})
			}
		}
	}
}
