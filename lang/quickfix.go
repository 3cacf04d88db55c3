package lang

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// quickFix reports a mistake whose remedy is obvious, usually with a fix. It reports false if the mistake is not one.
func (m *mistake) quickFix() bool {
	text, before := m.text(m.at), m.text(m.at-1)
	switch kind := m.kind(m.at); {
	case m.calls() && m.is(m.at-2, "because") && kind != KindEnd:
		m.reason()
	case m.elsewhere():
	case m.want == anExceptPort:
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a port that is left out has a colon in front of it")).
			WithFix(true, m.file.Source.Span(int(m.words[m.at].Start), int(m.words[m.at].Start)), ":", "write `:"+shortened(text)+"`")
	case m.keyword == "ask" && m.at == 2 && kind == KindArrow:
		m.report(diag.New(diag.UnexpectedToken, m.span(1), "an ask names its provider before its callers"))
		m.help()
	case m.is(m.at, "host") && m.calls() && m.want == satisfied:
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the hosts of a destination come before its operations and other clauses")).
			WithHelp("write `ingress:8443 host shop.example.com GET /api/*`")
	case (kind == KindMethod || kind == KindPath) && m.calls() && m.want == satisfied && m.afterClause():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the operations of a destination come before its headers and tokens")).
			WithHelp("write `api:8080 GET /api/* header x-tenant=acme with corp`")
	case m.want == aServicePerPort:
		m.severalPorts(m.at - 1)
	case kind == KindPipe && m.kind(m.at-2) == KindColon && digits(before) && digits(m.text(m.at+1)):
		m.severalPorts(m.at)
	case kind == KindColon:
		return m.colon()
	case kind == KindEquals && !m.calls() && m.keyword != "mtls" && (m.at == 1 || m.is(m.at-1, clauses...)):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "unexpected `=` after %s", quoted(before))).
			WithFix(true, m.span(m.at), "", "remove the `=`")
	case m.keyword != "issuer" && (strings.HasPrefix(text, "//") || strings.HasPrefix(before, "//") && m.kind(m.at-1) == KindPath):
		m.comment()
	case kind == KindArrow && m.at == 2 && !m.calls():
		end := m.words[1].Start
		m.report(diag.New(diag.UnexpectedToken, m.span(0), "edges have no keyword")).
			WithFix(false, m.file.Source.Span(int(m.words[0].Start), int(end)), "", "remove "+quoted(m.text(0)))
	case kind == KindSlash:
		return m.slash()
	case m.star():
	case operation(kind):
		return m.misplacedOperation()
	case kind == KindReach && m.keyword == "edge":
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "`->>` is only for `never`; an edge is a single call")).
			WithFix(false, m.span(m.at), "->", "write `->`")
	case kind == KindName && m.calls():
		return m.misplacedWord()
	case kind == KindOpen && m.want == satisfied && m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "braces must follow a destination")).
			WithHelp("they contain all of its operations: `backend { GET /api/*, POST /api/orders }`")
	default:
		return false
	}
	return true
}

// slash reports a misplaced slash.
func (m *mistake) slash() bool {
	before := m.text(m.at - 1)
	switch {
	case m.is(m.at-2, "port") && !m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a port number and its protocol are separated by a space")).
			WithFix(true, m.span(m.at), " ", "insert a space")
	case m.keyword == "external" && m.is(m.at-2, "host"):
		m.hostPath()
	case m.calls() && m.is(m.at-2, "host"):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a host and the path after it are separated by a space")).
			WithFix(true, m.after(m.at-1), " ", "insert a space")
	case m.kind(m.at-1) == KindMethod:
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a method and its path are separated by a space")).
			WithFix(true, m.after(m.at-1), " ", "insert a space")
	case m.star():
	case m.kind(m.at-2) == KindColon && m.is(m.at+1, "tcp", "udp", "tls", "http", "http2", "grpc"):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the protocol of a port belongs to the declaration of the service: `port %s %s`", before, m.text(m.at+1))).
			WithFix(false, m.span(m.at).To(m.span(m.at+1)), "", "remove "+quoted("/"+m.text(m.at+1)))
	case m.kind(m.at-2) == KindColon && m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a port and the path after it are separated by a space")).
			WithFix(true, m.after(m.at-1), " ", "insert a space")
	case m.calls():
		end := m.at
		for m.touches(end + 1) {
			end++
		}
		path := m.file.Source.Span(int(m.words[m.at-1].Start), int(m.words[end].End)).Text()
		d := m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "unexpected `/` after %s", quoted(before))).
			WithHelp("a service of another mesh is written `payments/api`")
		if slices.ContainsFunc(m.words[:m.at], func(t Token) bool { return t.as == KindArrow || t.as == KindReach }) {
			d.WithHelp("a service of another mesh is written `payments/api`; a path is preceded by a space: `%s /%s`", shortened(m.text(m.at-3)), shortened(path))
		}
	default:
		return false
	}
	return true
}

