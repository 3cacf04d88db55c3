package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// asked is the words of a question, as they are found in a policy.
type asked struct {
	from     policy.Source
	to       *policy.Service
	external *policy.External // in place of to
	port     uint16
	ops      []policy.Operation
}

// ask reads `SRC DST[:PORT] [METHOD] [PATH]`.
func ask(p *policy.Policy, args []string) (*asked, error) {
	a := &asked{}
	var err error
	if a.from, err = sourceOf(p, args[0]); err != nil {
		return nil, err
	}
	name, port, hasPort := strings.Cut(args[1], ":")
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return nil, usageError("%s: %q is not a port", args[1], port)
		}
		a.port = uint16(n)
	}
	switch {
	case name == "any" || name == "world" || strings.HasSuffix(name, "*"):
		return nil, usageError("%s: a destination is one service, as in shop/backend", name)
	default:
		if a.to, a.external, err = find(p, name); err != nil {
			return nil, err
		}
	}
	a.ops, err = operation(strings.Fields(strings.Join(args[2:], " ")))
	if err == nil && len(a.ops) > 0 && a.external != nil {
		err = usageError("%s is outside the mesh: nothing here looks at methods and paths", name)
	}
	return a, err
}

// operation reads `GET|HEAD /api/*`, either part of which may be left out.
func operation(words []string) ([]policy.Operation, error) {
	if len(words) == 0 {
		return nil, nil
	}
	var o policy.Operation
	if !isPath(words[0]) {
		o.Methods = strings.Split(strings.ToUpper(words[0]), "|")
		for _, m := range o.Methods {
			if m == "" || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
				return nil, usageError("%s: want a method such as GET, or a path such as /api", words[0])
			}
		}
		slices.Sort(o.Methods)
		o.Methods = slices.Compact(o.Methods)
		words = words[1:]
	}
	if len(words) > 1 || len(words) == 1 && !isPath(words[0]) {
		return nil, usageError("%s: want SRC DST[:PORT] [METHOD] [PATH]", strings.Join(words, " "))
	}
	if len(words) == 1 {
		o.Path, _, _ = strings.Cut(words[0], "?") // a policy sees the path without its query
	}
	return []policy.Operation{o}, nil
}

func isPath(word string) bool { return strings.HasPrefix(word, "/") || strings.HasPrefix(word, "*") }

func sourceOf(p *policy.Policy, name string) (policy.Source, error) {
	switch name {
	case "any":
		return policy.Source{Kind: policy.FromAny}, nil
	case "world":
		return policy.Source{Kind: policy.FromWorld}, nil
	}
	if mesh, ok := strings.CutSuffix(name, "/*"); ok {
		var meshes []string
		for _, m := range p.Meshes {
			meshes = append(meshes, m.Name)
		}
		if !slices.Contains(meshes, mesh) {
			return policy.Source{}, unknown("mesh", mesh, meshes)
		}
		return policy.Source{Kind: policy.FromMesh, Mesh: mesh}, nil
	}
	s, external, err := find(p, name)
	if external != nil {
		return policy.Source{}, usageError("%s is outside the mesh and calls nobody by that name; who has no identity is `world`", name)
	}
	return policy.Source{Service: s}, err
}

// find looks a name up: NAMESPACE/NAME, or NAME where one mesh alone has it. A service also answers to its account
// where no service has such a name.
func find(p *policy.Policy, name string) (*policy.Service, *policy.External, error) {
	namespace, short, qualified := strings.Cut(name, "/")
	if !qualified {
		namespace, short = "", name
	}
	var services, byAccount []*policy.Service
	var externals []*policy.External
	var all, ids []string
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			all = append(all, s.Name)
			ids = append(ids, s.ID())
			switch {
			case namespace != "" && namespace != m.Name:
			case s.Name == short:
				services = append(services, s)
			case s.Account == short && !s.Outside, s.Account == short+"-sa" && !s.Outside:
				byAccount = append(byAccount, s)
			}
		}
		for _, e := range m.Externals {
			all = append(all, e.Name)
			ids = append(ids, e.Namespace+"/"+e.Name)
			if e.Name == short && (namespace == "" || namespace == m.Name) {
				externals = append(externals, e)
			}
		}
	}
	if len(services)+len(externals) == 0 {
		services = byAccount
	}
	switch {
	case len(services) == 1 && len(externals) == 0:
		return services[0], nil, nil
	case len(services) == 0 && len(externals) == 1:
		return nil, externals[0], nil
	case len(services)+len(externals) == 0 && qualified:
		return nil, nil, unknown("service", name, ids)
	case len(services)+len(externals) == 0:
		return nil, nil, unknown("service", name, all)
	}
	var candidates []string
	for _, s := range services {
		candidates = append(candidates, s.ID())
	}
	for _, e := range externals {
		candidates = append(candidates, e.Namespace+"/"+e.Name)
	}
	slices.Sort(candidates)
	return nil, nil, usageError("%s may be %s: say which", name, strings.Join(candidates, " or "))
}

func unknown(what, name string, among []string) error {
	text := fmt.Sprintf("there is no %s %s", what, name)
	if near, ok := diag.Nearest(name, among); ok {
		text += "; did you mean " + near + "?"
	}
	return usageError("%s", text)
}
