package check

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// operations converts methods and paths. It reports those that no request can have; which of the others a target can
// match is for the target to judge. With every, templates stand for all text: a deny or a guard must not leave anything
// out.
func (c *checker) operations(ops []lang.Operation, every bool) (all []policy.Operation, ok bool) {
	if len(ops) == 0 {
		return nil, true
	}
	ok = true
	c.bareMethod(ops)
	out := make([]policy.Operation, 0, len(ops))
	for _, op := range ops {
		o := policy.Operation{At: op.Range, Every: every, Quoted: op.Path.Quoted}
		for _, m := range op.Methods {
			ok = c.validMethod(m) && ok
			o.Methods = append(o.Methods, m.Text)
		}
		slices.Sort(o.Methods)
		o.Methods = slices.Compact(o.Methods)
		if op.Path.Present() {
			ok = c.validPath(op.Path) && ok
			if op.Path.Text != "*" {
				o.Path = withoutRest(op.Path.Text)
			}
		}
		if len(o.Methods) == 0 && o.Path == "" && op.Path.Text == "*" {
			o.Path = "*"
		}
		out = append(out, o)
	}
	return policy.Canonical(out), ok
}

// withoutRest is a path that ends with {**} as the prefix that it is. Proxies match every text after a prefix, but not
// every text in place of {**}.
func withoutRest(path string) string {
	if head, ok := strings.CutSuffix(path, "/{**}"); ok && !strings.ContainsAny(head, "{}*") {
		return head + "/*"
	}
	return path
}

// bareMethod warns of `GET, POST /x`, which lets in every GET.
func (c *checker) bareMethod(ops []lang.Operation) {
	for i := 0; i+1 < len(ops); i++ {
		if !ops[i].Path.Present() && ops[i+1].Path.Present() && len(ops[i+1].Methods) > 0 {
			first, next := ops[i].Range.Text(), ops[i+1].Methods[0].Range.To(ops[i+1].Methods[len(ops[i+1].Methods)-1].Range).Text()
			c.list.Add(diag.BareMethod, ops[i].Range, "%s has no path of its own, so it stands for every path", first).
				WithHelp("write %s|%s %s for both, or %s /* if you mean every path", first, next, ops[i+1].Path.Range.Text(), first).
				WithFix(false, ops[i].Range.To(ops[i+1].Range), first+"|"+next+" "+ops[i+1].Path.Range.Text(), "join the methods")
		}
	}
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}

func (c *checker) validMethod(n lang.Name) bool {
	if slices.Contains(methods, n.Text) {
		return true
	}
	if near, ok := diag.Nearest(n.Text, methods); ok {
		c.list.Add(diag.InvalidOperation, n.Range, "%s is not an HTTP method", quoted(n.Text)).
			WithHelp("did you mean %s?", near).WithFix(false, n.Range, near, "write "+near)
		return false
	}
	return true
}

// validPath reports a path that no request has.
func (c *checker) validPath(n lang.Name) bool {
	p := n.Text
	problem, help := "", ""
	switch {
	case isPlainPath(p):
		c.placeholder(n)
		return true
	case p == "":
		problem, help = "is empty", "write `/` for the root, `/*` for every path"
	case !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "*"):
		problem, help = "does not begin with `/`", "write /"+p
	case strings.ContainsAny(p, "?#"):
		problem, help = "has a query or fragment, which policies do not see", "write the path alone: "+p[:strings.IndexAny(p, "?#")]
	case strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		problem, help = "has a blank or control character, which no path has", "write it percent-encoded: %20"
	case strings.Contains(p, `\`):
		problem, help = "has a backslash, which a proxy turns into a slash before policies see the request", "write "+policy.CanonicalPath(p)
	case strings.ContainsFunc(p, policy.PercentEncoded):
		problem, help = "has a character that requests have in percent-encoding only", "write it percent-encoded: "+policy.CanonicalPath(p)
	case hasDotSegment(p):
		problem, help = "has a dot segment, which a proxy resolves before policies see the request", "write the path that it leads to"
	case policy.CanonicalPath(p) != p:
		problem, help = "has a percent-encoding that a proxy decodes before policies see the request", "write "+policy.CanonicalPath(p)
	default:
		c.placeholder(n)
		return true
	}
	c.list.Add(diag.InvalidOperation, n.Range, "path %s %s", quoted(p), problem).WithHelp("%s", help)
	return false
}

// isPlainPath reports whether a path surely has none of what validPath looks for: it has only what needs no
// percent-encoding, slashes and stars, and no dots.
func isPlainPath(p string) bool {
	if p == "" || p[0] != '/' && p[0] != '*' {
		return false
	}
	for i := range len(p) {
		if c := p[i]; c == '.' || c != '/' && c != '*' && !policy.Unreserved(c) {
			return false
		}
	}
	return true
}

// placeholder warns of `/api/:id`, which matches only itself. In quotes it is taken as meant.
func (c *checker) placeholder(n lang.Name) {
	if n.Quoted || !policy.HasPlaceholder(n.Text) {
		return
	}
	d := c.list.Add(diag.Misleading, n.Range, "the placeholder in %s is matched literally", quoted(n.Text))
	if template := policy.Template(n.Text); template != "" {
		d.WithHelp("write %s to match any segment, or put the path in quotes", template).
			WithFix(false, n.Range, template, "write "+template)
		return
	}
	d.WithHelp("write {*} to match any segment, or put the path in quotes")
}

// hasDotSegment reports whether a path has a segment that normalization of paths (RFC 3986, 5.2.4) removes,
// percent-encoded or not.
func hasDotSegment(p string) bool {
	for segment := range strings.SplitSeq(p, "/") {
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".", "..":
			return true
		}
	}
	return false
}
