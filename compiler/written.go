package compiler

import (
	"strconv"

	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/format"
)

// Written is a statement of a remedy as its section would have it.
func Written(s *explain.Statement) string { return format.Statement(tree(s)) }

func tree(s *explain.Statement) lang.Stmt {
	to := lang.Target{Ref: named(s, policy.Source{Service: s.To})}
	if s.External != nil {
		to.Ref = name(s, s.External.Namespace, s.External.Name)
	}
	if s.Port != 0 {
		to.Port = lang.Name{Text: strconv.Itoa(int(s.Port))}
	}
	if s.Kind == explain.Mode {
		return &lang.MTLS{Targets: []lang.Target{to}, Mode: lang.Name{Text: policy.Permissive.String()}}
	}
	for _, o := range s.Ops {
		one := lang.Operation{Path: lang.Name{Text: o.Path, Quoted: policy.StarWithin(o.Path)}}
		for _, method := range o.Methods {
			one.Methods = append(one.Methods, lang.Name{Text: method})
		}
		to.Ops = append(to.Ops, one)
	}
	if s.Kind == explain.Export {
		ops := to.Ops
		to.Ops = nil
		from := named(s, s.From)
		if s.From.Kind == policy.FromMesh {
			from = lang.Ref{Name: lang.Name{Text: s.From.Mesh}}
		}
		return &lang.Export{What: []lang.Target{to}, To: []lang.Ref{from}, Requests: lang.Requests{Ops: ops}}
	}
	return &lang.Edge{Hops: []lang.Hop{{Targets: []lang.Target{{Ref: named(s, s.From)}}}, {Targets: []lang.Target{to}}}}
}

// named is a source as the section of a statement names it.
func named(s *explain.Statement, f policy.Source) lang.Ref {
	switch {
	case f.Kind == policy.FromMesh:
		return lang.Ref{Namespace: lang.Name{Text: f.Mesh}, Name: lang.Name{Text: "*"}}
	case f.Kind != policy.FromService:
		return lang.Ref{Name: lang.Name{Text: f.String()}}
	case f.Service == nil:
		return lang.Ref{}
	}
	return name(s, f.Service.Namespace, f.Service.Name)
}

func name(s *explain.Statement, namespace, name string) lang.Ref {
	if namespace != s.Mesh {
		return lang.Ref{Namespace: lang.Name{Text: namespace}, Name: lang.Name{Text: name}}
	}
	return lang.Ref{Name: lang.Name{Text: name, Quoted: name == "any" || name == "world"}}
}
