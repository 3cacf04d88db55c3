package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/lang/diag"
)

// text is the problems, most severe first, and with all also every edge.
func (r *report) text(all bool) []byte {
	var b bytes.Buffer
	byResult, edges := r.Transports(), 0
	var parts []string
	for _, result := range audit.Transports {
		edges += byResult[result]
		if n := byResult[result]; n > 0 || result == audit.MTLS || result == audit.Plaintext || result == audit.Refused {
			parts = append(parts, fmt.Sprintf("%d %s", n, result))
		}
	}
	fmt.Fprintf(&b, "%s, %s; %s: %s\n", plural(r.Count(diag.Error), "error"), plural(r.Count(diag.Warning), "warning"), plural(edges, "edge"), strings.Join(parts, ", "))
	if len(r.Problems) > 0 {
		b.WriteByte('\n')
		rows := make([][]string, len(r.Problems))
		for i, p := range r.Problems {
			text := p.Text
			if place := r.place(&p); place != "" {
				text = place + ": " + text
			}
			rows[i] = []string{p.Severity.String(), string(p.Topic), text}
		}
		columns(&b, rows)
	}
	if all && edges > 0 {
		b.WriteByte('\n')
		rows := [][]string{{"caller", "callee", "client", "server", "result"}}
		for e := range r.Edges() {
			rows = append(rows, []string{e.From.String(), callee(&e), string(e.Client), e.Server, string(e.Result)})
		}
		columns(&b, rows)
	}
	return b.Bytes()
}

func callee(e *audit.Edge) string {
	if port := ports(e); port != "" {
		return e.To + ":" + port
	}
	return e.To
}

// ports is the ports of an edge, `*` for those that nothing names; empty for every port of a callee without a proxy.
func ports(e *audit.Edge) string {
	if e.Other {
		return "*"
	}
	return join(e.Ports, ",")
}

func (r *report) place(p *audit.Problem) string {
	switch {
	case p.Path != "":
		return p.Path
	case p.At.IsZero():
		return ""
	}
	return fmt.Sprintf("%s:%d", r.shown(p.At.File.Name), p.At.StartPosition().Line)
}

// columns writes rows with aligned cells.
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
	out := verifyJSON{"meshc.dev/verify/v1", r.Count(diag.Error), r.Count(diag.Warning), []problemJSON{}, []edgeJSON{}}
	for _, p := range r.Problems {
		one := problemJSON{Severity: p.Severity.String(), Topic: string(p.Topic), Message: p.Text, File: p.Path}
		if p.Path == "" && !p.At.IsZero() {
			one.File, one.Line = r.shown(p.At.File.Name), p.At.StartPosition().Line
		}
		out.Problems = append(out.Problems, one)
	}
	for e := range r.Edges() {
		out.Edges = append(out.Edges, edgeJSON{e.From.String(), e.To, ports(&e), string(e.Client), e.Server, string(e.Result), e.Why})
	}
	return answerJSON(out)
}
