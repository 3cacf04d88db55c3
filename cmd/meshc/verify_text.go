package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// edgeRow is one line of the table that `istioctl authn tls-check` used to print.
type edgeRow struct {
	from, to, port string
	client, server string // what the caller's side opens, and what the callee's side expects
	result         string // mTLS, TLS, plaintext, refused, or unknown where a policy cannot be judged
	why            string // of refused
}

func (r *report) edge(m *model.Model, e *audit.Edge) {
	row := edgeRow{from: e.From.String(), to: e.To.ID(), server: e.Mode.String()}
	if e.Port != 0 {
		row.port = fmt.Sprint(e.Port)
	} else {
		row.port = "*"
	}
	// A sidecar opens mutual TLS wherever the other end has a proxy that takes it ("auto mTLS").
	switch {
	case e.Mode == enforce.Disable, e.From.Kind == policy.FromWorld && e.From.Other != "", e.From.Kind == policy.FromService && m.Principal(e.From.Service) == "":
		row.client = "plaintext"
	case e.From.Kind == policy.FromWorld && e.Mode != enforce.Strict:
		row.client = "mTLS or plaintext"
	default:
		row.client = "mTLS"
	}
	someone := e.From.Kind == policy.FromWorld // of whom some have no sidecar, and obey no DestinationRule
	if e.Rule != nil && !someone {
		row.client = opened[e.Client]
	}
	row.result = row.client
	if e.Mode == enforce.Unknown {
		row.client, row.result = "unknown", "unknown"
	}
	// A dry run refuses nobody. That it would is no news where mTLS is disabled: nobody has an identity there.
	idle := e.Mode == enforce.Disable && m.Policy.DryRun
	switch {
	case e.Refused != "" && !idle:
		row.result, row.why = "refused", e.Refused
		r.add(diag.Error, "refused", e.At, "%s -> %s:%s is refused: %s", row.from, row.to, row.port, row.why)
	case e.Conflict != "" && someone:
		r.add(diag.Warning, "refused", e.Rule.At, "%s -> %s:%s is refused for those with a sidecar: %s", row.from, row.to, row.port, e.Conflict)
	case e.Conflict != "":
		row.result, row.why = "refused", e.Conflict
		r.add(diag.Error, "refused", e.Rule.At, "%s -> %s:%s is refused: %s", row.from, row.to, row.port, row.why)
	}
	r.edges = append(r.edges, row)
}

// opened is what a DestinationRule has callers open.
var opened = map[enforce.ClientTLS]string{enforce.NoTLS: "plaintext", enforce.SimpleTLS: "TLS", enforce.MutualTLS: "TLS", enforce.IstioTLS: "mTLS"}

func (r *report) external(e *policy.External) {
	for _, f := range e.Callers {
		for _, p := range e.Ports {
			row := edgeRow{from: f.String(), to: e.Namespace + "/" + e.Name, port: fmt.Sprint(p.Number), client: "plaintext", server: "external", result: "plaintext"}
			switch {
			case p.Originate:
				row.client, row.result = "TLS by the sidecar", "TLS"
			case p.Protocol == policy.TLS:
				row.client, row.result = "TLS by the application", "TLS"
			}
			r.edges = append(r.edges, row)
		}
	}
}

var results = []string{"mTLS", "TLS", "mTLS or plaintext", "plaintext", "refused", "unknown"}

func (r *report) text() []byte {
	var b bytes.Buffer
	byResult := map[string]int{}
	for _, e := range r.edges {
		byResult[e.result]++
	}
	var parts []string
	for _, result := range results {
		if n := byResult[result]; n > 0 || result == "mTLS" || result == "plaintext" || result == "refused" {
			parts = append(parts, fmt.Sprintf("%d %s", n, result))
		}
	}
	fmt.Fprintf(&b, "%s, %s; %s: %s\n", plural(r.count(diag.Error), "error"), plural(r.count(diag.Warning), "warning"), plural(len(r.edges), "edge"), strings.Join(parts, ", "))
	if len(r.problems) > 0 {
		b.WriteByte('\n')
		rows := make([][]string, len(r.problems))
		for i, p := range r.problems {
			text := p.text
			if place := r.place(&p); place != "" {
				text = place + ": " + text
			}
			rows[i] = []string{p.severity.String(), p.topic, text}
		}
		columns(&b, rows)
	}
	if len(r.edges) > 0 {
		b.WriteByte('\n')
		rows := [][]string{{"caller", "callee", "client", "server", "result"}}
		for _, e := range r.edges {
			rows = append(rows, []string{e.from, e.callee(), e.client, e.server, e.result})
		}
		columns(&b, rows)
	}
	return b.Bytes()
}

func (e *edgeRow) callee() string {
	if e.port == "" {
		return e.to
	}
	return e.to + ":" + e.port
}

func (r *report) place(p *problem) string {
	switch {
	case p.path != "":
		return p.path
	case p.at.IsZero():
		return ""
	}
	return fmt.Sprintf("%s:%d", r.shown(p.at.File.Name), p.at.StartPosition().Line)
}

// columns writes rows with their cells under each other.
func columns(b *bytes.Buffer, rows [][]string) {
	var width []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", width[i], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

type verifyJSON struct {
	Schema   string        `json:"schema"`
	Errors   int           `json:"errors"`
	Warnings int           `json:"warnings"`
	Problems []problemJSON `json:"problems"`
	Edges    []edgeJSON    `json:"edges"`
}

type problemJSON struct {
	Severity string `json:"severity"`
	Topic    string `json:"topic"`
	Message  string `json:"message"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
}

type edgeJSON struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Port   string `json:"port"` // `*`: the ports that nothing names
	Client string `json:"client"`
	Server string `json:"server"`
	Result string `json:"result"`
	Why    string `json:"why,omitempty"`
}

func (r *report) json() ([]byte, error) {
	out := verifyJSON{"meshc.dev/verify/v1", r.count(diag.Error), r.count(diag.Warning), []problemJSON{}, []edgeJSON{}}
	for _, p := range r.problems {
		one := problemJSON{Severity: p.severity.String(), Topic: p.topic, Message: p.text, File: p.path}
		if p.path == "" && !p.at.IsZero() {
			one.File, one.Line = r.shown(p.at.File.Name), p.at.StartPosition().Line
		}
		out.Problems = append(out.Problems, one)
	}
	for _, e := range r.edges {
		out.Edges = append(out.Edges, edgeJSON{e.from, e.to, e.port, e.client, e.server, e.result, e.why})
	}
	return answerJSON(out)
}
