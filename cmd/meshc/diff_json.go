package main

import (
	"strings"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/rollout"
)

type objectJSON struct {
	Change string `json:"change"` // new, changed or gone
	Kind   string `json:"kind"`
	Name   string `json:"name"` // NAMESPACE/NAME

	// HOST:PORT of an external
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
	Callers []string `json:"callers,omitempty"`

	Danger string `json:"danger,omitempty"`
}

type changeJSON struct {
	Text    string       `json:"text"`
	From    string       `json:"from"`
	To      string       `json:"to"`
	What    string       `json:"what,omitempty"`
	MTLS    bool         `json:"mtls"`
	Perhaps bool         `json:"perhaps,omitempty"`
	Danger  string       `json:"danger,omitempty"` // why a reviewer must not miss it
	File    string       `json:"file,omitempty"`
	Line    int          `json:"line,omitempty"`
	Gone    bool         `json:"gone,omitempty"` // the statement was there before
	Because string       `json:"because,omitempty"`
	Still   []changeJSON `json:"still,omitempty"`
}

type routeJSON struct {
	From    []string `json:"from"`
	To      []string `json:"to"`
	Hops    int      `json:"hops"`              // of the shortest chain
	MaxHops int      `json:"maxHops,omitempty"` // of the longest, if that is another
	Chain   string   `json:"chain,omitempty"`
}

type passageJSON struct {
	Text    string `json:"text"`
	Gateway string `json:"gateway"`
	To      string `json:"to"`
	Port    uint16 `json:"port,omitempty"`
	Gone    bool   `json:"gone,omitempty"`
	By      string `json:"by"`
	File    string `json:"file"`
	Line    int    `json:"line"`
}

func newRouteJSON(r *diff.Route) routeJSON {
	j := routeJSON{Hops: r.Hops}
	for i := range r.From {
		j.From = append(j.From, r.From[i].String())
	}
	for _, s := range r.To {
		j.To = append(j.To, s.ID())
	}
	if r.MaxHops > r.Hops {
		j.MaxHops = r.MaxHops
	}
	if r.Chain != nil {
		j.Chain = r.Chain.String()
	}
	return j
}

// selectionJSON is a service whose policies select by other labels, and may bind other pods.
type selectionJSON struct {
	Text    string            `json:"text"`
	Service string            `json:"service"`
	Old     map[string]string `json:"old"`
	New     map[string]string `json:"new"`
}

// dataplaneJSON is services that get another data plane.
type dataplaneJSON struct {
	Text      string   `json:"text"`
	Namespace string   `json:"namespace"`
	Services  []string `json:"services,omitempty"` // absent: all of the namespace
	Old       string   `json:"old"`
	New       string   `json:"new"`
	Effect    string   `json:"effect"`
	Abrupt    bool     `json:"abrupt,omitempty"` // calls are refused meanwhile, whatever comes first

	Late  []strayJSON `json:"late,omitempty"`  // in pods that still have the old one once this is applied
	Early []strayJSON `json:"early,omitempty"` // in pods that have the new one before
}

// strayJSON is calls that are treated as neither before nor after.
type strayJSON struct {
	From  []string `json:"from"`
	To    string   `json:"to"`
	Opens bool     `json:"opens,omitempty"` // they pass; else they are refused
	Share bool     `json:"share,omitempty"` // or those of them are that pass one of two waypoints
}

func straysJSON(all []rollout.Stray) (out []strayJSON) {
	for _, s := range all {
		out = append(out, strayJSON{s.Callers, s.Callee, s.Opens, s.Share})
	}
	return out
}

// networkJSON is connections that the network lets through and did not, or no longer does.
type networkJSON struct {
	Text       string   `json:"text"`
	Opened     bool     `json:"opened"`
	Direction  string   `json:"direction"`
	Pods       string   `json:"pods"`
	Others     []string `json:"others"`
	Ports      []uint16 `json:"ports,omitempty"`
	OtherPorts bool     `json:"otherPorts,omitempty"`
}

func changesJSON(list []diff.Change) []changeJSON {
	all := make([]changeJSON, 0, len(list))
	for i := range list {
		c := &list[i]
		j := changeJSON{
			Text: c.String(), From: c.Callers.String(), To: c.Callee.String(), What: strings.TrimSpace(c.What()), MTLS: c.MTLS, Perhaps: c.Undecided, Danger: c.Danger().Why,
			File: c.File, Because: c.Because, Gone: c.Gone && place(c) != "",
		}
		if !c.At.IsZero() {
			j.File, j.Line = c.At.File.Name, c.At.StartPosition().Line
		}
		if len(c.Remaining) > 0 {
			j.Still = changesJSON(c.Remaining)
		}
		all = append(all, j)
	}
	return all
}

