package lang

import (
	"net/netip"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// elsewhere reports a service, a date or a selector in the notation of Kubernetes, Istio or another tool. It reports
// false if the mistake is not one.
func (m *mistake) elsewhere() bool {
	for i := range m.words {
		switch {
		case m.address(i):
			return true
		case m.is(i, "ns") && m.is(i+4, "sa") && m.kind(i-1) == KindSlash && m.joined(i-2, i+6):
			m.spiffe(i-2, i+6, m.text(i+2), m.text(i+6))
			return true
		case m.is(i, "system") && m.is(i+2, "serviceaccount") && m.kind(i+3) == KindColon && m.kind(i+5) == KindColon && m.joined(i, i+6) && m.calls():
			m.account(i, i+6, m.text(i+4), m.text(i+6), "the user name of an account")
			return true
		case m.kind(i) == KindColon && strings.HasPrefix(m.text(i+1), "//") && m.words[i+1].Start == m.words[i].End && m.calls() && !m.is(i-2, "host"):
			m.uri(i)
			return true
		case i == m.at && m.kind(i) == KindSlash && m.is(i-2, "until"):
			return m.slashedDate(i)
		case i == m.at && m.kind(i) == KindEquals && m.calls() && m.kind(i-1) == KindName:
			m.selector(i - 1)
			return true
		}
	}
	return false
}

// address reports an IPv6 address in place of a service, if one begins at word i.
func (m *mistake) address(i int) bool {
	if !m.calls() || i > 0 && m.words[i-1].End == m.words[i].Start {
		return false
	}
	last := i
	for m.joined(last, last+1) {
		last++
	}
	at := m.span(i).To(m.span(last))
	text, _, _ := strings.Cut(at.Text(), "/")
	if a, err := netip.ParseAddr(text); err != nil || !a.Is6() {
		return false
	}
	m.report(diag.New(diag.UnexpectedToken, at, "%s is an address, and a caller or destination is a service", quoted(at.Text()))).
		WithHelp("declare a service outside the mesh with this address, and write its name in place of it: `service NAME outside address %s`", at.Text())
	return true
}

// joined reports whether the words from first to last touch each other.
func (m *mistake) joined(first, last int) bool {
	if first < 0 || last >= len(m.words) {
		return false
	}
	for i := first + 1; i <= last; i++ {
		if m.words[i-1].End != m.words[i].Start {
			return false
		}
	}
	return true
}

// uri reports a URL or a SPIFFE ID; i is its colon.
func (m *mistake) uri(i int) {
	parts := strings.Split(strings.TrimPrefix(m.text(i+1), "//"), "/")
	if m.is(i-1, "spiffe") && len(parts) == 5 && parts[1] == "ns" && parts[3] == "sa" {
		m.spiffe(i-1, i+1, parts[2], parts[4])
		return
	}
	m.report(diag.New(diag.UnexpectedToken, m.span(max(i-1, 0)).To(m.span(i+1)), "a URL cannot stand for a service")).
		WithHelp("write the name of the service, `payments/api` if it is in another mesh; a host outside the mesh is declared as an external")
}

// spiffe reports a SPIFFE ID in place of a service.
// https://istio.io/latest/docs/concepts/security/#istio-identity
func (m *mistake) spiffe(first, last int, namespace, account string) {
	m.account(first, last, namespace, account, "a SPIFFE ID")
}

// account reports another notation for an account in place of a service, such as the user name that Kubernetes gives
// it:
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
func (m *mistake) account(first, last int, namespace, account, notation string) {
	m.report(diag.New(diag.UnexpectedToken, m.span(first).To(m.span(last)), "a caller is written as a service, not as %s", notation)).
		WithHelp("write the service of mesh %s that runs as the account %s", shortened(namespace), shortened(account))
}

// selector reports a label in place of a service; i is its key.
func (m *mistake) selector(i int) {
	last := min(i+2, len(m.words)-1)
	m.report(diag.New(diag.UnexpectedToken, m.span(i).To(m.span(last)), "a caller or destination is written as a service, not as a label")).
		WithHelp("write the name of the service whose pods have the label; labels belong to its declaration: `service web account web-sa label app=web`")
}

// slashedDate reports a date with slashes; i is the first of them.
func (m *mistake) slashedDate(i int) bool {
	last := i + 1
	for m.kind(last+1) == KindSlash && m.joined(last, last+2) {
		last += 2
	}
	at := m.span(i - 1).To(m.span(min(last, len(m.words)-1)))
	d := m.report(diag.New(diag.UnexpectedToken, at, "the parts of a date are separated by `-`"))
	if parts := strings.Split(at.Text(), "/"); len(parts) == 3 && len(parts[0]) == 4 {
		date := strings.Join(parts, "-")
		d.WithFix(true, at, date, "write `"+shortened(date)+"`")
		return true
	}
	d.WithHelp("write year, month and day: `until 2027-03-31`")
	return true
}
