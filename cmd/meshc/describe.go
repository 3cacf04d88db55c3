package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/gitops/forge"
)

// place is FILE:LINE of the statement behind a change, or else the files that the manifests name; empty where neither
// is known.
func place(c *diff.Change) string {
	if !c.At.IsZero() {
		return where(c.At)
	}
	return c.File
}

func where(at source.Span) string {
	return fmt.Sprintf("%s:%d", at.File.Name, at.StartPosition().Line)
}

// mostRoutes is the most lines about what is reached over others.
const mostRoutes = 5

// description is a difference as the description of a pull request.
func (d *difference) description(environment string, owners func(*diff.Change) []string) forge.Description {
	desc := forge.Description{Environment: environment, Diff: string(d.yaml)}
	var heads headlines
	endangers := func(line forge.Line, danger diff.Danger, subjects ...string) {
		line.Why = danger.Why
		desc.Dangers = append(desc.Dangers, line)
		heads.add(danger, subjects)
	}
	lines := func(list []diff.Change) (all []forge.Line) {
		for _, l := range diff.Lines(list) {
			var ask, subjects []string
			for _, c := range l {
				ask = append(ask, owners(c)...)
				subjects = append(subjects, subject(c))
			}
			slices.Sort(ask)
			line := forge.Line{Intent: l.String(), Changes: len(l), File: place(l[0]), Gone: l[0].Gone, Because: l[0].Because, Owners: slices.Compact(ask)}
			danger := l[0].Danger()
			if !danger.Is() {
				all = append(all, line)
				continue
			}
			endangers(line, danger, subjects...)
			if l[0].Kind == diff.Opened {
				desc.Exposed += len(l)
			}
		}
		return all
	}
	for i := range d.Modes {
		m := &d.Modes[i]
		line := forge.Line{Intent: m.String(), File: m.File, Gone: m.Gone, Because: m.Because}
		if danger := m.Danger(); danger.Is() {
			endangers(line, danger, m.Scope())
		} else {
			desc.Modes = append(desc.Modes, line)
		}
	}
	lines(d.FailOpen)
	desc.Opened, desc.Closed, desc.FailClosed = lines(d.Opened), lines(d.Closed), lines(d.FailClosed)
	for i := range d.Others {
		o := &d.Others[i]
		if danger := o.Danger(); danger.Is() {
			endangers(forge.Line{Intent: o.String()}, danger, o.Added...)
		} else {
			desc.Others = append(desc.Others, forge.Line{Intent: o.String()})
		}
	}
	for i := range d.Selections {
		desc.Selections = append(desc.Selections, forge.Line{Intent: d.Selections[i].String()})
	}
	desc.Headlines = heads.texts()
	for i := range d.Dataplanes {
		r := &d.Dataplanes[i]
		line := forge.Line{Intent: r.String(), Why: r.Effect()}
		if r.Abrupt() {
			desc.Dangers = append(desc.Dangers, line)
			desc.Headlines = append(desc.Headlines, "cuts off calls while pods of "+r.Who()+" are replaced")
		} else {
			desc.Dataplanes = append(desc.Dataplanes, line)
		}
	}
	desc.Reachable = d.reachableLines()
	for i := range d.Passages {
		p := &d.Passages[i]
		desc.Passages = append(desc.Passages, forge.Line{Intent: p.String(), File: where(p.At), Gone: p.Gone})
	}
	for i := range d.Network {
		desc.Network = append(desc.Network, forge.Line{Intent: networkChange(&d.Network[i])})
	}
	desc.Graph.Edges = d.edges()
	return desc
}

// reachableLines is what callers reach over others, the first of it.
func (d *difference) reachableLines() (all []forge.Line) {
	for i := range d.Reachable[:min(len(d.Reachable), mostRoutes)] {
		all = append(all, forge.Line{Intent: d.Reachable[i].String()})
	}
	if more := len(d.Reachable) - mostRoutes; more > 0 {
		all = append(all, forge.Line{Intent: fmt.Sprintf("%d more of the kind, which --format json lists", more)})
	}
	if d.Unfollowed > 0 {
		all = append(all, forge.Line{Intent: unfollowedText(d.Unfollowed)})
	}
	return all
}

// edges is the changes as the edges of a picture.
func (d *difference) edges() (all []forge.Edge) {
	add := func(list []diff.Change, change forge.EdgeChange, dangers bool) {
		for i := range list {
			c := &list[i]
			if c.Danger().Is() != dangers {
				continue
			}
			all = append(all, forge.Edge{From: c.Callers.String(), To: c.Callee.String(), Label: strings.TrimSpace(c.What()), MTLS: c.MTLS, Change: change})
		}
	}
	add(d.FailOpen, forge.Exposed, true)
	add(d.Opened, forge.Exposed, true)
	add(d.Opened, forge.Added, false)
	add(d.Closed, forge.Removed, false)
	for _, c := range d.FailClosed {
		add(c.Remaining, forge.Kept, false)
	}
	return all
}

// subject is what a change endangers, in a title.
func subject(c *diff.Change) string {
	if len(c.Addresses) > 0 {
		return strings.Join(c.Addresses, " and ")
	}
	return c.Callee.String()
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