// misplacedOperation reports a method or a path where none can be.
func (m *mistake) misplacedOperation() bool {
	text, before := m.text(m.at), m.text(m.at-1)
	switch kind := m.kind(m.at); {
	case kind == KindMethod && m.kind(m.at-1) == KindMethod && m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the methods of an operation are separated by `|`")).
			WithFix(false, m.after(m.at-1).To(m.file.Source.Span(int(m.words[m.at].Start), int(m.words[m.at].Start))), "|", "write `"+before+"|"+text+"`")
	case kind == KindMethod && m.kind(m.at-1) == KindPath && m.calls() && m.kind(m.at-2) != KindMethod && !operation(m.kind(m.at+1)):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a method comes before its path")).
			WithFix(false, m.span(m.at-1).To(m.span(m.at)), text+" "+before, "write `"+shortened(text+" "+before)+"`")
	case m.kind(m.at-1) == KindPath && m.calls():
		// Without a method of its own, the second operation would allow every method.
		safe := kind == KindMethod && m.kind(m.at-2) == KindMethod && operation(m.kind(m.at+1))
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "operations are separated by commas")).
			WithFix(safe, m.after(m.at-1), ",", "insert a comma")
	case m.keyword == "export" && (m.want == aTo || m.want == satisfied && m.missing() == aTo):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the operations of an export come at its end"))
		m.help()
	case kind == KindString && m.calls() && m.want == satisfied && m.missing() == satisfied && !m.is(m.at-2, "until", "because"):
		m.quotedOperation()
	default:
		return false
	}
	return true
}

// misplacedWord reports a word that a statement with callers and destinations cannot have where it is.
func (m *mistake) misplacedWord() bool {
	text := m.text(m.at)
	switch {
	case m.kind(m.at-1) == KindMethod && m.want == satisfied && !m.is(m.at, "until", "because"):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a path begins with `/`")).
			WithFix(false, m.file.Source.Span(int(m.words[m.at].Start), int(m.words[m.at].Start)), "/", "write `/"+shortened(text)+"`")
	case isMethod(text) && m.at > 1:
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "methods are written in upper case: `%s`", strings.ToUpper(text))).
			WithFix(m.kind(m.at+1) == KindPath, m.span(m.at), strings.ToUpper(text), "write "+strings.ToUpper(text))
	case m.is(m.at, "on", "at") && m.is(m.at+1, "port") && digits(m.text(m.at+2)):
		m.loosePort(m.at + 2)
	case m.is(m.at, "port", "on", "at") && digits(m.text(m.at+1)):
		m.loosePort(m.at + 1)
	case digits(text) && m.kind(m.at-1) == KindName:
		m.loosePort(m.at)
	case m.want == satisfied:
		return m.tailWord()
	case m.want == aHeader:
		return m.claimWithoutValue()
	default:
		return false
	}
	return true
}

// calls reports whether the statement has callers and destinations.
func (m *mistake) calls() bool {
	switch m.keyword {
	case "edge", "deny", "ask", "export", "never", "always", "only":
		return true
	}
	return false
}

