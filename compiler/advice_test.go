package compiler

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// TestAdvice applies every fix of every finding of the corpus. Each must remove its finding, cause no other error, and
// open nothing but what its statement is about. A safe fix changes no request that is decided without it.
func TestAdvice(t *testing.T) {
	fixes := 0
	for _, p := range corpus(t) {
		before := p.check(t)
		for _, d := range before.findings {
			for _, fix := range d.Fixes {
				fixes++
				told := fmt.Sprintf("%s: %s: %s", p.name, d.Error(), fix.Title)
				after := p.with(fix.Edits...).check(t)
				about := []source.Span{d.Primary}
				for _, e := range fix.Edits {
					about = append(about, e.Span)
				}
				for _, fault := range wrong(t, before, after, d, fix.Safe, lines(about...)) {
					t.Errorf("%s: %s", told, fault)
				}
			}
		}
	}
	assert.Greater(t, fixes, 150)
}

// opening lists the warnings whose advice may let requests through that did not pass: what the intents say is not
// meant.
var opening = []diag.Code{
	diag.NoManifest,       // the section belongs to a mesh with another name
	diag.TwinMesh,         // so does this one
	diag.WorldIntoStrict,  // everyone may call, with or without an identity
	diag.PermissiveCallee, // callers without a proxy are let in by their addresses
	diag.UncoveredScrape,  // the scraper is let in
	diag.ClosedRoute,      // the gateway is let in
	diag.ClosedSolver,     // so is whatever passes challenges on
	diag.AlsoServicePort,  // the port that callers reach through the Service
}

// wrong returns what is wrong with advice about a finding: it must remove the finding, cause no error, and open only
// what the lines of the finding and of the advice are about. A safe one changes nothing.
func wrong(t *testing.T, before, after result, d diag.Diagnostic, safe bool, about []place) (faults []string) {
	t.Helper()
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if d.Severity != diag.Note && alike(after.findings, d) >= alike(before.findings, d) {
		fault("the finding is still there")
	}
	for _, e := range after.findings {
		if e.Severity == diag.Error && alike(after.findings, e) > alike(before.findings, e) && !revealed(d, e, safe, about) {
			fault("a new error: %s", e.Error())
		}
	}
	changes := before.differs(t, after)
	meant := slices.Contains(opening, d.Code) || slices.ContainsFunc(before.findings, func(e diag.Diagnostic) bool {
		return e.Severity == diag.Error && meets(about, e.Primary)
	})
	for _, c := range slices.Concat(changes.Opened, changes.FailOpen) {
		named := d.Code == diag.UnknownMesh && c.At.File != nil && strings.Contains(c.At.Text(), d.Primary.Text()+"/")
		if elsewhere := after.model.Policy.Elsewhere[c.Callee.Namespace] != ""; elsewhere { // nothing here binds it
			continue
		}
		if !meant || !named && !concerns(about, &c, d) {
			fault("opens %s", c.String())
		}
	}
	for _, m := range changes.Modes {
		stated := func(at place) bool { return regexp.MustCompile(`\b(mesh|mtls)\b|Mtls\b`).MatchString(after.line(at)) }
		if m.Danger().Is() && !before.limited && (!meant || !slices.ContainsFunc(about, stated)) {
			fault("loosens %s", m.String())
		}
	}
	if safe && !before.findings.HasErrors() && !changes.None() {
		fault("changes %v", slices.Concat(changes.Opened, changes.Closed, changes.FailOpen, changes.FailClosed))
	}
	return faults
}

// meets reports whether a span is on one of some lines.
func meets(about []place, at source.Span) bool {
	return slices.ContainsFunc(lines(at), func(l place) bool { return slices.Contains(about, l) })
}

// concerns reports whether a change comes from one of some lines: from a statement there, from the declaration of one
// of its sides or of an issuer that its statement names, or from the section that begins there.
func concerns(about []place, c *diff.Change, d diag.Diagnostic) bool {
	if meets(about, c.At) {
		return true
	}
	for _, s := range []*policy.Service{c.Callee.Service, c.Callers.Service} {
		if s != nil && meets(about, s.At) {
			return true
		}
	}
	if at := c.At; at.File != nil && slices.ContainsFunc(about, func(l place) bool {
		words := strings.Fields(at.File.Line(l.line))
		return l.file == at.File.Name && len(words) > 1 && words[0] == "issuer" && (strings.Contains(at.Text(), "with "+words[1]) || strings.Contains(at.Text(), "with any"))
	}) {
		return true
	}
	name, opens := strings.CutPrefix(d.Primary.File.Line(d.Primary.StartPosition().Line), "mesh ")
	return opens && (strings.HasPrefix(name, c.Callee.Namespace) || d.Code == diag.UnknownMesh)
}

