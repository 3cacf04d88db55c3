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
	note     string // what the words were taken for
}

// ask reads `SRC DST[:PORT] [METHOD] [PATH]`: one question for each service that its names stand for, several where one
// is a group. Of manifests it may be asked about identities that no policy names.
func ask(p *policy.Policy, args []string, manifests bool) ([]*asked, error) {
	froms, note, err := sourcesOf(p, args[0], manifests)
	if err != nil {
		return nil, err
	}
	name, port, hasPort := strings.Cut(args[1], ":")
	var number uint64
	if hasPort {
		if number, err = strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return nil, usageError("%s: %q is not a port", args[1], port)
		}
	}
	if name == "any" || name == "world" || strings.HasSuffix(name, "*") {
		return nil, usageError("%s: a destination is one service, as in shop/backend", name)
	}
	to, external, err := find(p, name)
	if err != nil {
		return nil, err
	}
	ops, err := operation(strings.Fields(strings.Join(args[2:], " ")))
	if err != nil {
		return nil, err
	}
	if external != nil {
		if len(ops) > 0 {
			return nil, usageError("%s is outside the mesh: nothing here looks at methods and paths", name)
		}
		to = []*policy.Service{nil}
	}
	var all []*asked
	for _, from := range froms {
		for _, s := range to {
			if s != nil && s == from.Service && len(froms)*len(to) > 1 {
				continue // a group that calls itself is about its members among each other
			}
			all = append(all, &asked{from: from, to: s, external: external, port: uint16(number), ops: ops, note: note})
		}
	}
	return all, nil
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

func sourcesOf(p *policy.Policy, name string, manifests bool) (sources []policy.Source, note string, err error) {
	switch name {
	case "any":
		return []policy.Source{{Kind: policy.FromAny}}, "", nil
	case "world":
		return []policy.Source{{Kind: policy.FromWorld}}, "", nil
	}
	if mesh, ok := strings.CutSuffix(name, "/*"); ok {
		var meshes []string
		for _, m := range p.Meshes {
			meshes = append(meshes, m.Name)
		}
		if !manifests && !slices.Contains(meshes, mesh) {
			return nil, "", unknown("mesh", mesh, meshes)
		}
		return []policy.Source{{Kind: policy.FromMesh, Mesh: mesh}}, "", nil
	}
	services, external, err := find(p, name)
	if namespace, account, qualified := strings.Cut(name, "/"); err != nil && manifests && qualified && namespace != "" && account != "" {
		s := &policy.Service{Namespace: namespace, Name: account, Account: account}
		return []policy.Source{{Service: s}}, fmt.Sprintf("no policy names %s: it is taken for the account %s of the namespace %s", name, account, namespace), nil
	}
	if external != nil {
		return nil, "", usageError("%s is outside the mesh and calls nobody by that name; who has no identity is `world`", name)
	}
	for _, s := range services {
		sources = append(sources, policy.Source{Service: s})
	}
	return sources, "", err
}

// find looks a name up: NAMESPACE/NAME, or NAME where one mesh alone has it. A service also answers to its account
// where nothing has such a name. Several services are those of a group.
func find(p *policy.Policy, name string) ([]*policy.Service, *policy.External, error) {
	namespace, short, qualified := strings.Cut(name, "/")
	if !qualified {
		namespace, short = "", name
	}
	type thing struct {
		services []*policy.Service
		external *policy.External
	}
	var found, byAccount []thing
	var ids, accountIDs, all, qualifiedAll []string
	for _, m := range p.Meshes {
		enter := func(name string, t thing) {
			all, qualifiedAll = append(all, name), append(qualifiedAll, m.Name+"/"+name)
			if name == short && (namespace == "" || namespace == m.Name) {
				found, ids = append(found, t), append(ids, m.Name+"/"+name)
			}
		}
		for _, s := range m.Services {
			enter(s.Name, thing{services: []*policy.Service{s}})
			if s.Proxied() && (namespace == "" || namespace == m.Name) && (s.Account == short || s.Account == short+"-sa") {
				byAccount, accountIDs = append(byAccount, thing{services: []*policy.Service{s}}), append(accountIDs, s.ID())
			}
		}
		for _, e := range m.Externals {
			enter(e.Name, thing{external: e})
		}
		for _, g := range m.Groups {
			enter(g.Name, thing{services: g.Members})
		}
	}
	if len(found) == 0 {
		found, ids = byAccount, accountIDs
	}
	switch {
	case len(found) == 1:
		return found[0].services, found[0].external, nil
	case len(found) > 1:
		slices.Sort(ids)
		return nil, nil, usageError("%s may be %s: say which", name, strings.Join(ids, " or "))
	case qualified:
		return nil, nil, unknown("service", name, qualifiedAll)
	}
	return nil, nil, unknown("service", name, all)
}

func unknown(what, name string, among []string) error {
	text := fmt.Sprintf("there is no %s %s", what, name)
	if near, ok := diag.Nearest(name, among); ok {
		text += "; did you mean " + near + "?"
	}
	return usageError("%s", text)
}
