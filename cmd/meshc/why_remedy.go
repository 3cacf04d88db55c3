package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/lang/source"
)

// writeRemedy writes what would allow the query, or what stands in the way of that.
func (r *reason) writeRemedy(b *bytes.Buffer) {
	lead := "to allow it, "
	var narrow []source.Span
	for _, w := range r.Remedy.Ways {
		if len(w.Narrow) > 0 && narrow == nil {
			narrow = w.Narrow
			texts := slices.Concat(w.Instead...)
			if len(texts) == 0 {
				fmt.Fprintf(b, "%sdelete what denies it\n", lead)
			} else {
				fmt.Fprintf(b, "%snarrow what denies it\n", lead)
			}
			r.writeStatements(b, narrow)
			if len(texts) > 0 {
				b.WriteString("to\n")
			}
			for _, one := range texts {
				fmt.Fprintf(b, "  %s\n", one.Text)
			}
			lead = "and "
		}
		r.writeWay(b, lead, &w)
		lead = "or "
	}
	if len(r.Remedy.Breaks) > 0 {
		b.WriteString("it cannot be allowed without breaking\n")
		r.writeStatements(b, r.Remedy.Breaks)
	}
	if all := r.Remedy.Refused; len(all) > 0 {
		if all[0].Help == "" {
			fmt.Fprintf(b, "no edge can allow it: %s [%s]\n", all[0].Message, all[0].Code)
		} else {
			fmt.Fprintf(b, "an edge for it, as asked, is refused: %s [%s]\nhelp: %s\n", all[0].Message, all[0].Code, all[0].Help)
		}
	} else if all := r.Remedy.Whole; len(all) > 0 {
		b.WriteString("what denies it cannot be written so that it denies all but this\n")
		r.writeStatements(b, all)
		b.WriteString("deleted, it would let through more\n")
	} else if s := r.Remedy.Shut; s != nil {
		fmt.Fprintf(b, "no edge can allow it: the network would refuse it still, by %s\n", r.atNetwork(s))
	}
}

func (r *reason) writeStatements(b *bytes.Buffer, all []source.Span) {
	for _, at := range all {
		fmt.Fprintf(b, "  %s\n", r.statement(at))
	}
}

func (r *reason) writeWay(b *bytes.Buffer, lead string, w *explain.Way) {
	switch w.Kind {
	case explain.Everyone:
		lead += "let in every caller, with or without an identity: "
	case explain.Plaintext:
		if r.From.Service != nil {
			lead += "bring " + r.From.Service.Name + " into the mesh, or "
		}
		lead += "accept plaintext too: "
	}
	for i := range w.Write {
		s := &w.Write[i]
		if i == 0 || s.Mesh != w.Write[i-1].Mesh || s.File != w.Write[i-1].File {
			if i > 0 {
				lead = "and "
				if s.Kind == explain.Export {
					lead = "with the consent of its owners, "
				}
			}
			fmt.Fprintf(b, "%swrite in mesh %s%s\n", lead, s.Mesh, r.inFile(s.File))
		}
		fmt.Fprintf(b, "  %s\n", compiler.Written(s))
	}
	if len(w.Replaced) > 0 {
		b.WriteString("in place of\n")
		r.writeStatements(b, w.Replaced)
	}
}

func (r *reason) inFile(name string) string {
	if name == "" {
		return ""
	}
	return " (" + r.shown(name) + ")"
}
