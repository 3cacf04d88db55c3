package inventory

import (
	"strings"

	"github.com/meshc/meshc/lang/source"
)

// Alias is a Service of type ExternalName: another name of a host. Calls to it are calls to that host, and policies of
// the alias do not exist (ENABLE_EXTERNAL_NAME_ALIAS of istiod, which is on since 1.21).
type Alias struct {
	Namespace, Name string
	Host            string // as written, without a dot at the end
	To              string // NAMESPACE/NAME of the Service that the host is of; empty where it is another host
	At              source.Span
}

func newAlias(namespace, name, host string, at source.Span) *Alias {
	a := &Alias{Namespace: namespace, Name: name, Host: strings.TrimSuffix(host, "."), At: at}
	if strings.Contains(a.Host, ".") {
		if d := hostOf(a.Host, namespace); d.namespace != "" {
			a.To = d.id()
		}
	}
	return a
}

// maxAliases is how many aliases in a row are followed.
const maxAliases = 8

// Alias returns what a Service is another name of, in the end; nil if it is no alias, or one of itself.
func (s *Set) Alias(namespace, name string) *Alias {
	return follow(s.aliases, namespace+"/"+name)
}

func follow(aliases map[string]*Alias, id string) *Alias {
	last := aliases[id]
	for range maxAliases {
		if last == nil || last.To == "" || aliases[last.To] == nil {
			return last
		}
		last = aliases[last.To]
	}
	return nil
}

// behind is the destination that a Service leads to if it is an alias.
func (d *destination) behind(aliases map[string]*Alias) {
	switch a := follow(aliases, d.id()); {
	case a == nil:
	case a.To == "":
		d.namespace, d.service = "", a.Host
	default:
		d.namespace, d.service, _ = strings.Cut(a.To, "/")
	}
}
