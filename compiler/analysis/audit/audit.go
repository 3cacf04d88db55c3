// Package audit reports what a mesh enforces: the transport of every edge, callers that no intent names, and what is
// wrong with the deployed manifests.
//
// It asks the model about each service and knows no files: a caller that compares folders adds its own problems to the
// report. An edge is judged at both ends. The server's end is the mode of its port; the client's end is what a sidecar
// opens, which is mutual TLS wherever the server accepts it unless a DestinationRule says otherwise.
package audit

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Report is what is enforced, and what is wrong with it.
type Report struct {
	Problems []Problem // the most severe first

	bundles bundles
	told    told
}

// Problem is something that is wrong or worth knowing.
type Problem struct {
	Severity diag.Severity
	Topic    Topic
	Text     string
	At       source.Span
	Path     string // in place of At: a file as the user would name it
}

// Topic is what a problem is about.
type Topic string

const (
	Account      Topic = "account"      // one that no workload runs as
	Changed      Topic = "changed"      // an object that is not what the project gives
	DryRun       Topic = "dry-run"      // a policy that is logged and not enforced
	Elsewhere    Topic = "elsewhere"    // policies of namespaces that nothing is known of
	Exposure     Topic = "exposed"      // callers that nothing names
	Folder       Topic = "folder"       // a file that is not what the project gives
	Guard        Topic = "guard"        // a broken never, always or only
	Guess        Topic = "guess"        // what was assumed, because nothing says it
	Interfering  Topic = "interference" // a policy that changes what those of the project let through
	Manifest     Topic = "manifest"     // one that cannot be read or judged
	Missing      Topic = "missing"      // an object of the project that is not deployed
	Mode         Topic = "mode"
	NoEffect     Topic = "no effect"
	NoProxy      Topic = "no proxy"
	Open         Topic = "open" // a service that no ALLOW policy selects
	PlaintextTLS Topic = "plaintext"
	Probe        Topic = "probe" // of the kubelet, that is refused
	RefusedEdge  Topic = "refused"
	Route        Topic = "route" // of a gateway
	Scrape       Topic = "scrape"
	Undecided    Topic = "undecided" // an edge that a policy decides which cannot be judged
	Waypoint     Topic = "waypoint"  // that does not keep from a service what it seems to
	Workload     Topic = "workload"
)

// Judge adds every edge and service of a model, as the manifests enforce them. The error names a service whose policies
// distinguish too many kinds of requests.
func (r *Report) Judge(m *model.Model) error {
	var classifier enforce.Classifier
	work := &edges{Model: m, report: r, byIdentity: map[string]int{}}
	for _, mesh := range m.Policy.Meshes {
		for _, s := range mesh.Services {
			if err := r.service(m, &classifier, work, mesh, s); err != nil {
				return err
			}
		}
		for _, e := range mesh.Externals {
			r.external(e)
		}
	}
	r.Findings(Manifest, unmatched(m))
	return nil
}

// DryRuns adds the policies that enforce nothing.
func (r *Report) DryRuns(m *model.Model) {
	for _, p := range m.Manifests.Policies {
		if p.DryRun {
			r.Add(diag.Warning, DryRun, p.At, "%s %s is in dry-run: Istio logs what it would do, and enforces nothing of it", p.Kind, p.ID())
		}
	}
}

// Add adds a problem.
func (r *Report) Add(severity diag.Severity, topic Topic, at source.Span, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{Severity: severity, Topic: topic, Text: fmt.Sprintf(format, args...), At: at})
}

// Findings adds findings, with what they advise.
func (r *Report) Findings(topic Topic, list diag.List) {
	for _, d := range list {
		text := d.Message
		if d.Help != "" {
			text += "; " + d.Help
		}
		r.Add(d.Severity, topic, d.Primary, "%s", text)
	}
}

// Sort puts the report into its order and drops problems that stand twice in a row.
func (r *Report) Sort() {
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return cmp.Compare(b.Severity, a.Severity) })
	r.Problems = slices.CompactFunc(r.Problems, func(a, b Problem) bool { return a == b })
}

// Count is the number of problems of a severity.
func (r *Report) Count(s diag.Severity) int {
	n := 0
	for _, p := range r.Problems {
		if p.Severity == s {
			n++
		}
	}
	return n
}

func (r *Report) service(m *model.Model, classifier *enforce.Classifier, work *edges, mesh *policy.Mesh, s *policy.Service) error {
	if !s.Proxied() {
		for i := range s.Allow {
			r.bundles.add(Edge{To: s.ID(), Ports: s.Allow[i].Ports, Client: Plaintext, Server: "no proxy", Result: Plaintext}, s.Allow[i].From)
		}
		return nil
	}
	if len(s.Labels) == 0 && !s.Unnamed {
		return nil // an account that manifests name: nothing is known of its pods
	}
	split, err := m.Split(classifier, s, space.Distinctions{})
	if err != nil {
		return fmt.Errorf("%s: %w", s.ID(), err)
	}
	r.edges(work, split)
	r.bypassed(s)
	if len(s.Through()) > 0 {
		r.waypoints(m, split)
	}
	r.Findings(Manifest, widened(m, s))
	if !mesh.Closes(s) {
		return nil
	}
	if !model.DeniesByDefault(m.Callee(s)) {
		r.Add(diag.Warning, Open, s.At, "no ALLOW policy selects %s: every request that nothing denies is let through", s.ID())
		return nil
	}
	r.exposure(m, split)
	return nil
}

// external adds the edges to an external, which no policy of the mesh binds.
func (r *Report) external(x *policy.External) {
	for _, p := range x.Ports {
		e := Edge{To: x.ID(), Ports: []uint16{p.Number}, Client: Plaintext, Server: "external", Result: Plaintext}
		switch {
		case p.Originate:
			e.Client, e.Result = "TLS by the sidecar", TLS
		case p.Protocol == policy.TLS:
			e.Client, e.Result = "TLS by the application", TLS
		}
		r.bundles.add(e, x.Callers)
	}
}
