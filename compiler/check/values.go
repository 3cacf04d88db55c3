package check

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// validName reports a name that Kubernetes does not allow: of a mesh if m is nil, else of a part of m.
func (c *checker) validName(m *mesh, n lang.Name, what string) {
	if policy.IsLabel(n.Text) {
		return
	}
	d := c.list.Add(diag.InvalidName, n.Range, "%s cannot be the name of anything in Kubernetes", quoted(n.Text))
	if len(n.Text) > policy.MaxLabel {
		d.WithHelp("a %s has at most %d characters; this one has %d", what, policy.MaxLabel, len(n.Text))
		return
	}
	d.WithHelp("a %s has lower-case letters, digits and `-`, and begins and ends with a letter or digit", what)
	if lower := strings.ToLower(strings.ReplaceAll(n.Text, "_", "-")); policy.IsLabel(lower) {
		fix := diag.Fix{Title: "write " + lower}
		for _, at := range c.occurrences(m, n) {
			fix.Edits = append(fix.Edits, diag.Edit{Span: at, New: lower})
		}
		d.Fixes = append(d.Fixes, fix)
	}
}

// occurrences returns where the name of a mesh, or of a part of mesh m, is written.
func (c *checker) occurrences(m *mesh, n lang.Name) (all []source.Span) {
	written := func(section *lang.Mesh, r lang.Ref) {
		home := r.Namespace
		if !home.Present() && section != nil {
			home = section.Name
		}
		switch {
		case m == nil && r.Qualified() && home.Text == n.Text:
			all = append(all, home.Range)
		case m != nil && home.Text == m.Name && r.Name.Text == n.Text:
			all = append(all, r.Name.Range)
		}
	}
	for _, f := range c.files {
		var section *lang.Mesh
		lang.Walk(f, func(node lang.Node) bool {
			switch node := node.(type) {
			case *lang.Mesh:
				section = node
				if m == nil && node.Name.Text == n.Text {
					all = append(all, node.Name.Range)
				}
			case *lang.Target:
				written(section, node.Ref)
			case *lang.Ref:
				written(section, *node)
			}
			return true
		})
	}
	if m != nil {
		all = append(all, n.Range)
	}
	return all
}

func (c *checker) validAccount(n lang.Name) bool {
	if policy.IsName(n.Text) {
		return true
	}
	c.list.Add(diag.InvalidName, n.Range, "%s cannot be a service account", quoted(n.Text)).
		WithHelp("an account has lower-case letters, digits, `-` and `.`, at most %d of them: the metadata.name of a ServiceAccount", policy.MaxName)
	return false
}

func (c *checker) validLabel(l lang.Label) bool {
	switch {
	case !policy.IsLabelKey(l.Key.Text):
		c.list.Add(diag.InvalidName, l.Key.Range, "%s cannot be the key of a label", quoted(l.Key.Text)).
			WithHelp("a key is a name of at most %d characters, with a DNS name and `/` before it if need be: app.kubernetes.io/name", policy.MaxLabel)
		return false
	case !policy.IsLabelValue(l.Value.Text):
		c.list.Add(diag.InvalidName, l.Value.Range, "%s cannot be the value of a label", quoted(l.Value.Text)).
			WithHelp("a value has at most %d letters, digits, `-`, `_` and `.`, and begins and ends with a letter or digit", policy.MaxLabel)
		return false
	}
	return true
}

// validHost holds a host against what Istio admits in a ServiceEntry.
func (c *checker) validHost(external string, n lang.Name) bool {
	host := strings.TrimPrefix(n.Text, "*.")
	if policy.InCluster(host) {
		c.list.Add(diag.InvalidValue, n.Range, "%s is a service of the cluster, not an external", quoted(n.Text)).
			WithHelp("call the service itself: `NAMESPACE/SERVICE`, which its mesh exports")
		return false
	}
	if policy.IsName(host) && strings.Contains(host, ".") && !allDigits(host) {
		return true
	}
	d := c.list.Add(diag.InvalidValue, n.Range, "%s is not the name of a host", quoted(n.Text))
	switch {
	case strings.Contains(n.Text, "://"):
		d.WithHelp("write the host alone, without scheme and path: api.example.com")
	case allDigits(host):
		d.WithHelp("an address is a service outside the mesh: `service %s outside address %s`", external, n.Text)
	default:
		d.WithHelp("write a full DNS name: api.example.com, or \"*.example.com\", in quotes, for all below it")
	}
	return false
}

