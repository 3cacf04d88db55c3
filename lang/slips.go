package lang

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// slip reports a mistake that has one plain remedy.
func (m *mistake) slip() bool {
	text, before := m.text(m.at), m.text(m.at-1)
	switch kind := m.kind(m.at); {
	case m.calls() && m.is(m.at-2, "because") && kind != KindEnd:
		m.reason()
	case strings.HasPrefix(m.expected, "a port behind") && kind == KindName && m.words[m.at].Start == m.words[m.at-1].End:
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected a port, which is a number, found %s", quoted(text))).
			WithHelp("write the port of the container: `%s:8080`", shortened(m.text(m.at-2)))
	case kind == KindColon:
		return m.colon()
	case kind == KindEquals && !m.calls() && (m.at == 1 || m.is(m.at-1, clauses...)):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "no `=` stands behind %s", quoted(before))).
			WithFix(true, m.span(m.at), "", "take the `=` out")
	case strings.HasPrefix(text, "//"), strings.HasPrefix(before, "//") && m.kind(m.at-1) == KindPath:
		m.comment()
	case kind == KindArrow && m.at == 2 && !m.calls():
		end := m.words[1].Start
		m.report(diag.New(diag.UnexpectedToken, m.span(0), "an edge has no keyword")).
			WithFix(true, m.file.Source.Span(int(m.words[0].Start), int(end)), "", "take "+quoted(m.text(0))+" out")
	case kind == KindSlash && m.is(m.at-2, "port") && !m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a blank stands between the number of a port and its protocol")).
			WithFix(true, m.span(m.at), " ", "put a blank in")
	case kind == KindSlash && m.keyword == "external" && m.is(m.at-2, "host"):
		m.hostPath()
	case kind == KindSlash && m.kind(m.at-1) == KindMethod:
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a blank stands between a method and its path")).
			WithFix(true, m.behind(m.at-1), " ", "put a blank in")
	case m.star():
	case kind == KindSlash && m.kind(m.at-2) == KindColon && m.is(m.at+1, "tcp", "udp", "tls", "http", "http2", "grpc"):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the protocol of a port stands where its service is declared: `port %s %s`", before, m.text(m.at+1))).
			WithFix(false, m.span(m.at).To(m.span(m.at+1)), "", "take "+quoted("/"+m.text(m.at+1))+" out")
	case kind == KindSlash && m.kind(m.at-2) == KindColon && m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a blank stands between a port and the path behind it")).
			WithFix(true, m.behind(m.at-1), " ", "put a blank in")
	case kind == KindSlash && m.calls():
		end := m.at
		for m.touches(end + 1) {
			end++
		}
		path := m.file.Source.Span(int(m.words[m.at-1].Start), int(m.words[end].End)).Text()
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "no `/` stands behind %s", quoted(before))).
			WithHelp("a service of another mesh reads `payments/api`; a path stands behind a blank: `%s /%s`", shortened(m.text(m.at-3)), shortened(path))
	case kind == KindMethod && m.kind(m.at-1) == KindMethod && m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "methods of one operation are separated by `|`")).
			WithFix(false, m.behind(m.at-1).To(m.file.Source.Span(int(m.words[m.at].Start), int(m.words[m.at].Start))), "|", "write `"+before+"|"+text+"`")
	case operation(kind) && m.kind(m.at-1) == KindPath && m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "operations are separated by commas")).
			WithFix(true, m.behind(m.at-1), ",", "put a comma in")
	case m.keyword == "export" && operation(kind) && strings.HasPrefix(m.expected+m.missing(), "`to`"):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the operations of an export stand at its end"))
		m.help()
	case kind == KindName && m.kind(m.at-1) == KindMethod && m.calls() && m.expected == "" && !m.is(m.at, "until", "because"):
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a path begins with `/`")).
			WithFix(false, m.file.Source.Span(int(m.words[m.at].Start), int(m.words[m.at].Start)), "/", "write `/"+shortened(text)+"`")
	case kind == KindString && m.calls() && m.expected == "" && m.missing() == "" && !m.is(m.at-2, "until", "because"):
		m.quotedOperation()
	case kind == KindReach && m.keyword == "edge":
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "`->>` is for never: an edge is one call")).
			WithFix(false, m.span(m.at), "->", "write `->`")
	case kind == KindName && m.calls() && isMethod(text) && m.at > 1:
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "methods are written in upper case: `%s`", strings.ToUpper(text))).
			WithFix(true, m.span(m.at), strings.ToUpper(text), "write "+strings.ToUpper(text))
	case m.calls() && kind == KindName && m.is(m.at, "on", "at") && m.is(m.at+1, "port") && digits(m.text(m.at+2)):
		m.portBehind(m.at + 2)
	case m.calls() && kind == KindName && m.is(m.at, "port", "on", "at") && digits(m.text(m.at+1)):
		m.portBehind(m.at + 1)
	case m.calls() && kind == KindName && digits(text) && m.kind(m.at-1) == KindName:
		m.portBehind(m.at)
	case m.calls() && kind == KindName && m.expected == "":
		return m.tailWord()
	case kind == KindOpen && m.expected == "" && m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "braces stand right behind a destination")).
			WithHelp("they hold all of its operations: `backend { GET /api/*, POST /api/orders }`")
	default:
		return false
	}
	return true
}