func operation(k Kind) bool { return k == KindMethod || k == KindPath || k == KindString }

// colon reports a misplaced colon.
func (m *mistake) colon() bool {
	before := m.text(m.at - 1)
	d := diag.New(diag.UnexpectedToken, m.span(m.at), "unexpected colon after %s", quoted(before))
	switch {
	case m.is(m.at-2, "label") && m.at > 2:
		m.report(d).WithFix(true, m.span(m.at), "=", "write `=`")
	case m.is(m.at-2, "host") && strings.HasPrefix(m.text(m.at+1), "//"):
		m.hostURL()
	case m.is(m.at-2, "header") && m.calls():
		d.Message = "a header and its value are separated by `=`"
		m.report(d).WithFix(true, m.span(m.at), "=", "write `=`")
	case m.is(m.at-2, "host") && digits(m.text(m.at+1)) && (m.has("port") || m.calls()):
		d.Message = "a host name has no port"
		port := m.span(m.at).To(m.span(m.at + 1))
		m.report(d).WithFix(false, port, "", "remove "+quoted(port.Text()))
	case m.is(m.at-2, "host") && digits(m.text(m.at+1)):
		d.Message = "the port of an external is a separate clause"
		m.report(d).WithFix(true, m.span(m.at), " port ", "write `port "+m.text(m.at+1)+"`")
	case m.keyword == "group" && m.at == 2:
		m.report(d).WithFix(true, m.span(m.at), " =", "write `=`")
	case m.keyword == "service" && m.at == 2 && digits(m.text(m.at+1)):
		m.report(d).WithFix(false, m.span(m.at), " port ", "write `port "+m.text(m.at+1)+"`")
	case m.kind(m.at-1) == KindName && (m.want != satisfied || !m.calls()):
		space := ""
		if m.kind(m.at+1) != KindEnd && m.words[m.at+1].Start == m.words[m.at].End {
			space = " "
		}
		m.report(d).WithFix(!m.calls() || m.at == 1 || m.keyword == "ask", m.span(m.at), space, "remove the colon")
	default:
		return false
	}
	return true
}

// has reports whether the statement contains a word, without quotes.
func (m *mistake) has(word string) bool {
	return slices.ContainsFunc(m.words, func(t Token) bool { return t.as == KindName && m.file.span(t).Text() == word })
}

// touches reports whether a word and the one before it could belong to one name: there is no space between them, and
// both are parts of names.
func (m *mistake) touches(i int) bool {
	if i <= 0 || i >= len(m.words) || m.words[i-1].End != m.words[i].Start {
		return false
	}
	for _, kind := range [...]Kind{m.kind(i - 1), m.kind(i)} {
		switch kind {
		case KindName, KindMethod, KindStar, KindSlash:
		default:
			return false
		}
	}
	return true
}

// star reports a name or path that contains a `*` but has no quotes. Without quotes, the `*` is a word of its own.
func (m *mistake) star() bool {
	first, end := m.at, m.at
	for m.touches(first) {
		first--
	}
	for m.touches(end + 1) {
		end++
	}
	at := m.span(first).To(m.span(end))
	text := at.Text()
	if first == end || !strings.Contains(text, "*") {
		return false
	}
	what := ""
	switch m.kind(first - 1) {
	case KindMethod, KindPath, KindString:
		what = "a path"
	case KindEquals:
		if !m.calls() {
			break
		}
		m.report(diag.New(diag.UnexpectedToken, at, "a value with `*` in it must be in double quotes")).
			WithFix(true, at, `"`+text+`"`, "use double quotes")
		return true
	case KindName:
		if (m.keyword == "external" || m.calls()) && m.is(first-1, "host") {
			what = "a host name"
			break
		}
		callee := slices.ContainsFunc(m.words[:first], func(t Token) bool {
			return t.as == KindArrow || t.as == KindReach || m.keyword == "export" && m.file.span(t).Text() == "to"
		})
		if callee && !m.is(first-1, "to", "except") {
			what = "a path"
		}
	}
	switch {
	case what != "" && text[0] == '*':
		m.report(diag.New(diag.UnexpectedToken, at, "%s that begins with `*` must be in double quotes", what)).
			WithFix(true, at, `"`+text+`"`, "use double quotes")
	case what == "" && (m.calls() || m.keyword == "group") && m.kind(m.at) != KindSlash:
		m.report(diag.New(diag.UnexpectedToken, at, "`*` cannot be part of a name; on its own, it stands for all services")).
			WithHelp("list the services, or declare a group; write a path in double quotes")
	default:
		return false
	}
	return true
}

