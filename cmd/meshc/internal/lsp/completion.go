package lsp

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

func isIntents(path string) bool { return filepath.Ext(path) == ".mesh" }

// Completion offers what may stand at a position: it is told by the words of the statement before it, since a statement
// that is being typed is not one yet.
func (s *server) Completion(ctx context.Context, p *protocol.CompletionParams) (protocol.CompletionResult, error) {
	at, ok := s.place(ctx, p.TextDocument.URI, p.Position)
	if !ok {
		return nil, nil
	}
	c := completing{place: at, known: at.workspace.known(at.view)}
	if at.inSettings() {
		c.completeSettings()
		return c.list(), nil
	}
	if at.tree == nil {
		return nil, nil
	}
	if !c.read() {
		return nil, nil
	}
	c.offer()
	return c.list(), nil
}

// completing is a completion in the making.
type completing struct {
	place
	known *view       // by what the project means: the newest, or an earlier one
	mesh  string      // of the section
	words []string    // of the statement before the position, without the one that is being typed
	typed source.Span // the word that is being typed; empty where none is
	found []*candidate
}

// read finds the words before the position. It reports false within a comment or a string.
func (c *completing) read() bool {
	c.typed = c.file.Span(c.offset, c.offset)
	for i, t := range c.tree.Tokens {
		if int(t.Start) >= c.offset {
			break
		}
		text := c.file.Text[t.Start:t.End]
		reaches := int(t.End) >= c.offset
		switch t.Kind {
		case lang.KindComment:
			if reaches {
				return false
			}
		case lang.KindString:
			if int(t.End) > c.offset {
				return false
			}
			c.words = append(c.words, text)
		case lang.KindSpace:
		case lang.KindEnd:
			c.words = nil
		case lang.KindName, lang.KindMethod, lang.KindPath:
			if reaches {
				c.typed = c.file.Span(int(t.Start), c.offset)
				if t.Kind == lang.KindPath && strings.HasPrefix(text, "/") && i > 0 && !c.tree.Tokens[i-1].Blank() { // NAMESPACE/ is about to be a name
					c.words, c.typed = append(c.words, "/"), c.file.Span(int(t.Start)+1, c.offset)
				}
				continue
			}
			if len(c.words) == 1 && c.words[0] == "mesh" {
				c.mesh = text
			}
			c.words = append(c.words, text)
		default:
			if reaches && t.Kind == lang.KindInvalid && int(t.End) > c.offset {
				return false
			}
			c.words = append(c.words, text)
		}
	}
	return true
}

// candidate is what a completion may offer.
type candidate struct {
	label   string
	kind    protocol.CompletionItemKind
	detail  string
	written string // in place of the label
	about   string // Markdown
}

func (c *completing) add(label string, kind protocol.CompletionItemKind, detail string) {
	c.found = append(c.found, &candidate{label: label, kind: kind, detail: detail})
}

// offered is how many items are sent at once: a project has ten thousand services, and nobody reads a list of those.
const offered = 100

// list returns what was found. If that is too much, it is what the typed text fits, and the client asks again with more
// of it.
func (c *completing) list() *protocol.CompletionList {
	list := &protocol.CompletionList{Items: []protocol.CompletionItem{}}
	if len(c.found) > offered {
		list.IsIncomplete = true
		c.found = best(strings.ToLower(c.typed.Text()), c.found)
	}
	at := rangeOf(c.typed, c.server.encoding)
	for i, f := range c.found {
		item := protocol.CompletionItem{
			Label: f.label, Kind: f.kind, TextEdit: &protocol.TextEdit{Range: at, NewText: cmp.Or(f.written, f.label)},
			SortText: protocol.NewOptional(fmt.Sprintf("%05d", i)),
		}
		if f.detail != "" {
			item.Detail = protocol.NewOptional(f.detail)
		}
		if f.about != "" {
			item.Documentation = &protocol.MarkupContent{Kind: protocol.MarkupKindMarkdown, Value: f.about}
		}
		list.Items = append(list.Items, item)
	}
	return list
}

// best returns what fits a text best, and no more than are offered: first what begins with it, at least after a slash,
// then what has it in one piece, then the rest.
func best(typed string, all []*candidate) []*candidate {
	var ranks [3][]*candidate
	below := "/" + typed
	for _, f := range all {
		switch label := strings.ToLower(f.label); {
		case strings.HasPrefix(label, typed) || strings.Contains(label, below):
			ranks[0] = append(ranks[0], f)
		case strings.Contains(label, typed):
			ranks[1] = append(ranks[1], f)
		case fits(typed, label):
			ranks[2] = append(ranks[2], f)
		}
		if len(ranks[0]) == offered {
			break
		}
	}
	return slices.Concat(ranks[:]...)[:min(offered, len(ranks[0])+len(ranks[1])+len(ranks[2]))]
}