// calls tells whether the statement has sources and destinations.
func (m *mistake) calls() bool {
	switch m.keyword {
	case "edge", "deny", "export", "never", "always", "only":
		return true
	}
	return false
}

func operation(k Kind) bool { return k == KindMethod || k == KindPath || k == KindString }

// colon reports a colon where none stands.
func (m *mistake) colon() bool {
	before := m.text(m.at - 1)
	d := diag.New(diag.UnexpectedToken, m.span(m.at), "no colon stands behind %s", quoted(before))
	switch {
	case m.is(m.at-2, "label") && m.at > 2:
		m.report(d).WithFix(true, m.span(m.at), "=", "write `=`")
	case m.is(m.at-2, "host") && strings.HasPrefix(m.text(m.at+1), "//"):
		m.hostURL()
	case m.is(m.at-2, "host") && digits(m.text(m.at+1)):
		d.Message = "the port of an external is a clause of its own"
		m.report(d).WithFix(true, m.span(m.at), " port ", "write `port "+m.text(m.at+1)+"`")
	case m.keyword == "group" && m.at == 2:
		m.report(d).WithFix(true, m.span(m.at), " =", "write `=`")
	case m.kind(m.at-1) == KindName && m.expected != "":
		m.report(d).WithFix(true, m.span(m.at), "", "take the colon out")
	case m.kind(m.at-1) == KindName && !m.calls():
		m.report(d).WithFix(true, m.span(m.at), "", "take the colon out")
	default:
		return false
	}
	return true
}

// touches tells whether no blank stands between a word and the one in front of it, and neither is a sign that ends a
// name.
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

// star reports a name or path with a `*` in it that has no quotes: without them the `*` is a word of its own.
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
		what = "path"
	case KindName:
		if m.keyword == "external" && m.is(first-1, "host") {
			what = "host"
			break
		}
		callee := slices.ContainsFunc(m.words[:first], func(t Token) bool {
			return t.as == KindArrow || t.as == KindReach || m.keyword == "export" && m.file.span(t).Text() == "to"
		})
		if callee && !m.is(first-1, "to", "except") {
			what = "path"
		}
	}
	switch {
	case what != "" && text[0] == '*':
		m.report(diag.New(diag.UnexpectedToken, at, "a %s that begins with `*` stands in double quotes", what)).
			WithFix(true, at, `"`+text+`"`, "put it in double quotes")
	case what == "" && (m.calls() || m.keyword == "group") && m.kind(m.at) != KindSlash:
		m.report(diag.New(diag.UnexpectedToken, at, "`*` is no part of a name: it stands alone, for all services")).
			WithHelp("name the services one by one, or put them in a group; a path stands in double quotes")
	default:
		return false
	}
	return true
}

