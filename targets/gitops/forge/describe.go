package forge

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// Line is a change to who may call whom, or to another object.
type Line struct {
	Intent  string
	Changes int      // how many changes it stands for, such as the same to several workloads; 0 is one
	File    string   // the file of the intent; may be empty
	Gone    bool     // the intent was removed from File
	Because string   // the reason in the intent; may be empty
	Why     string   // of a danger: what it means
	Owners  []string // the owners of the callee
}

// Description describes the changes of a publish to reviewers. The lists are shown in the given order.
type Description struct {
	Environment string

	DryRun bool // the policies of the environment are not enforced, and the rest says what they would do

	Dangers   []Line   // what lets in everybody, leads out of the mesh, or weakens mutual TLS; in no other list
	Headlines []string // the dangers in a few words, for the title
	Exposed   int      // how many connections are opened by what is a danger

	Opened     []Line // other new connections
	Reachable  []Line // newly reachable through other services
	Closed     []Line // connections that are no longer possible
	FailClosed []Line // workloads that get their first ALLOW: all other callers are denied
	Passages   []Line // what gateways pass calls on to
	Modes      []Line // other modes of mutual TLS
	Selections []Line // workloads that may have other pods
	Dataplanes []Line // what else enforces policies, and what that does to running pods
	Network    []Line // what the network lets through, beside the mesh
	Replaced   []Line // what is removed from files of others, because the change says it
	Others     []Line // other objects that do not affect who may call whom
	Meanwhile  []Line // what is open or shut only while the change is applied

	Graph   Graph
	Diff    string // the unified diff of the YAML
	Pointer string // where to find what is omitted, as plain text; may be empty
}

// sections returns the sections that have lines, dangers first.
func (d Description) sections() []section {
	var dryRun []Line
	if d.DryRun {
		dryRun = []Line{{Intent: "Istio logs what it would deny, and denies nothing; the rest is told as if enforced"}}
	}
	return slices.DeleteFunc([]section{
		{"dry-run", "Dry-run", "", dryRun},
		{"danger", "⚠️ Danger", "", d.Dangers},
		{"opened", "Opened", "These connections become possible.", d.Opened},
		{"reachable", "Newly reachable", "No direct edge leads there, but a chain of edges now does.", d.Reachable},
		{"closed", "Closed", "These connections stop.", d.Closed},
		{"closed to others", "Now closed to everyone else", "These workloads get their first ALLOW: callers that it does not name are denied.", d.FailClosed},
		{"route", "Routes of gateways", "", d.Passages},
		{"mTLS", "mTLS modes", "", d.Modes},
		{"pods", "Pods", "It is not known what these changes open or close.", d.Selections},
		{"data plane", "Data planes", "Neither pods nor labels change in the moment in which policies do.", d.Dataplanes},
		{"network", "On the network", "", d.Network},
		{"replaced", "Replaced", "The intents say what these manifests said.", d.Replaced},
		{"object", "Other objects", "Their effect is not analyzed.", d.Others},
		{"meanwhile", "While it is applied", "A controller applies one object after another. This is so only until it is done.", d.Meanwhile},
	}, func(s section) bool { return len(s.lines) == 0 })
}

type section struct {
	word, title, note string
	lines             []Line
}

// Title returns a summary such as `meshc: ENV: opens shop/web to world, 3 connections opened, 1 closed`; without ENV
// in a project without environments.
func (d Description) Title() string {
	if d.Environment == "" {
		return "meshc: " + d.Summary()
	}
	return "meshc: " + d.Environment + ": " + d.Summary()
}

// mostHeadlines is the most dangers in a title.
const mostHeadlines = 3

