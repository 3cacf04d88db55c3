package compiler

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// TestImperatives does what helps say in words: delete, keep one of two, write one text in place of another. At least
// one reading of each must remove its finding, cause no error, and open nothing but what it is about. TestHelpPairs
// follows others.
func TestImperatives(t *testing.T) {
	followed := 0
	done := map[string]bool{}
	for _, p := range corpus(t) {
		before := p.check(t)
		for _, d := range before.findings {
			said := string(d.Code) + d.Message + d.Help
			if d.Help == "" || d.Severity == diag.Note || done[said] || paired(t, d.Help) || len(d.Fixes) > 0 || len(proposals(d.Help, p)) > 0 {
				continue
			}
			done[said] = true
			readings := p.readings(&d)
			if len(readings) == 0 {
				continue
			}
			followed++
			var faults []string
			held := false
			for _, edits := range readings {
				about := []source.Span{d.Primary}
				for _, e := range edits {
					about = append(about, e.Span)
				}
				found := wrong(t, before, p.with(edits...).check(t), d, false, lines(about...))
				if held = len(found) == 0; held {
					break
				}
				faults = append(faults, found...)
			}
			if !held {
				slices.Sort(faults)
				t.Errorf("%s: %s: %s\n\t%s", p.name, d.Error(), d.Help, strings.Join(slices.Compact(faults), "\n\t"))
			}
		}
	}
	assert.Greater(t, followed, 60)
}

var (
	deletes  = regexp.MustCompile(`\b(?:delete|keep one|take (?:the|this|one of these) |remove)\b`)
	deleted  = regexp.MustCompile("(?:delete|remove) `([^`]+)`")
	replaces = regexp.MustCompile("(?:\\bwrite|did you mean|written as|percent-encoded:|path alone:|needs?|has one: write) (?:it )?([^ ,;:?`]+|\"[^\"]+\"|`[^`]+`)")
)

// readings returns the edits that the words of a help may stand for.
func (p *advised) readings(d *diag.Diagnostic) (all [][]diag.Edit) {
	at := d.Primary
	if at.File == nil || at.IsZero() || at.File.Name == "meshc.yaml" && p.Environment != "" { // the environment has to remain
		return nil
	}
	related := []source.Span{at}
	for _, r := range d.Related {
		related = append(related, r.Span)
	}
	if m := deleted.FindStringSubmatch(d.Help); m != nil {
		for _, at := range related {
			for _, s := range p.statements(at) {
				if i := strings.Index(s.Text(), m[1]); i >= 0 {
					all = append(all, []diag.Edit{{Span: s.File.Span(int(s.Start)+i, int(s.Start)+i+len(m[1]))}})
				}
			}
		}
	}
	if deletes.MatchString(d.Help) {
		for _, at := range related {
			all = append(all, []diag.Edit{{Span: at}})
			if path.Ext(at.File.Name) == ".yaml" {
				line := at.StartPosition().Line
				all = append(all, []diag.Edit{{Span: document(at)}}, []diag.Edit{{Span: at.File.Span(at.File.Offset(line), at.File.Offset(line)+len(at.File.Line(line)))}})
			} else {
				all = append(all, p.uses(at))
			}
			for _, s := range p.statements(at) {
				all = append(all, []diag.Edit{{Span: s}})
				for _, clause := range clausesAt(s, at) {
					all = append(all, []diag.Edit{{Span: clause}})
				}
			}
		}
	}
	for _, m := range replaces.FindAllStringSubmatch(d.Help, -1) {
		text := strings.Trim(m[1], "`")
		if slices.Contains([]string{"a", "an", "the", "its", "it", "year", "every", "one", "out", "in"}, text) {
			continue
		}
		all = append(all, []diag.Edit{{Span: at, New: text}}, p.everywhere(at, text))
		whole := at
		for whole.Start > 0 && !strings.ContainsRune(" \n", rune(at.File.Text[whole.Start-1])) {
			whole.Start--
		}
		all = append(all, []diag.Edit{{Span: whole, New: text}})
	}
	return all
}

// everywhere returns the edits that give a name another text wherever a file has it.
func (p *advised) everywhere(at source.Span, text string) (edits []diag.Edit) {
	for _, i := range regexp.MustCompile(`\b`+regexp.QuoteMeta(at.Text())+`\b`).FindAllStringIndex(at.File.Text, -1) {
		edits = append(edits, diag.Edit{Span: at.File.Span(i[0], i[1]), New: text})
	}
	return edits
}

// document returns the YAML document around a place.
func document(at source.Span) source.Span {
	if at.File == nil {
		return at
	}
	start := strings.LastIndex(at.File.Text[:at.Start], "\n---")
	end := strings.Index(at.File.Text[at.End:], "\n---")
	if end < 0 {
		end = len(at.File.Text) - int(at.End)
	}
	return at.File.Span(start+1, int(at.End)+end)
}

// uses returns the statements of a project that name what is declared at a place.
func (p *advised) uses(at source.Span) (edits []diag.Edit) {
	name := at.Text()
	for _, f := range p.files {
		if path.Ext(f.Name) != ".mesh" {
			continue
		}
		parsed, _ := lang.Parse(f.Name, f.Data)
		if f.Name == at.File.Name {
			for _, s := range parsed.Stmts {
				if service, ok := s.(*lang.Service); ok && s.Span().Start <= at.Start && at.End <= s.Span().End {
					name = service.Name.Text
				}
			}
		}
	}
	for _, f := range p.files {
		if path.Ext(f.Name) != ".mesh" {
			continue
		}
		file, named := at.File, regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`)
		if f.Name != file.Name {
			file = source.NewFile(f.Name, string(f.Data))
		}
		parsed, _ := lang.Parse(f.Name, f.Data)
		for _, s := range parsed.Stmts {
			if named.MatchString(s.Span().Text()) {
				edits = append(edits, diag.Edit{Span: file.Span(int(s.Span().Start), int(s.Span().End))})
			}
		}
	}
	return edits
}

// statements returns the statement at a place, if it is in a file of intents.
func (p *advised) statements(at source.Span) (all []source.Span) {
	for _, f := range p.files {
		if f.Name != at.File.Name || path.Ext(f.Name) != ".mesh" {
			continue
		}
		parsed, _ := lang.Parse(f.Name, f.Data)
		for _, s := range parsed.Stmts {
			if s.Span().Start <= at.Start && at.End <= s.Span().End {
				all = append(all, at.File.Span(int(s.Span().Start), int(s.Span().End)))
			}
		}
	}
	return all
}

// clausesAt returns what may be meant by a clause at a place of a statement: the place with the word, the sign or the
// comma in front of it, up to the end of what touches it.
func clausesAt(statement, at source.Span) (all []source.Span) {
	text := at.File.Text
	start := int(at.Start)
	for range 3 {
		for start > int(statement.Start) && strings.ContainsRune(" ,", rune(text[start-1])) {
			start--
		}
		all = append(all, at.File.Span(start, int(at.End)))
		for start > int(statement.Start) && !strings.ContainsRune(" ,", rune(text[start-1])) {
			start--
		}
		all = append(all, at.File.Span(start, int(at.End)))
	}
	return all
}