// hostURL reports a URL in the place of a host, and offers the host. Without its path an external is more than was
// written, so that is for somebody to look at.
func (m *mistake) hostURL() {
	rest := m.text(m.at + 1)[len("//"):]
	host, path, _ := strings.Cut(rest, "/")
	host, query, _ := strings.Cut(host, "?")
	host, port, _ := strings.Cut(host, ":")
	message, clause := "a host has no scheme", host
	if path+query != "" {
		message = "a host has neither scheme nor path"
	}
	if strings.Contains(host, "*") {
		clause = `"` + host + `"`
	}
	if digits(port) && !slices.ContainsFunc(m.words[m.at+2:], func(t Token) bool { return m.file.span(t).Text() == "port" }) {
		clause += " port " + port
	}
	m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "%s", message))
	if host == "" || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-*") != "" {
		m.help()
		return
	}
	m.last().WithFix(path+query == "", m.span(m.at-1).To(m.span(m.at+1)), clause, "write `"+shortened(clause)+"`")
}

// hostPath reports a path behind a host.
func (m *mistake) hostPath() {
	end := m.at
	for end+1 < len(m.words) && m.words[end+1].Start == m.words[end].End {
		end++
	}
	at := m.span(m.at).To(m.span(end))
	m.report(diag.New(diag.UnexpectedToken, at, "a host has no path")).
		WithFix(end == m.at, at, "", "take "+quoted(at.Text())+" out")
}

// portBehind reports the port of a destination that stands behind a blank or a word; i is its number.
func (m *mistake) portBehind(i int) {
	port := ":" + m.text(i)
	m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the port of a destination follows a colon")).
		WithFix(true, m.behind(m.at-1).To(m.span(i)), port, "write `"+shortened(m.text(m.at-1))+port+"`")
}

// quotedOperation reports a string where an operation is to be, which is no path. Wrong quotes around a method were
// reported with the characters.
func (m *mistake) quotedOperation() {
	text := m.text(m.at)
	value := unquote(text)
	method, path, _ := strings.Cut(value, " ")
	switch {
	case !isMethod(method) || path != "" && path[0] != '/':
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a path in double quotes begins with `/` or `*`"))
		m.help()
	case text[0] == '"':
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a method stands without quotes")).
			WithFix(true, m.span(m.at), value, "take the quotes out")
	}
}

// comment reports a comment of another language, which was read as a path.
func (m *mistake) comment() {
	i := m.at
	if !strings.HasPrefix(m.text(i), "//") {
		i--
	}
	at := m.file.Source.Span(int(m.words[i].Start), int(m.words[i].Start)+2)
	m.report(diag.New(diag.UnexpectedToken, at, "a comment begins with #, not with //")).WithFix(true, at, "#", "begin it with #")
}

// reason reports a reason of several words without quotes.
func (m *mistake) reason() {
	last := m.at
	for last+1 < len(m.words) && !(m.is(last+1, "until") && last+3 == len(m.words)) {
		last++
	}
	at := m.span(m.at - 1).To(m.span(last))
	m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a reason of several words stands in double quotes"))
	if text := at.Text(); !strings.ContainsAny(text, "\"\\\n#") {
		m.last().WithFix(true, at, `"`+text+`"`, "put it in double quotes")
	}
}

// tailWord reports a word behind a destination that may not stand there.
func (m *mistake) tailWord() bool {
	text := m.text(m.at)
	words := []string{"until", "because"}
	switch m.keyword {
	case "export":
		words = append(words, "to")
	case "never", "always", "only":
		words = append(words, "except")
	}
	if near, ok := diag.Nearest(text, words); ok {
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "%s has no %s", m.noun(), quoted(text))).
			WithHelp("did you mean %s?", near).
			WithFix(false, m.span(m.at), near, "write "+near)
		return true
	}
	if text == "except" {
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "only `never` and `only` have exceptions")).
			WithHelp("for an exception to an edge write a deny: `deny %s -> …`", shortened(m.text(m.at+1)))
		return true
	}
	switch m.kind(m.at - 1) {
	case KindName, KindStar:
		if !m.is(m.at-2, "until", "because") && m.missing() == "" {
			m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected `,` or the end of the line, found %s", quoted(text))).
				WithFix(false, m.behind(m.at-1), ",", "put a comma between "+quoted(m.text(m.at-1))+" and "+quoted(text))
			m.help()
			return true
		}
	}
	return false
}