// fits reports whether a text has the letters of another one in their order, which is how editors match.
func fits(typed, label string) bool {
	for _, r := range typed {
		_, rest, found := strings.Cut(label, string(r))
		if !found {
			return false
		}
		label = rest
	}
	return true
}

func (c *completing) keywords(words ...string) {
	for _, w := range words {
		c.add(w, protocol.CompletionItemKindKeyword, "")
	}
}

// statements begin a statement.
var statements = []string{"mesh", "service", "external", "group", "deny", "export", "mtls", "never", "always", "only", "ask", "issuer", "verify"}

var (
	protocols = []string{"http", "http2", "grpc", "tcp", "tls"}
	modes     = []string{"strict", "permissive", "disable"}
	methods   = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
)

// offer decides by the first and the last word of the statement.
func (c *completing) offer() {
	if len(c.words) == 0 {
		c.keywords(statements...)
		c.callers()
		return
	}
	first, last := c.words[0], c.words[len(c.words)-1]
	arrow := slices.ContainsFunc(c.words, func(w string) bool { return w == "->" || w == "->>" })
	switch {
	case last == "/" && len(c.words) > 1:
		c.servicesOf(c.words[len(c.words)-2])
	case last == ":" && len(c.words) > 1:
		c.ports()
	case first == "mesh":
		c.section()
	case first == "service" && !arrow:
		c.service(last)
	case first == "external" && !arrow:
		c.external(last)
	case first == "group" && (last == "=" || last == ","):
		c.services()
	case first == "mtls" && (last == "mtls" || last == ","):
		c.services()
	case first == "mtls":
		c.keywords(modes...)
	case first == "export" && (last == "export" || last == "," && !slices.Contains(c.words, "to")):
		c.servicesOf(c.mesh)
	case first == "export" && (last == "to" || last == ","):
		c.add("*", protocol.CompletionItemKindOperator, "every mesh")
		c.meshes()
		c.services()
	case first == "export" && !slices.Contains(c.words, "to"):
		c.keywords("to")
	case first == "verify" && !arrow:
		c.verify(last)
	case first == "issuer" && !arrow:
		c.keywords("url", "keys", "audience", "from", "forward", "claim", "payload")
	case last == "->" || last == "->>":
		c.services()
		c.externals()
		c.add("*", protocol.CompletionItemKindOperator, "every service of the mesh")
	case last == "with":
		c.issuers()
		c.keywords("no token")
	case last == "except":
		c.callers()
	case last == ",":
		c.callers()
		c.externals()
		c.keywords(methods...)
	case !arrow && len(c.words) == 1 && slices.Contains([]string{"deny", "never", "always", "only"}, first):
		c.callers()
	case !arrow:
		c.keywords("->")
	case last == "|" || slices.Contains(methods, last):
		c.keywords(methods...)
	case last == "until" || last == "because":
	default:
		c.keywords(methods...)
		c.keywords("->", "except", "host", "header", "no", "with", "until", "because")
	}
}

// verify offers issuers, then the services that verify their tokens.
func (c *completing) verify(last string) {
	switch {
	case last == "verify" || last == "|":
		c.issuers()
	case last == "at" || last == ",":
		c.servicesOf(c.mesh)
		c.keywords("pods")
	case !slices.Contains(c.words, "at"):
		c.keywords("at")
	}
}

func (c *completing) issuers() {
	for _, tree := range c.Files() {
		for _, stmt := range tree.Stmts {
			if i, ok := stmt.(*lang.Issuer); ok {
				c.add(i.Name.Text, protocol.CompletionItemKindConstant, "issuer")
			}
		}
	}
	c.keywords("any")
}

// section offers namespaces, then modes.
func (c *completing) section() {
	if len(c.words) > 1 {
		c.keywords(modes...)
		c.keywords("open", "closed")
		return
	}
	c.meshes()
	c.add("*", protocol.CompletionItemKindOperator, "all meshes")
}

func (c *completing) meshes() {
	for _, m := range c.known.Checked().Policy.Meshes {
		c.add(m.Name, protocol.CompletionItemKindModule, "mesh")
	}
}

