package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops/forge"
	"github.com/meshc/meshc/targets/istio/reach"
)

// object is a Kubernetes object that is not judged, and what became of it.
type object struct {
	Change string `json:"change"` // new, changed or gone
	Kind   string `json:"kind"`
	Name   string `json:"name"` // NAMESPACE/NAME
}

func (o object) String() string { return o.Kind + " " + o.Name + " is " + o.Change }

// otherObjects is the objects that differ and that a comparison of requests says nothing about.
func otherObjects(before, after []targets.File) []object {
	old, now := map[object][]byte{}, map[object][]byte{}
	eachChange(before, after, func(_ string, a, b []byte) {
		readObjects(a, old)
		readObjects(b, now)
	})
	var all []object
	for o, text := range now {
		was, there := old[o]
		switch {
		case !there:
			all = append(all, object{"new", o.Kind, o.Name})
		case !bytes.Equal(was, text):
			all = append(all, object{"changed", o.Kind, o.Name})
		}
	}
	for o := range old {
		if _, there := now[o]; !there {
			all = append(all, object{"gone", o.Kind, o.Name})
		}
	}
	slices.SortFunc(all, func(a, b object) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return all
}

func readObjects(text []byte, into map[object][]byte) {
	for _, doc := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
		var o struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if yaml.Unmarshal(doc, &o) != nil {
			continue // the reader of manifests reports it
		}
		switch o.Kind {
		case "", "Kustomization", "AuthorizationPolicy", "PeerAuthentication":
			continue
		}
		into[object{Kind: o.Kind, Name: strings.TrimPrefix(o.Metadata.Namespace+"/"+o.Metadata.Name, "/")}] = bytes.TrimSpace(doc)
	}
}

// place is FILE:LINE of the statement that a change comes from, empty where nothing is known.
func place(c reach.Change) string {
	if c.At.IsZero() {
		return ""
	}
	text := fmt.Sprintf("%s:%d", c.At.File.Name, c.At.StartPosition().Line)
	if c.Gone {
		return "was " + text
	}
	return text
}

// description is a difference as a pull request shows it.
func (d *difference) description(environment string, owners func(reach.Change) []string) forge.Description {
	lines := func(list []reach.Change) []forge.Line {
		var all []forge.Line
		for _, c := range list {
			all = append(all, forge.Line{Intent: c.Text, File: place(c), Because: c.Because, Owners: owners(c)})
		}
		return all
	}
	desc := forge.Description{
		Environment: environment,
		Opened:      lines(d.Opened), Closed: lines(d.Closed), FailOpen: lines(d.FailOpen), FailClosed: lines(d.FailClosed),
		Diff: string(d.yaml),
	}
	for _, r := range d.Reachable {
		desc.Reachable = append(desc.Reachable, forge.Line{Intent: r.String()})
	}
	if d.Unfollowed > 0 {
		desc.Reachable = append(desc.Reachable, forge.Line{Intent: fmt.Sprintf("%d more callers, whose chains were not followed", d.Unfollowed)})
	}
	for _, m := range d.Modes {
		desc.Modes = append(desc.Modes, forge.Line{Intent: m.String()})
	}
	edges := func(list []reach.Change, change forge.EdgeChange) {
		for _, c := range list {
			desc.Graph.Edges = append(desc.Graph.Edges, forge.Edge{From: c.From, To: c.To, Label: strings.TrimSpace(c.Target), MTLS: c.MTLS, Change: change})
		}
	}
	edges(d.Opened, forge.Added)
	edges(d.Closed, forge.Removed)
	edges(d.FailOpen, forge.Added)
	for _, c := range d.FailClosed {
		edges(c.Still, forge.Kept)
	}
	return desc
}

// summary is a title without what it is the title of.
func summary(desc forge.Description) string {
	return strings.TrimPrefix(desc.Title(), "meshc: "+cmp.Or(desc.Environment, "default")+": ")
}

// text is a difference for a terminal.
func (d *difference) text() []byte {
	var b bytes.Buffer
	section := func(title string, n int, line func(i int) (text, file, because string)) {
		if n == 0 {
			return
		}
		b.WriteString(title + "\n")
		width := 0
		for i := range n {
			text, file, _ := line(i)
			if file != "" && len(text) <= 80 {
				width = max(width, len(text))
			}
		}
		for i := range n {
			text, file, because := line(i)
			if file != "" {
				text = fmt.Sprintf("%-*s  %s", width, text, file)
			}
			if because != "" {
				text += ", because " + because
			}
			b.WriteString("  " + text + "\n")
		}
		b.WriteString("\n")
	}
	changes := func(title string, list []reach.Change) {
		section(title, len(list), func(i int) (string, string, string) { return list[i].Text, place(list[i]), list[i].Because })
	}
	changes("opened", d.Opened)
	changes("closed", d.Closed)
	changes("fail-open: these lose their last ALLOW", d.FailOpen)
	changes("fail-closed: these get their first ALLOW", d.FailClosed)
	section("newly reachable", len(d.Reachable), func(i int) (string, string, string) { return d.Reachable[i].String(), "", "" })
	if d.Unfollowed > 0 {
		fmt.Fprintf(&b, "  %d more callers, whose chains were not followed\n\n", d.Unfollowed)
	}
	section("mTLS modes", len(d.Modes), func(i int) (string, string, string) { return d.Modes[i].String(), "", "" })
	section("other objects", len(d.others), func(i int) (string, string, string) { return d.others[i].String(), "", "" })
	return append(b.Bytes(), d.yaml...)
}
