package importer

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Copies is the file of the project that has the manifests with which it is built, where meshc.yaml cannot name them:
// they are in another folder or a cluster, or some of them cannot be read.
const Copies = "workloads.yaml"

// copied is the manifest of an object.
type copied struct {
	text string
	at   source.Span // in what was given
}

// copy has the project be built with copies of those manifests that can be read.
func (i *importer) copy() {
	i.copies = []copied{}
	for _, in := range i.manifests {
		if yamldoc.Text(in.File) != nil {
			continue
		}
		for doc := range yamldoc.Split(in.File) {
			if !inventory.Irrelevant(doc) && doc.Parse() == nil && doc.Root != nil {
				i.copyFrom(doc, doc.Root)
			}
		}
	}
	for {
		set, found := inventory.Read(i.copiesAsInput())
		if i.known = set; !slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Severity == diag.Error && i.omit(&d) }) {
			break
		}
	}
	i.manifests, i.paths = i.copiesAsInput(), []string{Copies}
}

// copyFrom copies an object, or the items of a List.
func (i *importer) copyFrom(doc *yamldoc.Document, n *yaml.Node) {
	if n = yamldoc.Resolve(n); n == nil || n.Kind != yaml.MappingNode || strings.HasPrefix(yamldoc.Scalar(n, "apiVersion"), group+"/") || templated(n) {
		return
	}
	if items := yamldoc.Get(n, "items"); items != nil {
		for _, item := range items.Content {
			i.copyFrom(doc, item)
		}
		return
	}
	c := copied{applied(n), doc.Span(n)}
	for alone := range yamldoc.Split(source.NewFile(Copies, c.text)) {
		if yamldoc.Scalar(n, "kind") != "" && !inventory.Irrelevant(alone) {
			i.copies = append(i.copies, c)
		}
	}
}

// copiesAsInput are the copies as one file.
func (i *importer) copiesAsInput() []inventory.Input {
	return []inventory.Input{{File: source.NewFile(Copies, i.copiesText())}}
}

func (i *importer) copiesText() string {
	var b strings.Builder
	for k, c := range i.copies {
		if k > 0 {
			b.WriteString("---\n")
		}
		b.WriteString(c.text)
	}
	return b.String()
}

// omit leaves out the manifest that an error is about, says so, and reports whether there is one.
func (i *importer) omit(d *diag.Diagnostic) bool {
	if d.Primary.IsZero() || d.Primary.File.Name != Copies {
		return false
	}
	start := 0
	for k, c := range i.copies {
		end := start + len(c.text) + len("---\n")
		if int(d.Primary.Start) < end {
			if !slices.ContainsFunc(i.findings, func(known diag.Diagnostic) bool { return known.Code == d.Code && known.Message == d.Message }) {
				found := *d
				found.Primary, found.Related, found.Fixes = c.at, nil, nil
				i.findings = append(i.findings, found)
			}
			i.copies = slices.Delete(i.copies, k, k+1)
			return true
		}
		start = end
	}
	return false
}
