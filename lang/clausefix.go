package lang

import (
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

func (m *mistake) noun() string {
	switch m.keyword {
	case "edge", "deny", "ask", "export":
		return diag.WithArticle(m.keyword)
	}
	return "a guard rail"
}

// clause reports what follows a complete service, external, group or mesh.
func (m *mistake) clause() bool {
	text := m.text(m.at)
	switch m.keyword {
	case "service", "external", "issuer":
		return m.unknownClause()
	case "group":
		if m.kind(m.at) == KindName {
			m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected `,` between the members, found %s", quoted(text))).
				WithFix(false, m.after(m.at-1), ",", "insert a comma")
			return true
		}
	case "mesh":
		if m.kind(m.at) == KindComma {
			m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "write a separate statement for each mesh"))
			m.help()
			return true
		}
		if near, ok := diag.Nearest(text, []string{"open", "closed"}); ok && m.kind(m.at) == KindName {
			m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected the end of the line, found %s", quoted(text))).
				WithHelp("did you mean %s?", near).WithFix(false, m.span(m.at), near, "write "+near)
			return true
		}
		if m.is(m.at-1, "open", "closed") && m.is(m.at, modes...) {
			m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "the mode of a mesh comes before %s", quoted(m.text(m.at-1)))).
				WithFix(true, m.span(m.at-1).To(m.span(m.at)), text+" "+m.text(m.at-1), "write `"+text+" "+m.text(m.at-1)+"`")
			return true
		}
	}
	return false
}

// clausesOf lists the clauses of services and externals.
var clausesOf = map[string][]string{
	"service":  {"account", "was", "outside", "gateway", "address", "label", "port"},
	"external": {"host", "port"},
	"issuer":   {"url", "keys", "audience", "from", "forward", "claim", "payload"},
}

func (m *mistake) unknownClause() bool {
	at, own := m.at, clausesOf[m.keyword]
	if m.kind(at) == KindComma && at == 2 {
		m.report(diag.New(diag.UnexpectedToken, m.span(at), "write a separate statement for each %s", m.keyword))
		m.help()
		return true
	}
	if m.kind(at) == KindComma {
		help := "repeat the keyword in each clause: `label app=db label tier=store port 5432 tcp port 9090 http`"
		switch m.keyword {
		case "issuer":
			help = "alternatives are separated by `|`: `audience shop|admin`"
		case "external":
			help = "repeat the keyword in each clause: `host a.example.com host b.example.com port 443 tls`"
		}
		d := m.report(diag.New(diag.UnexpectedToken, m.span(at), "the clauses of %s are not separated by commas", diag.WithArticle(m.keyword))).WithHelp("%s", help)
		switch {
		case m.is(at-2, "audience"):
			d.WithFix(true, m.span(at), "|", "write `|`")
		case m.is(at+1, own...):
			d.WithFix(true, m.span(at), "", "remove the comma")
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
	// A misspelled clause after a port was read as the protocol, so that the word after it was unexpected.
	if m.is(at-2, "port") || m.is(at-3, "port") {
		if _, ok := diag.Nearest(m.text(at-1), own); ok {
			at--
		}
	}
	text := m.text(at)
	if m.keyword == "issuer" && at == 2 && m.kind(3) == KindColon && strings.HasPrefix(m.text(4), "//") {
		m.report(diag.New(diag.UnexpectedToken, m.span(2), "the URL of an issuer follows `url`")).
			WithFix(true, m.after(1), " url", "insert `url`")
		return true
	}
	if m.is(at-1, own...) && m.is(at-2, own...) {
		m.report(diag.New(diag.UnexpectedToken, m.span(at-1), "%s was read as the value of %s", quoted(m.text(at-1)), quoted(m.text(at-2)))).
			WithHelp("%s needs a value; a value that is also a keyword can be quoted", quoted(m.text(at-2)))
		return true
	}
	d := m.report(diag.New(diag.UnexpectedToken, m.span(at), "%s has no clause %s", diag.WithArticle(m.keyword), quoted(text)))
	near, ok := diag.Nearest(text, own)
	switch {
	case ok:
		d.WithHelp("did you mean %s?", near).WithFix(strings.EqualFold(near, text), m.span(at), near, "write "+near)
	case m.keyword == "service" && (text == "sa" || text == "serviceaccount" || text == "serviceAccount"):
		d.WithHelp("did you mean account?").WithFix(true, m.span(at), "account", "write account")
	default:
		d.WithHelp("the clauses of %s are %s", diag.WithArticle(m.keyword), strings.Join(own, ", "))
	}
	return true
}