// TestProposedStatements follows the statements and clauses in every help, once their placeholders have a value:
// written in place of the statement of the finding, or added to its section.
func TestProposedStatements(t *testing.T) {
	followed := map[string]bool{}
	for _, p := range corpus(t) {
		before := p.check(t)
		for _, d := range before.findings {
			proposed := proposals(d.Help, p)
			said := string(d.Code) + d.Message + d.Help
			if len(proposed) == 0 || followed[said] || len(d.Fixes) > 0 { // TestAdvice follows the fixes
				continue
			}
			followed[said] = true
			try := func(ways []edited) (faults []string) {
				for _, way := range ways {
					found := wrong(t, before, way.check(t), d, false, append(way.added, lines(d.Primary)...))
					if faults = append(faults, found...); len(found) == 0 {
						return nil
					}
				}
				return faults
			}
			var faults []string
			for _, text := range proposed {
				faults = append(faults, try(edited{advised: *p}.ways(text, d))...)
			}
			if len(faults) > 0 && len(proposed) > 1 { // not alternatives, but steps
				steps := []edited{{advised: *p}}
				for _, text := range proposed {
					var further []edited
					for _, way := range steps {
						for _, next := range first(way.ways(text, d), 8) {
							next.added = append(next.added, way.added...)
							further = append(further, next)
						}
					}
					steps = further[:min(len(further), 300)]
				}
				faults = try(steps)
			}
			if len(faults) > 0 {
				slices.Sort(faults)
				t.Errorf("%s: %s: %s\n\t%s", p.name, d.Error(), d.Help, strings.Join(slices.Compact(faults), "\n\t"))
			}
		}
	}
	assert.Greater(t, len(followed), 100)
}

var (
	quoted       = regexp.MustCompile("`([^`]+)`")
	placeholders = regexp.MustCompile(`\b[A-Z]{4,}\b|…`)
	values       = map[string]string{"NETWORK": "198.51.100.0/24", "PORT": "8080", "NUMBER": "8080", "MODE": "strict", "GET": "GET", "POST": "POST", "DELETE": "DELETE", "HEAD": "HEAD", "…": "", "ACCOUNT": "placeholder"}
)

// proposals returns the statements and clauses in a help.
func proposals(help string, p *advised) (all []string) {
	help = regexp.MustCompile("delete `[^`]*`").ReplaceAllString(help, "")
	help = regexp.MustCompile("below `(mesh [^`]*)`: `").ReplaceAllString(help, "`$1; ")
	for _, quoted := range quoted.FindAllStringSubmatch(help, -1) {
		text := placeholders.ReplaceAllStringFunc(quoted[1], func(word string) string {
			if v, ok := values[word]; ok {
				return v
			}
			if word == "NAMESPACE" {
				return p.section()
			}
			return "placeholder"
		})
		first, rest, _ := strings.Cut(text, " ")
		statement := slices.Contains([]string{"service", "external", "deny", "ask", "export", "group", "issuer", "verify", "never", "always", "only", "mesh", "mtls"}, first) ||
			isClause(text) || strings.Contains(text, " -> ") && !strings.HasPrefix(text, "-> ")
		if rest != "" && statement {
			all = append(all, text)
		}
	}
	return all
}

func first(ways []edited, most int) []edited { return ways[:min(len(ways), most)] }

// section returns the name of a mesh of a project.
func (p *advised) section() string {
	for _, f := range p.files {
		if m := regexp.MustCompile(`(?m)^mesh ([a-z0-9-]+)`).FindSubmatch(f.Data); m != nil {
			return string(m[1])
		}
	}
	return "placeholder"
}

func isClause(text string) bool {
	first, _, _ := strings.Cut(text, " ")
	return slices.Contains([]string{"account", "label", "address", "port"}, first)
}

// edited is a project with a proposal in it, and the lines of the proposal.
type edited struct {
	advised
	added []place
}

