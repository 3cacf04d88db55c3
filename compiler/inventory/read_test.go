package inventory

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/golden"
)

// Each archive of testdata holds manifests, what the inventory makes of them, and the findings. A comment
// line `namespace FILE NAME` gives a file the namespace of its workloads entry.
func TestRead(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, path string, archive *txtar.Archive) {
		got := *archive
		got.Files = nil
		for _, f := range archive.Files {
			if f.Name != "want" && f.Name != "findings" {
				got.Files = append(got.Files, f)
			}
		}
		inputs := inputsOf(&got)
		set, findings := Read(inputs)
		got.Files = append(got.Files, txtar.File{Name: "want", Data: []byte(dump(set))})
		if len(findings) > 0 {
			got.Files = append(got.Files, txtar.File{Name: "findings", Data: []byte(dumpFindings(findings))})
		}
		golden.Equal(t, path, txtar.Format(&got))

		slices.Reverse(inputs)
		again, findingsAgain := Read(inputs)
		require.Equal(t, dump(set), dump(again), "the order of files must not matter")
		require.Equal(t, dumpFindings(findings), dumpFindings(findingsAgain))
	})
}

func inputsOf(archive *txtar.Archive) []Input {
	namespaces := map[string]string{}
	for _, line := range strings.Split(string(archive.Comment), "\n") {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "namespace" {
			namespaces[words[1]] = words[2]
		}
	}
	var inputs []Input
	for _, f := range archive.Files {
		inputs = append(inputs, Input{File: source.NewFile(f.Name, string(f.Data)), Namespace: namespaces[f.Name]})
	}
	return inputs
}

// dump writes a set as text, with spans as `line:column "text"`.
func dump(s *Set) string {
	var b strings.Builder
	for _, n := range s.Namespaces {
		fmt.Fprintf(&b, "namespace %s injected=%v ambient=%v at %s\n", n.Name, n.Injected, n.Ambient, at(n.At))
	}
	for _, a := range s.Accounts {
		fmt.Fprintf(&b, "account %s/%s at %s\n", a.Namespace, a.Name, at(a.At))
	}
	for _, w := range s.Workloads {
		fmt.Fprintf(&b, "%s %s/%s at %s\n", w.Kind, w.Namespace, w.Object, at(w.At))
		fmt.Fprintf(&b, "\tservice %s\n", w.Service)
		fmt.Fprintf(&b, "\taccount %s at %s\n", w.Account, at(w.AccountAt))
		var labels []string
		for _, key := range slices.Sorted(maps.Keys(w.Labels)) {
			labels = append(labels, key+"="+w.Labels[key])
		}
		fmt.Fprintf(&b, "\tlabels %s at %s\n", strings.Join(labels, ","), at(w.LabelsAt))
		for _, p := range w.Ports {
			fmt.Fprintf(&b, "\tport %d", p.Number)
			if p.UDP {
				b.WriteString(" udp")
			}
			if p.Protocol != 0 {
				fmt.Fprintf(&b, " %s", p.Protocol)
			}
			if p.Name != "" {
				fmt.Fprintf(&b, " name=%s", p.Name)
			}
			if len(p.ServicePorts) > 0 {
				fmt.Fprintf(&b, " services=%v", p.ServicePorts)
			}
			fmt.Fprintf(&b, " at %s\n", at(p.At))
		}
		if len(w.Hosts) > 0 {
			fmt.Fprintf(&b, "\thosts %s\n", strings.Join(w.Hosts, " "))
		}
		if w.NoProxy != "" {
			fmt.Fprintf(&b, "\tno proxy: %s at %s\n", w.NoProxy, at(w.NoProxyAt))
		}
		dumpCaptures(&b, "inbound", &w.Inbound)
		dumpCaptures(&b, "outbound", &w.Outbound)
		for _, p := range w.Probes {
			fmt.Fprintf(&b, "\tplaintext probe of %s, port %d at %s\n", p.Container, p.Port, at(p.At))
		}
		if w.Scrape != nil {
			fmt.Fprintf(&b, "\tscraped port %d path %q at %s\n", w.Scrape.Port, w.Scrape.Path, at(w.Scrape.At))
		}
	}
	for _, g := range s.Gateways {
		fmt.Fprintf(&b, "%s of %v %s ports %v\n", g, g.Labels(), g.Within, g.Ports)
	}
	for _, r := range s.Routes {
		fmt.Fprintf(&b, "%s:", r.By)
		for _, through := range r.Through {
			fmt.Fprintf(&b, " %s", through.Name)
			if through.Gateway == nil {
				b.WriteString(" (missing)")
			}
		}
		fmt.Fprintf(&b, " to %s/%s %v at %s\n", r.Namespace, r.Service, r.Ports, at(r.At))
	}
	return b.String()
}

func dumpCaptures(b *strings.Builder, direction string, c *policy.Captures) {
	if c.Complete() {
		return
	}
	fmt.Fprintf(b, "\t%s", direction)
	for _, p := range append(c.Ports, c.Rest) {
		port := "other ports"
		if p.Number != 0 {
			port = fmt.Sprint(p.Number)
		}
		fmt.Fprintf(b, "\n\t\t%s %s", port, p.Capture)
		if p.Capture != policy.Captured {
			fmt.Fprintf(b, ": %s at %s", p.Why, at(p.At))
		}
	}
	b.WriteByte('\n')
}

func at(s source.Span) string {
	p := s.StartPosition()
	return fmt.Sprintf("%s:%d:%d %q", s.File.Name, p.Line, p.Rune, s.Text())
}

func dumpFindings(l diag.List) string {
	var b strings.Builder
	for i := range l {
		d := &l[i]
		fmt.Fprintf(&b, "%s\n", d.Error())
		if text := d.Primary.Text(); text != "" {
			fmt.Fprintf(&b, "\tat %q\n", text)
		}
		for _, r := range d.Related {
			fmt.Fprintf(&b, "\t%s: %s\n", r.Message, at(r.Span))
		}
		if d.Help != "" {
			fmt.Fprintf(&b, "\thelp: %s\n", d.Help)
		}
	}
	return b.String()
}

// The manifests of public projects, which were not written for meshc.
func TestExamples(t *testing.T) {
	for name, namespace := range map[string]string{"bookinfo": "bookinfo", "online-boutique": "boutique"} {
		t.Run(name, func(t *testing.T) {
			paths, err := filepath.Glob("../../examples/" + name + "/k8s/*.yaml")
			require.NoError(t, err)
			require.NotEmpty(t, paths)
			var inputs []Input
			for _, path := range paths {
				text, err := os.ReadFile(path)
				require.NoError(t, err)
				inputs = append(inputs, Input{File: source.NewFile(filepath.Base(path), string(text)), Namespace: namespace})
			}
			set, findings := Read(inputs)
			require.Empty(t, findings)
			golden.Equal(t, "testdata/"+name+".want", []byte(dump(set)))
		})
	}
}