func (m *mistake) noun() string {
	switch m.keyword {
	case "edge", "deny", "export":
		return article(m.keyword) + " " + m.keyword
	}
	return "a guard rail"
}

// clause reports what stands behind a complete service, external or group.
func (m *mistake) clause() bool {
	text := m.text(m.at)
	switch m.keyword {
	case "service", "external":
		return m.strangeClause()
	case "group":
		if m.kind(m.at) == KindName {
			m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected `,` between the members, found %s", quoted(text))).
				WithFix(false, m.behind(m.at-1), ",", "put a comma in")
			return true
		}
	case "mesh":
		if m.kind(m.at) == KindComma {
			m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "each mesh has its own statement"))
			m.help()
			return true
		}
	}
	return false
}

// clausesOf is what a service and an external consist of.
var clausesOf = map[string][]string{
	"service":  {"account", "outside", "address", "label", "port"},
	"external": {"host", "port"},
}

func (m *mistake) strangeClause() bool {
	at, own := m.at, clausesOf[m.keyword]
	if m.kind(at) == KindComma && at == 2 {
		m.report(diag.New(diag.UnexpectedToken, m.span(at), "each %s has its own statement", m.keyword))
		m.help()
		return true
	}
	if m.kind(at) == KindComma {
		help := "every clause has its own keyword: `label app=db label tier=store port 5432 tcp port 9090 http`"
		if m.keyword == "external" {
			help = "every clause has its own keyword: `host a.example.com host b.example.com port 443 tls`"
		}
		d := m.report(diag.New(diag.UnexpectedToken, m.span(at), "no comma stands between the clauses of %s %s", article(m.keyword), m.keyword)).WithHelp("%s", help)
		switch {
		case m.is(at+1, own...):
			d.WithFix(true, m.span(at), "", "take the comma out")
		case m.is(at-2, "port", "account", "host", "address"):
			d.WithFix(false, m.span(at), " "+m.text(at-2), "repeat "+m.text(at-2))
		case m.kind(at-2) == KindEquals:
			d.WithFix(false, m.span(at), " label", "repeat label")
		}
		return true
	}
	switch m.kind(at) {
	case KindName, KindMethod, KindEquals:
	default:
		return false
	}
	// A clause with a typing error behind a port was read as the protocol: the word behind it is blamed.
	if m.is(at-2, "port") || m.is(at-3, "port") {
		if _, ok := diag.Nearest(m.text(at-1), own); ok {
			at--
		}
	}
	text := m.text(at)
	if m.is(at-1, own...) && m.is(at-2, own...) {
		m.report(diag.New(diag.UnexpectedToken, m.span(at-1), "%s was read as the value of %s", quoted(m.text(at-1)), quoted(m.text(at-2)))).
			WithHelp("%s needs a value; a value that is also a keyword may stand in double quotes", quoted(m.text(at-2)))
		return true
	}
	d := m.report(diag.New(diag.UnexpectedToken, m.span(at), "%s %s has no clause %s", article(m.keyword), m.keyword, quoted(text)))
	near, ok := diag.Nearest(text, own)
	switch {
	case ok:
		d.WithHelp("did you mean %s?", near).WithFix(strings.EqualFold(near, text), m.span(at), near, "write "+near)
	case m.keyword == "service" && (text == "sa" || text == "serviceaccount" || text == "serviceAccount"):
		d.WithHelp("did you mean account?").WithFix(true, m.span(at), "account", "write account")
	default:
		d.WithHelp("the clauses of %s %s are %s", article(m.keyword), m.keyword, strings.Join(own, ", "))
	}
	return true
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an"
	}
	return "a"
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