// service offers the clauses of a declaration, or what the manifests have for the last one.
func (c *completing) service(last string) {
	switch last {
	case "service": // pods that no statement declares yet
		for _, s := range c.declared(c.mesh) {
			if !s.At.IsZero() && !isIntents(s.At.File.Name) {
				c.add(s.Name, protocol.CompletionItemKindClass, s.Account)
			}
		}
	case "account", "was":
		c.accounts()
	case "label":
		c.labels()
	case "port":
		for _, s := range c.declared(c.mesh) {
			if len(c.words) > 1 && s.Name == c.words[1] {
				c.portsOf(s)
			}
		}
	default:
		if len(c.words) > 3 && c.words[len(c.words)-2] == "port" {
			c.keywords(protocols...)
		}
		if len(c.words) > 1 {
			c.keywords("account", "was", "label", "port", "outside", "address", "gateway")
		}
	}
}

func (c *completing) external(last string) {
	if len(c.words) > 3 && c.words[len(c.words)-2] == "port" {
		c.keywords(protocols...)
	}
	if len(c.words) > 1 && last != "host" && last != "port" {
		c.keywords("host", "port")
	}
}

func (c *completing) declared(mesh string) []*policy.Service {
	if m := c.known.index().meshes()[mesh]; m != nil {
		return m.Services
	}
	return nil
}

func (c *completing) servicesOf(mesh string) {
	for _, s := range c.declared(mesh) {
		if !s.Unnamed {
			c.add(s.Name, protocol.CompletionItemKindClass, cmp.Or(s.Account, "service"))
		}
	}
	if mesh != c.mesh {
		c.add("*", protocol.CompletionItemKindOperator, "every caller of mesh "+mesh)
	}
}

// services offers the services of the section by their names, and those of other meshes by mesh and name.
func (c *completing) services() {
	c.servicesOf(c.mesh)
	if m := c.known.index().meshes()[c.mesh]; m != nil {
		for _, g := range m.Groups {
			c.add(g.Name, protocol.CompletionItemKindEnum, "group")
		}
	}
	for _, m := range c.known.Checked().Policy.Meshes {
		if m.Name != c.mesh {
			c.found = append(c.found, c.known.index().offers()[m]...)
		}
	}
}

func (c *completing) callers() {
	c.services()
	c.add("*", protocol.CompletionItemKindOperator, "every service of the mesh")
	c.add("any", protocol.CompletionItemKindKeyword, "every caller with an identity")
	c.add("world", protocol.CompletionItemKindKeyword, "every caller")
}

func (c *completing) externals() {
	if m := c.known.index().meshes()[c.mesh]; m != nil {
		for _, e := range m.Externals {
			c.add(e.Name, protocol.CompletionItemKindInterface, strings.Join(e.Hosts, ", "))
		}
	}
}

// ports offers those of the service before the colon.
func (c *completing) ports() {
	n := len(c.words)
	namespace, name := c.mesh, c.words[n-2]
	if n > 3 && c.words[n-3] == "/" {
		namespace = c.words[n-4]
	}
	if s := c.known.index().services()[symbol{check.ServiceName, namespace, name}]; s != nil {
		c.portsOf(s)
	}
	c.add("*", protocol.CompletionItemKindOperator, "every port, declared or not")
}

func (c *completing) portsOf(s *policy.Service) {
	for _, p := range s.Ports {
		c.add(fmt.Sprint(p.Number), protocol.CompletionItemKindValue, p.Protocol.String())
	}
}

// accounts offers the accounts that the manifests of the namespace have.
func (c *completing) accounts() {
	var all []string
	for _, a := range c.Parsed.Inventory.Accounts {
		if a.Namespace == c.mesh {
			all = append(all, a.Name)
		}
	}
	for _, w := range c.Parsed.Inventory.Workloads {
		if w.Namespace == c.mesh {
			all = append(all, w.Account)
		}
	}
	slices.Sort(all)
	for _, name := range slices.Compact(all) {
		c.add(name, protocol.CompletionItemKindVariable, "account")
	}
}

// labels offers the labels of pods of the namespace.
func (c *completing) labels() {
	var all []string
	for _, w := range c.Parsed.Inventory.Workloads {
		if w.Namespace == c.mesh {
			for key, value := range w.Labels {
				all = append(all, lang.Name{Text: key}.Written()+"="+lang.Name{Text: value}.Written())
			}
		}
	}
	slices.Sort(all)
	for _, label := range slices.Compact(all) {
		c.add(label, protocol.CompletionItemKindProperty, "label")
	}
}
