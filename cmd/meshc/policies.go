package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

// policies is what hand-written manifests give: there are no intents behind it.
type policies struct {
	project   *project.Project
	workloads *inventory.Set // nil where none are named
	model     *model.Model
	assumed   []*policy.Service // whose account is a guess by its name
	domain    string            // the trust domain, where it is a guess by the principals
	findings  diag.List
}

// readPolicies reads policies, and the workloads that they are held against where any are named. What cannot be
// judged is a finding, and the rest is judged.
func (in *inputs) readPolicies(cmd *cobra.Command, patterns []string) (*policies, error) {
	if n := count(patterns, project.Stdin) + count(in.workloads, project.Stdin); n > 1 {
		return nil, usageError("standard input can be read only once, and - stands %d times", n)
	}
	p, findings, err := project.Open(nil)
	if err != nil {
		return nil, err
	}
	out := &policies{project: p, findings: findings}
	files, err := manifestFiles(p, patterns, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	mesh := enforce.Mesh{TrustDomain: p.Config.TrustDomain, RootNamespace: p.Config.RootNamespace}
	layer, found := read.Files(files, mesh)
	if out.domain = model.TrustDomain(layer); out.domain == mesh.TrustDomain || configured(p) {
		out.domain = ""
	} else if out.domain != "" {
		mesh.TrustDomain = out.domain
		layer, found = read.Files(files, mesh)
	}
	out.findings = append(out.findings, found...)
	var known []*policy.Service
	if len(in.workloads) > 0 {
		inputs, _, err := p.Workloads(in.workloads, cmd.InOrStdin())
		if err != nil {
			return nil, err
		}
		out.workloads, found = inventory.Read(inputs)
		out.findings = append(out.findings, found...)
		known = workloadServices(out.workloads)
		out.findings = append(out.findings, read.Check(layer, pods(out.workloads))...)
	}
	named, assumed := model.Named(layer, mesh, known)
	out.model, out.assumed = model.New(named, layer), assumed
	out.findings = out.findings.Sort()
	return out, nil
}

// configured tells whether a project has settings.
func configured(p *project.Project) bool {
	_, err := os.Stat(filepath.Join(p.Root, project.ConfigName))
	return err == nil
}

// guesses is what was taken for granted of the services that an answer is about.
func (p *policies) guesses(about func(*policy.Service) bool) (notes []string) {
	if p.domain != "" {
		notes = append(notes, fmt.Sprintf("the trust domain is taken for %s, which every principal names; `trustDomain` in meshc.yaml says for sure", p.domain))
	}
	for _, s := range p.assumed {
		if about(s) {
			notes = append(notes, fmt.Sprintf("that the account of %s is %s is a guess by its name; --workloads says for sure", s.ID(), s.Account))
		}
	}
	return notes
}

// manifestFiles reads manifests that patterns name: files, folders, globs, or `-`.
func manifestFiles(p *project.Project, patterns []string, stdin io.Reader) ([]*source.File, error) {
	inputs, _, err := p.Workloads(patterns, stdin)
	if err != nil {
		return nil, err
	}
	files := make([]*source.File, len(inputs))
	for i, in := range inputs {
		files[i] = in.File
	}
	return files, nil
}

func pods(inv *inventory.Set) []enforce.Workload {
	all := make([]enforce.Workload, len(inv.Workloads))
	for i, w := range inv.Workloads {
		all[i] = enforce.Workload{Namespace: w.Namespace, Labels: w.Labels}
	}
	return all
}

// workloadServices is each workload as a service, with all the labels of its pods. Of several that would have one name
// the later ones are called after their object.
func workloadServices(inv *inventory.Set) []*policy.Service {
	var services []*policy.Service
	taken := map[string]bool{}
	for _, w := range inv.Workloads {
		s := &policy.Service{Namespace: w.Namespace, Name: w.Service, Account: w.Account, Outside: w.NoProxy != "", Hosts: w.Hosts, At: w.At}
		for n := 1; taken[s.ID()]; n++ {
			s.Name = w.Object
			if n > 1 {
				s.Name = fmt.Sprintf("%s-%d", w.Object, n)
			}
		}
		taken[s.ID()] = true
		for _, key := range slices.Sorted(maps.Keys(w.Labels)) {
			s.Labels = append(s.Labels, policy.Label{Key: key, Value: w.Labels[key]})
		}
		for _, p := range w.Ports {
			if !p.UDP {
				s.Ports = append(s.Ports, policy.Port{Number: p.Number, Protocol: p.Protocol})
			}
		}
		services = append(services, s)
	}
	return services
}

// dryRun says what the answers about a project in dry-run are worth.
func dryRun(p *policy.Policy) string {
	return p.Environment + " is in dry-run: Istio logs what it would deny, and denies nothing; judged as if enforced"
}

// enforced is the services whose policies a project gives.
func enforced(p *policy.Policy, inv *inventory.Set) (all []audit.Pods) {
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			if !s.Outside && !m.Declares {
				labels, told := podsOf(s, inv)
				all = append(all, audit.Pods{Service: s, Labels: labels, Told: told})
			}
		}
	}
	return all
}

// podsOf is the labels of the pods of a service: all that its workloads have, else those that select them. Told is false
// where no manifest tells of its workloads, so that the pods may have others besides.
func podsOf(s *policy.Service, inv *inventory.Set) (all []map[string]string, told bool) {
	first, _ := slices.BinarySearchFunc(inv.Workloads, s.Namespace, func(w *inventory.Workload, namespace string) int { return cmp.Compare(w.Namespace, namespace) })
	for _, w := range inv.Workloads[first:] {
		if w.Namespace != s.Namespace {
			break
		}
		if !slices.ContainsFunc(s.Labels, func(l policy.Label) bool { return w.Labels[l.Key] != l.Value }) {
			all = append(all, w.Labels)
		}
	}
	if len(all) > 0 {
		return all, true
	}
	own := make(map[string]string, len(s.Labels))
	for _, l := range s.Labels {
		own[l.Key] = l.Value
	}
	return []map[string]string{own}, false
}

// bound is the pods that policies may bind.
func bound(p *policy.Policy, inv *inventory.Set) []enforce.Workload {
	all := pods(inv)
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			if !s.Outside {
				known, _ := podsOf(s, inv)
				for _, labels := range known {
					all = append(all, enforce.Workload{Namespace: s.Namespace, Labels: labels})
				}
			}
		}
	}
	return all
}