// Summary is the title without what it is about.
func (d Description) Summary() string {
	parts := slices.Clone(d.Headlines[:min(len(d.Headlines), mostHeadlines)])
	say := func(n int, one, many string) {
		if n == 1 {
			parts = append(parts, "1 "+one)
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	say(len(d.Headlines)-len(parts), "more danger", "more dangers")
	opened := d.Exposed + changes(d.Opened)
	say(opened, "connection opened", "connections opened")
	if opened > 0 {
		say(changes(d.Closed), "closed", "closed")
	} else {
		say(changes(d.Closed), "connection closed", "connections closed")
	}
	say(changes(d.FailClosed), "workload closed to everyone else", "workloads closed to everyone else")
	say(len(d.Modes), "mTLS mode changed", "mTLS modes changed")
	say(len(d.Selections), "selector changed", "selectors changed")
	say(len(d.Passages), "route changed", "routes changed")
	say(len(d.Network), "change on the network", "changes on the network")
	if len(parts) == 0 {
		parts = []string{"no connection changes"}
	}
	say(len(d.Dataplanes), "data plane changed", "data planes changed")
	say(len(d.Others), "other object changed", "other objects changed")
	title := strings.Join(parts, ", ")
	if d.DryRun {
		title += " (dry-run)"
	}
	return title
}

func changes(lines []Line) (n int) {
	for _, l := range lines {
		n += max(1, l.Changes)
	}
	return n
}

// Text returns the changes as plain text for a commit message, at most about 40 lines.
func (d Description) Text() string {
	const most = 40
	var b strings.Builder
	sections := d.sections()
	needs := make([]int, len(sections))
	for i, s := range sections {
		needs[i] = len(s.lines)
	}
	for i, room := range shares(needs, most) {
		s := sections[i]
		for _, l := range s.lines[:room] {
			b.WriteString(s.word + ": " + plain(l.text()))
			if place := l.place(); place != "" {
				b.WriteString(" (" + plain(place) + ")")
			}
			b.WriteByte('\n')
		}
		if room < len(s.lines) {
			fmt.Fprintf(&b, "%s: … and %d more\n", s.word, len(s.lines)-room)
		}
	}
	return b.String()
}

// Terminal returns the changes as plain text for a terminal, all of them.
func (d Description) Terminal() []byte {
	var b bytes.Buffer
	for _, s := range d.sections() {
		title := strings.ToLower(strings.TrimPrefix(s.title, "⚠️ "))
		b.WriteString(strings.ReplaceAll(title, "mtls", "mTLS") + "\n")
		width := 0
		for _, l := range s.lines {
			if text := l.text(); l.File != "" && len(text) <= 80 {
				width = max(width, len(text))
			}
		}
		for _, l := range s.lines {
			text := l.text()
			if place := l.place(); place != "" {
				text = fmt.Sprintf("%-*s  %s", width, text, place)
			}
			if l.Because != "" {
				text += ", because " + l.Because
			}
			b.WriteString("  " + diag.PrintableLine(text) + "\n")
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

// text is a line and what it means.
func (l Line) text() string {
	if l.Why == "" {
		return l.Intent
	}
	return l.Intent + ": " + l.Why
}

// place is the file of a line.
func (l Line) place() string {
	if l.File != "" && l.Gone {
		return "was " + l.File
	}
	return l.File
}

// shares divides room by max-min fairness: a need is cut only to the share that all larger needs get too.
func shares(needs []int, room int) []int {
	order := make([]int, len(needs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(needs[a], needs[b]) })
	given := make([]int, len(needs))
	for n, i := range order {
		given[i] = min(needs[i], room/(len(order)-n))
		room -= given[i]
	}
	return given
}

// plain returns text on one line.
func plain(text string) string { return strings.Join(strings.Fields(text), " ") }

// Markdown returns the body of a pull request, of at most limit bytes: the changes, a picture, and the diff of the
// YAML. What does not fit is counted, with a reference to d.Pointer. Long sections leave room for the others.
func (d Description) Markdown(limit int) string {
	p := page{left: limit - forPointers, pointer: d.Pointer}
	all := p.left
	sections := d.sections()
	needs := make([]int, len(sections))
	for i, s := range sections {
		needs[i] = s.size()
	}
	for i, room := range shares(needs, all*3/4) {
		p.left = room
		p.section(sections[i])
	}
	if len(sections) == 0 {
		p.WriteString("No connection changes.\n")
	}
	p.left = all - p.Len()
	p.graph(d.Graph)
	p.diff(d.Diff)
	return strings.TrimRight(p.String(), "\n") + "\n"
}

// Comment returns the text of a comment of at most limit bytes: the title, which begins with the dangers, and the body
// of a pull request.
func (d Description) Comment(limit int) string {
	sign := ""
	if len(d.Headlines) > 0 {
		sign = "⚠️ "
	}
	title := sign + "**" + Escape(d.Title()) + "**\n\n"
	return title + d.Markdown(limit-len(title))
}

// Room for the notes about what is omitted, of which there are at most ten.
const forPointers = 2000

// page is Markdown of limited length.
type page struct {
	strings.Builder
	left    int
	pointer string
}

// add writes text if there is room for all of it, and reports whether there is.
func (p *page) add(text string) bool {
	if len(text) > p.left {
		return false
	}
	p.left -= len(text)
	p.WriteString(text)
	return true
}

// cut writes a note about what is omitted, for which there is always room.
func (p *page) cut(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.pointer != "" {
		text += ": see " + Escape(shorten(p.pointer, 100))
	}
	p.WriteString(text + "\n\n")
}

func (s section) head() string {
	head := fmt.Sprintf("### %s (%d)\n", s.title, changes(s.lines))
	if s.note != "" {
		head += s.note + "\n"
	}
	return head + "\n"
}

func (s section) size() int {
	n := len(s.head())
	for _, l := range s.lines {
		n += len(l.markdown())
	}
	return n
}

func (p *page) section(s section) {
	if !p.add(s.head()) {
		p.cut("*%s: %d, not shown*", s.title, len(s.lines))
		return
	}
	for i, l := range s.lines {
		if !p.add(l.markdown()) {
			p.cut("- … and %d more", len(s.lines)-i)
			break
		}
	}
	p.WriteString("\n")
}

func (l Line) markdown() string {
	var b strings.Builder
	b.WriteString("- " + Escape(l.Intent))
	switch {
	case l.File != "" && l.Gone:
		b.WriteString(", was in " + Escape(l.File))
	case l.File != "":
		b.WriteString(" in " + Escape(l.File))
	}
	if l.Why != "" {
		b.WriteString(": " + l.Why)
	}
	if because := Escape(l.Because); because != "" {
		b.WriteString(", because " + because)
	}
	if len(l.Owners) > 0 {
		owners := make([]string, 0, len(l.Owners))
		for _, o := range l.Owners {
			owners = append(owners, Escape(o))
		}
		b.WriteString("; ask " + strings.Join(slices.Compact(owners), ", "))
	}
	b.WriteString("\n")
	return b.String()
}

func (p *page) diff(text string) {
	if text == "" {
		return
	}
	fence := fenceFor(text, 3)
	head, foot := "<details><summary>YAML</summary>\n\n"+fence+"diff\n", fence+"\n\n</details>\n"
	if p.left -= len(foot); !p.add(head) {
		p.cut("*The YAML is not shown*")
		return
	}
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n")+"\n", "\n")
	lines = lines[:len(lines)-1]
	shown := 0
	for shown < len(lines) && p.add(lines[shown]) {
		shown++
	}
	p.WriteString(foot)
	if shown < len(lines) {
		p.cut("\n*%d more lines of YAML are not shown*", len(lines)-shown)
	}
}
