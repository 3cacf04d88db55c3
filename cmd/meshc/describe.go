package main

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/targets/gitops/forge"
)

// place is FILE:LINE of the statement behind a change, or else the files that the manifests name; empty where neither is known.
func place(c *diff.Change) string {
	if !c.At.IsZero() {
		return fmt.Sprintf("%s:%d", c.At.File.Name, c.At.StartPosition().Line)
	}
	return c.File
}

// past marks a place that no longer exists.
func past(place string, gone bool) string {
	if gone && place != "" {
		return "was " + place
	}
	return place
}

// description is a difference as the description of a pull request.
func (d *difference) description(environment string, owners func(*diff.Change) []string) forge.Description {
	lines := func(list []diff.Change) []forge.Line {
		var all []forge.Line
		for i := range list {
			c := &list[i]
			all = append(all, forge.Line{Intent: c.String(), File: place(c), Gone: c.Gone, Because: c.Because, Owners: owners(c)})
		}
		return all
	}
	desc := forge.Description{
		Environment: environment,
		Opened:      lines(d.Opened), Closed: lines(d.Closed), FailOpen: lines(d.FailOpen), FailClosed: lines(d.FailClosed),
		Diff: string(d.yaml),
	}
	for i := range d.Reachable {
		desc.Reachable = append(desc.Reachable, forge.Line{Intent: d.Reachable[i].String()})
	}
	if d.Unfollowed > 0 {
		desc.Reachable = append(desc.Reachable, forge.Line{Intent: unfollowedText(d.Unfollowed)})
	}
	for i := range d.Modes {
		m := &d.Modes[i]
		desc.Modes = append(desc.Modes, forge.Line{Intent: m.String(), File: m.File, Gone: m.Gone, Because: m.Because})
	}
	for i := range d.Others {
		desc.Others = append(desc.Others, forge.Line{Intent: d.Others[i].String()})
	}
	edges := func(list []diff.Change, change forge.EdgeChange) {
		for i := range list {
			c := &list[i]
			desc.Graph.Edges = append(desc.Graph.Edges, forge.Edge{From: c.Callers.String(), To: c.Callee.String(), Label: strings.TrimSpace(c.What()), MTLS: c.MTLS, Change: change})
		}
	}
	edges(d.Opened, forge.Added)
	edges(d.Closed, forge.Removed)
	edges(d.FailOpen, forge.Added)
	for _, c := range d.FailClosed {
		edges(c.Remaining, forge.Kept)
	}
	return desc
}

// summary is the title of a description without its prefix.
func summary(desc forge.Description) string {
	return strings.TrimPrefix(desc.Title(), "meshc: "+cmp.Or(desc.Environment, "default")+": ")
}

// text renders a difference for a terminal.
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
	changes := func(title string, list []diff.Change) {
		section(title, len(list), func(i int) (string, string, string) {
			return list[i].String(), past(place(&list[i]), list[i].Gone), list[i].Because
		})
	}
	changes("fail-open: these lose their last ALLOW", d.FailOpen)
	changes("opened", d.Opened)
	changes("closed", d.Closed)
	changes("fail-closed: these get their first ALLOW", d.FailClosed)
	section("newly reachable", len(d.Reachable), func(i int) (string, string, string) { return d.Reachable[i].String(), "", "" })
	if d.Unfollowed > 0 {
		fmt.Fprintf(&b, "  %s\n\n", unfollowedText(d.Unfollowed))
	}
	section("mTLS modes", len(d.Modes), func(i int) (string, string, string) {
		m := &d.Modes[i]
		return m.String(), past(m.File, m.Gone), m.Because
	})
	section("other objects", len(d.Others), func(i int) (string, string, string) { return d.Others[i].String(), "", "" })
	return append(b.Bytes(), d.yaml...)
}

func unfollowedText(n int) string {
	return plural(n, "more service") + ", whose callers over others were not followed"
}