func (d *difference) json(before, after *side, environment string, dangers []string) ([]byte, error) {
	type mode struct {
		Scope   string `json:"scope"`
		Old     string `json:"old"`
		New     string `json:"new"`
		File    string `json:"file,omitempty"`
		Gone    bool   `json:"gone,omitempty"`
		Because string `json:"because,omitempty"`
		Danger  string `json:"danger,omitempty"`
	}
	out := struct {
		Schema      string        `json:"schema"`
		Before      string        `json:"before"`
		After       string        `json:"after"`
		Environment string        `json:"environment,omitempty"`
		Uncompared  string        `json:"uncompared,omitempty"` // why there is nothing to compare with
		Differs     bool          `json:"differs"`
		DryRun      bool          `json:"dryRun,omitempty"`
		Dangers     []string      `json:"dangers,omitempty"` // in a few words
		Opened      []changeJSON  `json:"opened"`
		Closed      []changeJSON  `json:"closed"`
		FailOpen    []changeJSON  `json:"failOpen"`
		FailClosed  []changeJSON  `json:"failClosed"`
		Reachable   []routeJSON   `json:"reachable"`
		Unfollowed  int           `json:"unfollowed,omitempty"`
		Routes      []passageJSON `json:"routes,omitempty"`
		Modes       []mode        `json:"modes"`

		Selections []selectionJSON `json:"selections,omitempty"`
		Dataplanes []dataplaneJSON `json:"dataplanes,omitempty"`

		Network []networkJSON `json:"network,omitempty"`
		Others  []objectJSON  `json:"otherObjects"`
		Files   int           `json:"files"`
		YAML    string        `json:"yaml"`
	}{
		Schema: "meshc.dev/diff/v1", Before: before.name, After: after.name, Environment: environment, Uncompared: before.errors, Differs: before.errors != "" || !d.None(), DryRun: d.DryRun, Dangers: dangers,
		Opened: changesJSON(d.Opened), Closed: changesJSON(d.Closed), FailOpen: changesJSON(d.FailOpen), FailClosed: changesJSON(d.FailClosed),
		Reachable: []routeJSON{}, Unfollowed: d.Unfollowed, Modes: []mode{}, Others: []objectJSON{}, Files: len(d.Files), YAML: string(d.yaml),
	}
	for _, r := range d.Reachable {
		out.Reachable = append(out.Reachable, newRouteJSON(&r))
	}
	for i := range d.Passages {
		p := &d.Passages[i]
		out.Routes = append(out.Routes, passageJSON{Text: p.String(), Gateway: p.Gateway.ID(), To: p.To.ID(), Port: p.Port, Gone: p.Gone, By: p.By, File: p.At.File.Name, Line: p.At.StartPosition().Line})
	}
	for _, m := range d.Modes {
		out.Modes = append(out.Modes, mode{m.Scope(), diff.ModeName(m.Old), diff.ModeName(m.New), m.File, m.Gone, m.Because, m.Danger().Why})
	}
	for i := range d.Selections {
		s := &d.Selections[i]
		out.Selections = append(out.Selections, selectionJSON{s.String(), s.Is.ID(), s.Was.Selector(), s.Is.Selector()})
	}
	for i := range d.Dataplanes {
		r := &d.Dataplanes[i]
		out.Dataplanes = append(out.Dataplanes, dataplaneJSON{r.String(), r.Namespace, r.Services, r.Before.String(), r.After.String(), r.Effect(), r.Abrupt(), straysJSON(r.Late), straysJSON(r.Early)})
	}
	for i := range d.Network {
		c := &d.Network[i]
		out.Network = append(out.Network, networkJSON{Text: c.String(), Opened: c.Opened, Direction: c.Direction.String(), Pods: c.Pods, Others: c.Names(), Ports: c.Ports, OtherPorts: c.Rest})
	}
	for i := range d.Others {
		o := &d.Others[i]
		j := objectJSON{Change: o.Change, Kind: o.Kind, Name: o.Name, Added: o.Added, Removed: o.Removed, Danger: o.Danger().Why}
		for _, c := range o.Callers {
			j.Callers = append(j.Callers, c.String())
		}
		out.Others = append(out.Others, j)
	}
	return answerJSON(out)
}
