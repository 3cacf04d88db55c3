// Package draft builds generated projects, whose statements may have errors.
package draft

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Project is a project with one statement a line.
type Project struct {
	Settings  string              // meshc.yaml
	Lines     map[string][]string // of intents, by namespace
	Workloads string              // manifests
}

// maxBuilds is how often a project may have errors before it is one that no removal of lines mends.
const maxBuilds = 30

// Build builds the project without the lines that have errors, which it removes. An error elsewhere is returned.
func (p *Project) Build() (*compiler.Build, error) {
	for range maxBuilds {
		c, findings := config.Parse(source.NewFile("meshc.yaml", p.Settings))
		if findings.HasErrors() {
			return nil, findings.Err()
		}
		in := compiler.Inputs{Config: c, Today: time.Date(2027, 1, 15, 0, 0, 0, 0, time.UTC), Workloads: []inventory.Input{{File: source.NewFile("k8s.yaml", p.Workloads)}}}
		for _, ns := range slices.Sorted(maps.Keys(p.Lines)) {
			in.Files = append(in.Files, compiler.Input{Name: ns + ".mesh", Text: []byte("mesh " + ns + "\n" + strings.Join(p.Lines[ns], "\n") + "\n")})
		}
		parsed, err := compiler.Parse(context.Background(), in)
		if err != nil {
			return nil, err
		}
		b, err := parsed.Build(context.Background(), c)
		if err != nil || !b.Findings.HasErrors() {
			return b, err
		}
		if err := p.remove(b.Findings); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("errors remain:\n%s", p)
}

// remove removes the lines that have errors.
func (p *Project) remove(findings diag.List) error {
	wrong := map[string]map[int]bool{}
	for _, f := range findings {
		if f.Severity != diag.Error {
			continue
		}
		ns := ""
		if f.Primary.File != nil {
			ns, _ = strings.CutSuffix(f.Primary.File.Name, ".mesh")
		}
		line := f.Primary.StartPosition().Line - 2
		if p.Lines[ns] == nil || line < 0 {
			return fmt.Errorf("%s\n%s", f.Error(), p)
		}
		if wrong[ns] == nil {
			wrong[ns] = map[int]bool{}
		}
		wrong[ns][line] = true
	}
	for ns, lines := range wrong {
		var kept []string
		for i, line := range p.Lines[ns] {
			if !lines[i] {
				kept = append(kept, line)
			}
		}
		p.Lines[ns] = kept
	}
	return nil
}

func (p *Project) String() string {
	text := p.Settings
	for _, ns := range slices.Sorted(maps.Keys(p.Lines)) {
		text += "mesh " + ns + "\n" + strings.Join(p.Lines[ns], "\n") + "\n"
	}
	return text + p.Workloads
}
