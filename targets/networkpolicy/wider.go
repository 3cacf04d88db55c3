package networkpolicy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// told is what one finding says once.
type told struct {
	what string
	a, b *policy.Service
}

// wider reports an edge for which the network lets through more than it says.
func (e *emission) wider(s *policy.Service, r *policy.Rule, from policy.Source, why, help string) {
	if key := (told{why + from.String(), s, nil}); !e.told[key] {
		e.told[key] = true
		d := e.findings.Add(diag.WiderNetwork, at(r, from), "the network lets through more to %s than the edge from %s: %s", s.ID(), from, why)
		if help != "" {
			d.WithHelp("%s", help)
		}
	}
}

// exceptions reports the callers that an edge leaves out and the network does not.
func (e *emission) exceptions(s *policy.Service, rules []policy.Rule) {
	for i := range rules {
		r := &rules[i]
		if len(r.Except) > 0 {
			e.findings.Add(diag.WiderNetwork, r.At, "the network does not leave %s out of the callers of %s", names(r.Except), s.ID()).
				WithNote("a NetworkPolicy only lets through; the proxies of %s leave them out", s.ID()).
				WithHelp("name the callers that are meant, and no wildcard")
		}
	}
}

// deniedSources reports denied callers that some edge lets through, as far as the network sees.
func (e *emission) deniedSources(s *policy.Service, allow []policy.Rule) {
	for i := range s.Deny {
		d := &s.Deny[i]
		if d.OfHTTP() {
			continue
		}
		var open []policy.Source
		for n, from := range d.From {
			through := slices.ContainsFunc(allow, func(r policy.Rule) bool {
				return slices.ContainsFunc(r.From, func(f policy.Source) bool {
					return f.Meets(from) && !d.Includes(f) && slices.ContainsFunc(portsOf(s, &r, f), func(p [2]uint16) bool { return meets(d, p) })
				})
			})
			if through && !slices.Contains(open, from) {
				open = append(open, d.From[n])
			}
		}
		if len(open) > 0 {
			e.findings.Add(diag.WiderNetwork, d.At, "the network does not deny %s to %s: a wider edge lets it through, and a NetworkPolicy cannot take callers out", s.ID(), names(open)).
				WithNote("the proxies of %s deny it", s.ID()).
				WithHelp("name the callers of the edge that are meant, and no wildcard")
		}
	}
}

// meets reports whether a deny is about one of some ports.
func meets(d *policy.Rule, ports [2]uint16) bool {
	if len(d.Ports) == 0 {
		return true
	}
	return slices.ContainsFunc(d.Ports, func(p uint16) bool { return ports[0] <= p && p <= ports[1] })
}

// denied reports denies of a service that no edge leads to and that nothing isolates.
func (e *emission) denied(m *policy.Mesh, s *policy.Service, closed bool) {
	for i := range s.Deny {
		if d := &s.Deny[i]; !closed && !d.OfHTTP() && len(s.Allow) == 0 {
			e.findings.Add(diag.WiderNetwork, d.At, "the network does not deny %s to %s: nothing closes the service, and a NetworkPolicy cannot take callers out", s.ID(), names(d.From)).
				WithNote("the proxies of %s deny it", s.ID()).
				WithHelp("close the namespace with a mode in `mesh %s`, and name the callers", m.Name)
			return
		}
	}
}

// alike reports other services whose pods have the labels of a service.
func (e *emission) alike(s *policy.Service) {
	if s.Unnamed || len(s.Labels) == 0 {
		return
	}
	first := s.Labels[0]
	for _, o := range e.holders[holder{s.Namespace, first.Key, first.Value}] {
		key := told{"alike", s, o}
		if o == s || e.told[key] || !carries(o, s.Labels) {
			continue
		}
		e.told[key] = true
		e.findings.Add(diag.LikePods, s.At, "to the network, the pods of %s are pods of %s: they have its labels (%s)", o.ID(), s.ID(), labelsText(s.Labels)).
			WithRelated(o.At, "%s", o.ID()).
			WithHelp("give the pods of %s a label that the others do not have", s.ID())
	}
}

// carries reports whether some pods of a service have labels.
func carries(s *policy.Service, labels []policy.Label) bool {
	pods := s.Pods
	if len(pods) == 0 {
		pods = []map[string]string{s.Selector()}
	}
	return slices.ContainsFunc(pods, func(p map[string]string) bool {
		return !slices.ContainsFunc(labels, func(l policy.Label) bool { return p[l.Key] != l.Value })
	})
}

// hide keeps the first edge whose ports the network does not see.
func (e *emission) hide(s *policy.Service, r *policy.Rule, from policy.Source) {
	if s.Dataplane == policy.Ambient && e.hiddenAt.IsZero() && len(r.Ports)+len(r.PortsWithout()) > 0 {
		e.hiddenAt = at(r, from)
	}
}

// hidden says once that the network does not see the ports of pods in ambient mode.
func (e *emission) hidden() {
	if !e.hiddenAt.IsZero() {
		e.findings.Add(diag.HiddenPorts, e.hiddenAt, "the network does not see the ports of pods in ambient mode: whoever has an edge to one may open connections to all of them, by the tunnel").
			WithNote("what stands between is the pod's ztunnel and waypoint, which refuse the rest")
	}
}

// unnamed reports the callers whose pods are not known.
func (e *emission) unnamed() {
	var all []*policy.Service
	for _, m := range e.Meshes {
		for _, s := range m.Services {
			if e.unknown[s] {
				all = append(all, s)
			}
		}
	}
	if len(all) == 0 {
		return
	}
	const most = 3
	var ids []string
	for _, s := range all[:min(most, len(all))] {
		ids = append(ids, s.ID())
	}
	text := strings.Join(ids, ", ")
	if n := len(all) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	e.findings.Add(diag.UnknownPods, all[0].At, "the labels of the pods of %s are not known, so the network lets the whole namespace through where %s may call", text, map[bool]string{true: "it", false: "they"}[len(all) == 1]).
		WithHelp("give the manifests of its workloads (`workloads` of meshc.yaml), or state the labels: `service %s label app=%s`", all[0].Name, all[0].Name)
}

func names(sources []policy.Source) string {
	all := make([]string, len(sources))
	for i, s := range sources {
		all[i] = s.String()
	}
	return strings.Join(all, ", ")
}

func labelsText(labels []policy.Label) string {
	all := make([]string, len(labels))
	for i, l := range labels {
		all[i] = l.Key + "=" + l.Value
	}
	return strings.Join(all, ",")
}

func at(r *policy.Rule, from policy.Source) source.Span {
	return r.SourceAt(max(slices.Index(r.From, from), 0))
}
