package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Pods is the pods of a service, by all their labels.
type Pods struct {
	*policy.Service
	Labels []map[string]string
	Known  bool // from manifests; otherwise the pods have the labels of the service, and may have others
}

// Hypothetical is an interference that may need pods with more labels than are known.
type Hypothetical struct {
	Interference
	Lacks []string // the labels, as KEY=VALUE, that the pods need besides those of their service; empty where they are known
}

// Beside compares manifests with those of the model, service by service. Where the labels of pods are not known, a
// policy that selects by more labels than those of the service is assumed to bind some: assumed is those pods.
func Beside(m *model.Model, services []Pods, other *enforce.Layer) (found []Hypothetical, assumed []enforce.Workload, err error) {
	byNamespace := map[string][]*enforce.Object{}
	for _, p := range other.Policies {
		byNamespace[p.Namespace] = append(byNamespace[p.Namespace], p)
	}
	foreign := map[*enforce.Object]bool{} // policies that select by other labels than the services do, and are reported
	for _, s := range services {
		for _, labels := range s.Labels {
			list, err := Interferences(m, s.Service, labels, other)
			if err != nil {
				return nil, nil, err
			}
			for _, i := range list {
				found = append(found, Hypothetical{Interference: i})
			}
		}
		if s.Known {
			continue
		}
		for _, p := range slices.Concat(byNamespace[s.Namespace], byNamespace[m.Policy.RootNamespace]) {
			lacks, shares := lacking(s.Service.Labels, p)
			if len(lacks) == 0 || foreign[p] {
				continue
			}
			labels := p.Labels()
			for _, l := range s.Service.Labels {
				labels[l.Key] = l.Value
			}
			assumed = append(assumed, enforce.Workload{Namespace: s.Namespace, Labels: labels, Dataplane: s.Dataplane, Fronts: s.Fronts})
			list, err := Interferences(m, s.Service, labels, other)
			if err != nil {
				return nil, nil, err
			}
			for _, i := range list {
				if i.By == p {
					found = append(found, Hypothetical{i, lacks})
					foreign[p] = !shares
				}
			}
		}
	}
	return found, assumed, nil
}

// lacking is the labels that pods with these labels also need for a policy to bind them. It is empty where the policy
// binds them as they are, and where it cannot. Shares reports whether the policy selects by some of their labels: one
// that does not may mean other pods.
func lacking(own []policy.Label, p *enforce.Object) (lacks []string, shares bool) {
	selected := p.Labels()
	if p.Gateways {
		return nil, false
	}
	before := len(selected)
	for _, l := range own {
		if value, ok := selected[l.Key]; ok && value != l.Value {
			return nil, false
		}
		delete(selected, l.Key)
	}
	for _, key := range slices.Sorted(maps.Keys(selected)) {
		lacks = append(lacks, key+"="+selected[key])
	}
	return lacks, len(selected) < before
}

// Interference adds an interference, at the policy that makes it.
func (r *Report) Interference(i *Hypothetical) {
	who, at := "the lack of an ALLOW policy", source.Span{}
	if i.By != nil {
		who = i.By.Kind + " " + i.By.ID()
		if i.Rule >= 0 {
			who += fmt.Sprintf(" rule %d", i.Rule)
		}
		if at = i.By.RuleAt(i.Rule); i.Lost {
			who, at = "the lack of "+who, source.Span{}
		}
	}
	verb, what := "shut", i.Service.ID()+" from "+i.Names()
	switch {
	case i.Mode:
		verb, what = "set", "a mode"
	case i.Opened:
		verb, what = "open", i.Service.ID()+" to "+i.Names()
	}
	if i.Perhaps || len(i.Lacks) > 0 {
		verb = "may " + verb
	} else {
		verb += "s"
	}
	condition := ""
	if len(i.Lacks) > 0 {
		condition = ", if its pods have " + strings.Join(i.Lacks, ", ") + " (--workloads says)"
	}
	if i.Unstated {
		r.Add(diag.Note, Interfering, at, "%s %s %s: %s%s; no statement says who may call it", who, verb, what, i.Example, condition)
		return
	}
	r.Add(diag.Error, Interfering, at, "%s %s %s: %s%s", who, verb, what, i.Example, condition)
	for _, caller := range i.Callers {
		if !i.Opened && !i.Mode {
			r.told.add(caller, &i.Interference, len(r.Problems)-1)
		}
	}
}

// told is the problems of a report that say already that a caller is shut out, by caller and callee.
type told map[[2]string][]shut

// shut is a problem that says of some ports of a callee that a caller is shut out.
type shut struct {
	by      *Interference
	problem int
}

func (t *told) add(caller string, by *Interference, problem int) {
	if *t == nil {
		*t = told{}
	}
	at := [2]string{caller, by.Service.ID()}
	(*t)[at] = append((*t)[at], shut{by, problem})
}

// of is the number of the problem that says so of a port, of which 0 stands for those that nothing names; -1 for none.
func (t told) of(caller, callee string, port uint16) int {
	for _, s := range t[[2]string{caller, callee}] {
		at := port
		if !slices.Contains(s.by.named, port) {
			at = 0
		}
		if slices.Contains(s.by.ports[caller], at) {
			return s.problem
		}
	}
	return -1
}