// ways returns what a user may take a proposal for: a clause belongs to the declaration that the finding is about, the
// statement of a service or a mesh takes the place of the one that is there, and any other takes the place of the
// statement of the finding or is added to the section of a mesh that is named.
func (p edited) ways(text string, d diag.Diagnostic) (all []edited) {
	write := func(at source.Span, text string) {
		way := edited{advised: *p.advised.with(diag.Edit{Span: at, New: text})}
		for n := range strings.Count(text, "\n") + 1 {
			way.added = append(way.added, place{at.File.Name, at.StartPosition().Line + n})
		}
		all = append(all, way)
	}
	words := strings.Fields(text)
	files := slices.Clone(p.files)
	slices.SortStableFunc(files, func(a, b txtar.File) int { // the file of the finding first
		own := d.Primary.File.Name
		switch {
		case a.Name == own && b.Name != own:
			return -1
		case a.Name != own && b.Name == own:
			return 1
		}
		return 0
	})
	for _, f := range files {
		if path.Ext(f.Name) != ".mesh" || p.only != "" && f.Name != p.only {
			continue
		}
		file := source.NewFile(f.Name, string(f.Data))
		parsed, _ := lang.Parse(f.Name, f.Data)
		section := ""
		insert := func(at int32) source.Span { return source.Span{File: file, Start: at, End: at} }
		for i, s := range parsed.Stmts {
			at := s.Span()
			at.File = file
			own := f.Name == d.Primary.File.Name && at.Start <= d.Primary.Start && d.Primary.End <= at.End
			switch s := s.(type) {
			case *lang.Mesh:
				section = s.Name.Text
				if words[0] == "mesh" && words[1] == section {
					write(at, text)
				}
			case *lang.Service:
				if words[0] == "service" && words[1] == s.Name.Text {
					write(at, text)
					clauses := strings.TrimPrefix(strings.Join(words[2:], " "), "gateway ")
					write(insert(at.End), " "+clauses) // added to what is declared
				}
				if isClause(text) && (own || regexp.MustCompile(`\b`+regexp.QuoteMeta(s.Name.Text)+`\b`).MatchString(d.Message)) {
					write(insert(at.End), " "+text)
					for _, old := range regexp.MustCompile(words[0]+` [^ ]+( http2?| tcp| grpc| tls)*`).FindAllStringIndex(at.Text(), -1) {
						if clause := at.Text()[old[0]:old[1]]; words[0] != "port" || strings.HasPrefix(clause, words[0]+" "+words[1]) {
							write(source.Span{File: file, Start: at.Start + int32(old[0]), End: at.Start + int32(old[1])}, text)
						}
					}
				}
			}
			if own && !isClause(text) {
				write(at, text)
			}
			if own && strings.Contains(d.Help, "in place of") && section != words[0] { // elsewhere, and not here
				all = append(all, edited{advised: *p.advised.with(diag.Edit{Span: at})}.ways(text, diag.Diagnostic{Primary: d.Primary, Help: ""})...)
			}
			_, last := parsed.Stmts[min(i+1, len(parsed.Stmts)-1)].(*lang.Mesh)
			if last = last || i == len(parsed.Stmts)-1; last && !isClause(text) && section != "" {
				write(insert(at.End), "\n"+text+"\n")
			}
		}
		if f.Name == d.Primary.File.Name && !isClause(text) {
			n := d.Primary.StartPosition().Line
			line := source.Span{File: file, Start: int32(file.Offset(n))}
			line.End = line.Start + int32(len(file.Line(n)))
			write(line, text)
			write(insert(0), text+"\n")
		}
	}
	return all
}

// revealed reports whether an error was there before a fix but could not be seen: the statement was not understood, or
// errors of its kind were held back.
func revealed(d, e diag.Diagnostic, safe bool, about []place) bool {
	if e.Code == diag.NeverBroken || e.Code == diag.AlwaysBroken || e.Code == diag.OnlyBroken { // judged without other errors
		return d.Severity == diag.Error || d.Code == diag.NoManifest
	}
	if d.Code == diag.NoManifest && e.Code == diag.AccountMismatch { // the manifest is found, and held against the declaration
		return true
	}
	syntax := func(d diag.Diagnostic) bool { return strings.HasPrefix(string(d.Code), "MESH0") }
	if syntax(e) && safe { // a second mistake of the statement
		return d.Code == diag.InvalidCharacter || e.Code == diag.IncompleteStatement || len(e.Fixes) > 0
	}
	unknown := d.Code == diag.UnknownService || d.Code == diag.UnknownMesh
	if d.Code == diag.UnknownMesh && strings.Contains(e.Primary.File.Line(e.Primary.StartPosition().Line), d.Primary.Text()+"/") {
		return true // the other names of the mesh
	}
	line := place{e.Primary.File.Name, e.Primary.StartPosition().Line}
	for _, r := range e.Related {
		if r.Span.File != nil && d.Severity == diag.Error && d.Code != e.Code && meets(about, r.Span) {
			return true
		}
	}
	if d.Severity == diag.Error && slices.Contains(about, line) && d.Code != e.Code { // the policy did not have the statement
		return true
	}
	return syntax(d) && !syntax(e) || (syntax(d) || unknown) && slices.Contains(about, line) ||
		unknown && strings.HasPrefix(d.Primary.File.Line(d.Primary.StartPosition().Line), "mesh ")
}

// alike counts the findings that say the same as d.
func alike(l diag.List, d diag.Diagnostic) int {
	n := 0
	for _, e := range l {
		if e.Code == d.Code && e.Message == d.Message {
			n++
		}
	}
	return n
}