// hostURL reports a URL in place of a host name and offers the host name. If the URL has a path, the fix is not safe:
// the external would cover more than what was written.
func (m *mistake) hostURL() {
	rest := m.text(m.at + 1)[len("//"):]
	host, path, _ := strings.Cut(rest, "/")
	host, query, _ := strings.Cut(host, "?")
	host, port, _ := strings.Cut(host, ":")
	message, clause := "a host name has no scheme", host
	if path+query != "" {
		message = "a host name has neither a scheme nor a path"
	}
	if strings.Contains(host, "*") {
		clause = `"` + host + `"`
	}
	if digits(port) && !m.has("port") && !m.calls() {
		clause += " port " + port
	}
	m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "%s", message))
	if host == "" || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-*") != "" {
		m.help()
		return
	}
	m.last().WithFix(path+query == "", m.span(m.at-1).To(m.span(m.at+1)), clause, "write `"+shortened(clause)+"`")
}

// hostPath reports a path after a host name.
func (m *mistake) hostPath() {
	end := m.at
	for end+1 < len(m.words) && m.words[end+1].Start == m.words[end].End {
		end++
	}
	at := m.span(m.at).To(m.span(end))
	m.report(diag.New(diag.UnexpectedToken, at, "a host name has no path")).
		WithFix(end == m.at, at, "", "remove "+quoted(at.Text()))
}

// loosePort reports the port of a destination that is separated from it by a space or a word; i is the port number.
func (m *mistake) loosePort(i int) {
	port := ":" + m.text(i)
	further := m.furtherPorts(m.at-1, i+1)
	m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the port of a destination is written after a colon")).
		WithFix(len(further) == 0, m.after(m.at-1).To(m.span(i)), port, "write `"+shortened(m.text(m.at-1))+port+"`")
	fix := &m.last().Fixes[0]
	fix.Edits = append(fix.Edits, further...)
}

// furtherPorts returns the edits that give every further port of a list its service. last is the last word of the
// service, and i the separator before the first further port.
func (m *mistake) furtherPorts(last, i int) (edits []diag.Edit) {
	first := last
	for m.touches(first) {
		first--
	}
	service := m.span(first).To(m.span(last)).Text()
	for ; (m.kind(i) == KindComma || m.kind(i) == KindPipe) && digits(m.text(i+1)); i += 2 {
		edits = append(edits, diag.Edit{Span: m.span(i).To(m.span(i + 1)), New: ", " + service + ":" + m.text(i+1)})
	}
	return edits
}

// severalPorts reports a list of ports after a single service.
func (m *mistake) severalPorts(separator int) {
	edits := m.furtherPorts(separator-3, separator)
	d := m.report(diag.New(diag.UnexpectedToken, m.span(separator+1), "each port belongs to a service: `db:5432, db:9187`"))
	if end := separator + 2*len(edits); operation(m.kind(end)) || m.kind(end) == KindOpen {
		d.WithHelp("repeat the service and the operations for each port; operations apply only to the destination that they follow")
		return
	}
	d.Fixes = append(d.Fixes, diag.Fix{Title: "repeat the service for each port", Edits: edits})
}

// quotedOperation reports a string in place of an operation that is not a path. If it is a method in the wrong kind of
// quotes, that has already been reported.
func (m *mistake) quotedOperation() {
	text := m.text(m.at)
	value := unquote(text)
	method, path, _ := strings.Cut(value, " ")
	switch {
	case !isMethod(method) || path != "" && path[0] != '/':
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a path in double quotes begins with `/` or `*`"))
		m.help()
	case text[0] == '"':
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "methods are written without quotes")).
			WithFix(true, m.span(m.at), value, "remove the quotes")
	}
}