func allDigits(host string) bool { return strings.Trim(host, "0123456789.") == "" }

var modes = map[string]policy.Mode{"disable": policy.Disable, "permissive": policy.Permissive, "strict": policy.Strict}

func (c *checker) mode(n lang.Name) policy.Mode {
	if m, ok := modes[n.Text]; ok {
		return m
	}
	d := c.list.Add(diag.InvalidValue, n.Range, "%s is not an mTLS mode", quoted(n.Text)).
		WithHelp("the modes are strict, permissive and disable")
	suggest(d, n, []string{"strict", "permissive", "disable"})
	return policy.ModeUnset
}

var protocols = map[string]policy.Protocol{
	"tcp": policy.TCP, "tls": policy.TLS, "http": policy.HTTP, "http2": policy.HTTP2, "grpc": policy.GRPC,
}

func (c *checker) protocol(n lang.Name) policy.Protocol {
	if !n.Present() {
		return policy.ProtocolUnset
	}
	if p, ok := protocols[n.Text]; ok {
		return p
	}
	d := c.list.Add(diag.InvalidValue, n.Range, "%s is not a protocol that meshc knows", quoted(n.Text))
	switch n.Text {
	case "https":
		d.WithHelp("write tls where the application itself speaks TLS, http where its proxy does")
	case "udp":
		d.WithHelp("a mesh carries TCP only: leave the port out")
	default:
		d.WithHelp("the protocols are http, http2, grpc, tcp and tls")
		suggest(d, n, []string{"http", "http2", "grpc", "tcp", "tls"})
	}
	return policy.ProtocolUnset
}

// suggest adds the nearest of some names as a fix.
func suggest(d *diag.Diagnostic, n lang.Name, among []string) bool {
	near, ok := diag.Nearest(n.Text, among)
	if ok {
		d.Help = fmt.Sprintf("did you mean %s?", near)
		d.WithFix(false, n.Range, near, "write "+near)
	}
	return ok
}

// quoted is a name as a message shows it: in backquotes, and shortened where nobody would read it all.
func quoted(s string) string {
	if r := []rune(s); len(r) > 80 {
		s = string(r[:77]) + "..."
	}
	return "`" + s + "`"
}

// listed is `a`, `a and b`, `a, b and c`.
func listed(names []string) string {
	switch n := len(names); n {
	case 0:
		return "nobody"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// expiresSoon is how long before its last day a statement has a warning.
const expiresSoon = 30 * 24 * time.Hour

// tail reads the clauses `until` and `because`.
func (c *checker) tail(t lang.Tail) (until, because string) {
	because = t.Because.Text
	if i := strings.IndexFunc(because, func(r rune) bool { return unicode.IsControl(r) || diag.Misleads(r) }); i >= 0 {
		c.list.Add(diag.InvalidValue, t.Because.Range, "this reason has an invisible character that changes how the text around it is displayed").
			WithHelp("delete the control or direction character: reviewers would see another text")
	}
	if !t.Until.Present() {
		return "", because
	}
	day, err := time.Parse(time.DateOnly, t.Until.Text)
	if err != nil {
		c.list.Add(diag.InvalidValue, t.Until.Range, "%s is not a day", quoted(t.Until.Text)).
			WithHelp("write year, month and day: until 2027-03-31")
		return "", because
	}
	c.ends(day, t.Until.Range, "statement")
	return t.Until.Text, because
}

// ends reports a day that has passed, or soon will have.
func (c *checker) ends(day time.Time, at source.Span, what string) {
	text, today := day.Format(time.DateOnly), c.Today.UTC().Truncate(24*time.Hour)
	switch {
	case today.After(day):
		c.list.Add(diag.Expired, at, "this ended on %s", text).
			WithNote("today is %s", today.Format(time.DateOnly)).
			WithHelp("delete the %s, or give it a later day", what)
	case day.Sub(today) <= expiresSoon:
		c.list.Add(diag.Expiring, at, "this ends in %s", days(int(day.Sub(today).Hours())/24)).
			WithNote("from the day after %s the build fails until the %s is deleted or extended", text, what)
	}
}

// acceptances reports objects that are accepted no longer, or not for much longer.
func (c *checker) acceptances() {
	for _, a := range c.Config.Accepted {
		if day, err := time.Parse(time.DateOnly, a.Until); err == nil {
			c.ends(day, a.UntilAt, "entry")
		}
	}
}

func days(n int) string {
	switch n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}
