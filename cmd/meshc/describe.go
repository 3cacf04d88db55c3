package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/gitops/forge"
)

// place is FILE:LINE of the statement behind a change, or else the files that the manifests name; empty where neither is known.
func place(c *diff.Change) string {
	if !c.At.IsZero() {
		return where(c.At)
	}
	return c.File
}

func where(at source.Span) string {
	return fmt.Sprintf("%s:%d", at.File.Name, at.StartPosition().Line)
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
	lines := func(list []diff.Change) (all []forge.Line) {
		for _, l := range diff.Lines(list) {
			var ask []string
			for _, c := range l {
				ask = append(ask, owners(c)...)
			}
			slices.Sort(ask)
			all = append(all, forge.Line{Intent: l.String(), Changes: len(l), File: place(l[0]), Gone: l[0].Gone, Because: l[0].Because, Owners: slices.Compact(ask)})
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
	for i := range d.Passages {
		p := &d.Passages[i]
		desc.Passages = append(desc.Passages, forge.Line{Intent: p.String(), File: where(p.At), Gone: p.Gone})
	}
	for i := range d.Modes {
		m := &d.Modes[i]
		desc.Modes = append(desc.Modes, forge.Line{Intent: m.String(), File: m.File, Gone: m.Gone, Because: m.Because})
	}
	for i := range d.Network {
		desc.Others = append(desc.Others, forge.Line{Intent: networkChange(&d.Network[i])})
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

// text renders a difference for a terminal. Nothing in a name or a reason begins a line of its own.
func (d *difference) text() []byte {
	var b bytes.Buffer
	type line struct{ text, file, because string }
	section := func(title string, lines []line) {
		if len(lines) == 0 {
			return
		}
		b.WriteString(title + "\n")
		width := 0
		for _, l := range lines {
			if l.file != "" && len(l.text) <= 80 {
				width = max(width, len(l.text))
			}
		}
		for _, l := range lines {
			text := l.text
			if l.file != "" {
				text = fmt.Sprintf("%-*s  %s", width, text, l.file)
			}
			if l.because != "" {
				text += ", because " + l.because
			}
			b.WriteString("  " + diag.PrintableLine(text) + "\n")
		}
		b.WriteString("\n")
	}
	changes := func(list []diff.Change) (lines []line) {
		for _, l := range diff.Lines(list) {
			lines = append(lines, line{l.String(), past(place(l[0]), l[0].Gone), l[0].Because})
		}
		return lines
	}
	section("fail-open: these lose their last ALLOW", changes(d.FailOpen))
	section("opened", changes(d.Opened))
	section("closed", changes(d.Closed))
	section("fail-closed: these get their first ALLOW", changes(d.FailClosed))
	var reachable, passages, modes, onNetwork, others []line
	for i := range d.Reachable {
		reachable = append(reachable, line{text: d.Reachable[i].String()})
	}
	if d.Unfollowed > 0 {
		reachable = append(reachable, line{text: unfollowedText(d.Unfollowed)})
	}
	section("newly reachable", reachable)
	for i := range d.Passages {
		p := &d.Passages[i]
		passages = append(passages, line{text: p.String(), file: past(where(p.At), p.Gone)})
	}
	section("routes of gateways", passages)
	for i := range d.Modes {
		m := &d.Modes[i]
		modes = append(modes, line{m.String(), past(m.File, m.Gone), m.Because})
	}
	section("mTLS modes", modes)
	for i := range d.Network {
		onNetwork = append(onNetwork, line{text: networkChange(&d.Network[i])})
	}
	section("on the network", onNetwork)
	for i := range d.Others {
		others = append(others, line{text: d.Others[i].String()})
	}
	section("other objects", others)
	return append(b.Bytes(), d.yaml...)
}

func unfollowedText(n int) string {
	return plural(n, "more service") + ", whose callers over others were not followed"
}

// networkChange says what the network lets through, or no longer does.
func networkChange(c *network.Change) string {
	if c.Opened {
		return "opened: " + c.String()
	}
	return "closed: " + c.String()
}