// comment reports a `//` comment, which was read as a path. A path may begin with `//` as well, and without it the
// statement would allow more.
func (m *mistake) comment() {
	i := m.at
	if !strings.HasPrefix(m.text(i), "//") {
		i--
	}
	at := m.file.Source.Span(int(m.words[i].Start), int(m.words[i].Start)+2)
	m.report(diag.New(diag.UnexpectedToken, at, "comments begin with #, not with //")).
		WithFix(m.text(i) == "//", at, "#", "write #")
}

// reason reports an unquoted reason of several words, or what stands behind a quoted one.
func (m *mistake) reason() {
	if m.kind(m.at-1) == KindString {
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected the end of the line after the reason, found %s", quoted(m.text(m.at))))
		if kind := m.kind(m.at); kind == KindMethod || kind == KindPath || m.is(m.at, "host", "except", "header", "no", "with") {
			m.last().WithHelp("a reason comes last: `api:8080 GET /v1/* because \"INC-42\"`")
		}
		return
	}
	last := m.at
	for last+1 < len(m.words) && !(m.is(last+1, "until") && last+3 == len(m.words)) {
		last++
	}
	at := m.span(m.at - 1).To(m.span(last))
	m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a reason of several words must be in double quotes"))
	if text := at.Text(); !strings.ContainsAny(text, "\"\\\n#") {
		safe := !slices.ContainsFunc(m.words[m.at:last+1], func(t Token) bool { return t.as != KindName && t.as != KindComma })
		m.last().WithFix(safe, at, `"`+text+`"`, "use double quotes")
	}
}

// tailWord reports an unexpected word after a destination.
func (m *mistake) tailWord() bool {
	text := m.text(m.at)
	words := []string{"until", "because", "except", "header", "with"}
	if m.keyword == "export" {
		words = append(words, "to")
	}
	if near, ok := diag.Nearest(text, words); ok {
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "%s has no clause %s", m.noun(), quoted(text))).
			WithHelp("did you mean %s?", near).
			WithFix(false, m.span(m.at), near, "write "+near)
		return true
	}
	if m.claimWithoutValue() {
		return true
	}
	switch m.kind(m.at - 1) {
	case KindName, KindStar:
		if !m.is(m.at-2, "until", "because") && m.missing() == satisfied {
			m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected `,` or the end of the line, found %s", quoted(text))).
				WithFix(false, m.after(m.at-1), ",", "insert a comma between "+quoted(m.text(m.at-1))+" and "+quoted(text))
			m.help()
			return true
		}
	}
	return false
}

// claimWithoutValue reports a word after an issuer that is not a clause.
func (m *mistake) claimWithoutValue() bool {
	for i := m.at - 1; i > 0 && m.kind(i) != KindComma && m.kind(i) != KindArrow; i-- {
		if !m.is(i, "with") {
			continue
		}
		text := m.text(m.at)
		if near, ok := diag.Nearest(text, []string{"token"}); ok && m.is(m.at-1, "no") {
			m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected `token` or a claim with its values after `no`, found %s", quoted(text))).
				WithHelp("did you mean %s?", near).
				WithFix(false, m.span(m.at), near, "write "+near)
			return true
		}
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a claim has values: `%s=VALUE`", shortened(text))).
			WithHelp("example of a token with a claim: `api with corp groups=admin|ops`")
		return true
	}
	return false
}

// afterClause reports whether a clause of headers or tokens of the same destination comes before the word.
func (m *mistake) afterClause() bool {
	for i := m.at - 1; i > 0 && m.kind(i) != KindComma && m.kind(i) != KindArrow; i-- {
		if m.is(i, "with", "header") && m.kind(i-1) != KindArrow {
			return true
		}
	}
	return false
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func isMethod(s string) bool {
	switch strings.ToUpper(s) {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return true
	}
	return false
}
