package importer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/targets"
)

// issuer is who signs tokens, as RequestAuthentications say.
type issuer struct {
	name string
	jwt  jwtRule
	why  string    // it cannot be said: the reason
	of   []*object // that say so
}

// jwtRule is an item of jwtRules, of the fields that the language has words for. Others are errors where it is decoded.
type jwtRule struct {
	Issuer      string   `json:"issuer"`
	JwksURI     string   `json:"jwksUri,omitempty"`
	JwksURIToo  string   `json:"jwks_uri,omitempty"` // the same
	Jwks        string   `json:"jwks,omitempty"`
	Audiences   []string `json:"audiences,omitempty"`
	FromHeaders []struct {
		Name   string `json:"name"`
		Prefix string `json:"prefix,omitempty"`
	} `json:"fromHeaders,omitempty"`
	FromParams            []string `json:"fromParams,omitempty"`
	FromCookies           []string `json:"fromCookies,omitempty"`
	ForwardOriginalToken  bool     `json:"forwardOriginalToken,omitempty"`
	OutputPayloadToHeader string   `json:"outputPayloadToHeader,omitempty"`
	OutputClaimToHeaders  []struct {
		Claim  string `json:"claim"`
		Header string `json:"header"`
	} `json:"outputClaimToHeaders,omitempty"`
	SpaceDelimitedClaims []string `json:"spaceDelimitedClaims,omitempty"` // but for those that always are; none can be said
}

// jwtRules decodes the rules of a RequestAuthentication, in the order of their issuers.
func jwtRules(object *yaml.Node) (all []jwtRule, err error) {
	rules := yamldoc.Get(object, "spec", "jwtRules")
	if rules == nil {
		return nil, nil
	}
	var plain any
	if err := rules.Decode(&plain); err != nil {
		return nil, err
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].JwksURI, all[i].JwksURIToo = cmp.Or(all[i].JwksURI, all[i].JwksURIToo), ""
		if inline := &all[i].Jwks; *inline != "" {
			set, _, why := policy.KeySet(*inline)
			if why != "" {
				return nil, fmt.Errorf(`unknown field "jwks": %s`, why)
			}
			*inline = set
		}
		slices.Sort(all[i].Audiences)
		all[i].Audiences = slices.Compact(all[i].Audiences)
		if all[i].SpaceDelimitedClaims = slices.DeleteFunc(all[i].SpaceDelimitedClaims, policy.SpaceDelimited); len(all[i].SpaceDelimitedClaims) > 0 {
			return nil, errors.New(`unknown field "spaceDelimitedClaims"`)
		}
	}
	slices.SortFunc(all, jwtRule.compare)
	return all, nil
}

func (r jwtRule) equal(other jwtRule) bool { return r.compare(other) == 0 }

func (r jwtRule) compare(other jwtRule) int {
	a, _ := json.Marshal(r)
	b, _ := json.Marshal(other)
	return cmp.Or(strings.Compare(r.Issuer, other.Issuer), bytes.Compare(a, b))
}

// findIssuers learns who signs tokens. Issuers are those of the whole project: two objects that say other things of one
// URL make two of them.
func (i *importer) findIssuers() {
	for _, o := range i.objects {
		if o.read == nil || o.read.Role != enforce.Authenticates || o.Outcome == Refused {
			continue
		}
		rules, err := jwtRules(o.node)
		if err != nil {
			_, what, _ := strings.Cut(err.Error(), "unknown field ")
			what = strings.Replace(what, `"`, "", 2)
			o.accept("it has %s", what)
			for _, clause := range o.read.Clauses {
				for _, box := range clause.From {
					for _, c := range box {
						for _, p := range c.Is {
							i.issuers = append(i.issuers, &issuer{jwt: jwtRule{Issuer: p.String()}, why: fmt.Sprintf("the %s has %s", o.ID(), what), of: []*object{o}})
						}
					}
				}
			}
			continue
		}
		for _, r := range rules {
			if k := slices.IndexFunc(i.issuers, func(x *issuer) bool { return x.why == "" && x.jwt.equal(r) }); k >= 0 {
				i.issuers[k].of = append(i.issuers[k].of, o)
			} else {
				i.issuers = append(i.issuers, &issuer{name: i.issuerName(r.Issuer), jwt: r, of: []*object{o}})
			}
		}
	}
}

// issuerName is a name for an issuer: its host without what many hosts have in common.
func (i *importer) issuerName(of string) string {
	host := of
	if u, err := url.Parse(of); err == nil && u.Host != "" {
		host = u.Hostname()
	}
	host, _, _ = strings.Cut(host, "@")
	host = strings.TrimPrefix(host, "www.")
	if parts := strings.Split(host, "."); len(parts) > 2 {
		host = strings.Join(parts[:len(parts)-2], "-")
	} else if len(parts) == 2 {
		host = parts[0]
	}
	name := strings.TrimLeft(plain(host), "0123456789-")
	if name == "" || slices.Contains(reserved, name) {
		name = "issuer"
	}
	for n, first := 2, name; slices.ContainsFunc(i.issuers, func(x *issuer) bool { return x.name == name }); n++ {
		name = fmt.Sprintf("%s-%d", first, n)
	}
	return name
}

// credential is a token that requests must have: of one of some issuers, with claims.
type credential struct {
	none    bool // they must have no token
	issuers []*issuer
	claims  []claim
}

type claim struct {
	no     bool
	path   []string
	values []string
}

func (c *credential) String() string {
	if c == nil {
		return ""
	}
	var b strings.Builder
	if c.none {
		b.WriteString("none|")
	}
	for _, x := range c.issuers {
		b.WriteString(x.name + "|")
	}
	fmt.Fprint(&b, c.claims)
	return b.String()
}

// token reads the conditions of a box on tokens; nil if there are none. It is never where no token that is verified
// fulfils them.
func (i *importer) token(o *object, box space.Box) (t *credential, never bool, err error) {
	point := i.point(o)
	if !point.Meets(box) {
		return nil, true, nil
	}
	none, taken := false, i.taken(point)
	for _, c := range box {
		if c.Dimension != space.Token || len(taken) == 0 { // it holds of every request: none has a token
			continue
		}
		if len(c.Is) == 0 && len(c.Not) == 1 && c.Not[0].RequestPrincipal() == "*" {
			none = true
			continue
		}
		if t == nil {
			t = &credential{issuers: taken}
		}
		principals, subjects, err := requestPrincipals(point, taken, c.Is)
		if err != nil {
			return nil, false, err
		}
		if len(subjects) > 0 {
			t.claims = append(t.claims, claim{path: []string{"sub"}, values: subjects})
		}
		if principals != nil {
			if len(c.Not) > 0 {
				return nil, false, fmt.Errorf("tokens are excepted: %s", space.Written(c.Not))
			}
			t.issuers = slices.DeleteFunc(slices.Clone(t.issuers), func(x *issuer) bool { return !slices.Contains(principals, x) })
			continue
		}
		for k, patterns := range [...][]space.Pattern{c.Is, c.Not} {
			if len(patterns) == 0 {
				continue
			}
			one, ok := claimOf(patterns)
			if !ok {
				return nil, false, unspeakable(c)
			}
			one.no = k == 1
			t.claims = append(t.claims, one)
		}
	}
	switch {
	case none && t != nil:
		return nil, false, fmt.Errorf("some tokens, and requests without one")
	case none:
		t = &credential{none: true, issuers: taken}
	case t == nil:
		return nil, false, nil
	default:
		t.name()
	}
	for _, x := range t.issuers {
		if x.why != "" {
			return nil, false, fmt.Errorf("a token of an issuer that the language cannot express: %s", x.why)
		}
	}
	if len(t.issuers) == 0 {
		return nil, false, fmt.Errorf("tokens of several issuers at once")
	}
	if none {
		t.issuers = nil
	}
	return t, false, nil
}

// requestPrincipals is the issuers, of those that count, which patterns of request principals name, and the subjects if
// they name one issuer's. Patterns of claims are not about either.
func requestPrincipals(point *enforce.Point, taken []*issuer, patterns []space.Pattern) (principals []*issuer, subjects []string, err error) {
	for _, p := range patterns {
		written := p.RequestPrincipal()
		if written == "" || !point.Meets(space.Box{space.Is(space.Token, p)}) {
			continue
		}
		before := len(principals)
		for _, x := range taken {
			switch subject, of := strings.CutPrefix(written, x.jwt.Issuer+"/"); {
			case written == "*", of && subject == "*":
				principals = append(principals, x)
			case of && !strings.Contains(subject, "*"):
				principals, subjects = append(principals, x), append(subjects, subject)
			}
		}
		if len(principals) == before {
			return nil, nil, fmt.Errorf("tokens of %s", written)
		}
	}
	if len(subjects) > 0 && (slices.ContainsFunc(principals, func(x *issuer) bool { return x != principals[0] }) || len(subjects) < len(principals)) {
		return nil, nil, fmt.Errorf("some tokens of %s, and others", principals[0].jwt.Issuer)
	}
	return principals, subjects, nil
}

// claimOf is the claim that patterns are about, with the values that they name. It reports false if there is no single
// one.
func claimOf(patterns []space.Pattern) (one claim, ok bool) {
	for _, p := range patterns {
		path, values, ok := p.Keyed()
		if !ok || one.path != nil && !slices.Equal(one.path, path) {
			return claim{}, false
		}
		one.path, one.values = path, append(one.values, values...)
	}
	slices.Sort(one.values)
	one.values = slices.Compact(one.values)
	return one, true
}

// name has conditions on the claim iss say which issuers are meant, and drops one on aud that each token of these
// fulfils.
func (t *credential) name() {
	t.claims = slices.DeleteFunc(t.claims, func(c claim) bool {
		named := slices.DeleteFunc(slices.Clone(t.issuers), func(x *issuer) bool { return !slices.Contains(c.values, x.jwt.Issuer) })
		if c.no || !slices.Equal(c.path, []string{"iss"}) || len(named) == 0 || slices.ContainsFunc(c.values, func(v string) bool { return strings.Contains(v, "*") }) {
			return false
		}
		t.issuers = named
		return true
	})
	t.claims = slices.DeleteFunc(t.claims, func(c claim) bool {
		return !c.no && slices.Equal(c.path, []string{"aud"}) && !slices.ContainsFunc(t.issuers, func(x *issuer) bool {
			return len(x.jwt.Audiences) == 0 || slices.ContainsFunc(x.jwt.Audiences, func(a string) bool { return !slices.Contains(c.values, a) })
		})
	})
}

// point is where the policies of the pods of an object are enforced.
func (i *importer) point(o *object) *enforce.Point {
	w := enforce.Workload{Namespace: o.Namespace}
	if o.about != nil {
		w.Labels = o.about.selector()
	}
	if len(o.through) > 0 {
		w.Dataplane, w.Fronts = policy.Ambient, o.about.fronts(o.through[0].host)
		return i.layer.For(w).Ways[0].Point
	}
	return i.layer.For(w)
}

// taken lists the issuers whose tokens are verified at a point, sorted by name.
func (i *importer) taken(point *enforce.Point) (all []*issuer) {
	bound := point.Tokens
	for _, x := range i.issuers {
		if slices.ContainsFunc(x.of, func(of *object) bool { return slices.Contains(bound, of.read) }) {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b *issuer) int { return strings.Compare(a.name, b.name) })
	return all
}

// declaration is the statement of an issuer.
func (x *issuer) declaration() *lang.Issuer {
	text := func(s string) lang.Name { return lang.Name{Text: s, Quoted: strings.ContainsAny(s, "|# \t")} }
	word := func(s string) lang.Name { return lang.Name{Text: s, Quoted: strings.ContainsAny(s, "/:*|# \t")} }
	d := &lang.Issuer{Name: name(x.name), URLs: []lang.Name{text(x.jwt.Issuer)}}
	if x.jwt.JwksURI != "" {
		d.Keys = []lang.Name{text(x.jwt.JwksURI)}
	}
	for _, a := range x.jwt.Audiences {
		d.Audiences = append(d.Audiences, word(a))
	}
	for _, h := range x.jwt.FromHeaders {
		c := lang.Carrier{Header: name(h.Name)}
		if h.Prefix != "" {
			c.Prefix = lang.Name{Text: h.Prefix, Quoted: true}
		}
		d.From = append(d.From, c)
	}
	for _, q := range x.jwt.FromParams {
		d.From = append(d.From, lang.Carrier{Query: name(q)})
	}
	for _, c := range x.jwt.FromCookies {
		d.From = append(d.From, lang.Carrier{Cookie: name(c)})
	}
	if x.jwt.ForwardOriginalToken {
		d.Forward = name("forward")
	}
	if h := x.jwt.OutputPayloadToHeader; h != "" {
		d.Passed = append(d.Passed, lang.Passed{Payload: name("payload"), Header: name(h)})
	}
	for _, p := range x.jwt.OutputClaimToHeaders {
		d.Passed = append(d.Passed, lang.Passed{Claim: word(p.Claim), Header: name(p.Header)})
	}
	return d
}

// with is the clause of a credential.
func (c *credential) with() lang.Credential {
	var w lang.Credential
	if c.none {
		w.None = name("token")
	}
	for _, x := range c.issuers {
		w.Issuers = append(w.Issuers, name(x.name))
	}
	for _, one := range c.claims {
		condition := lang.Condition{No: one.no, Name: name(strings.Join(one.path, "."))}
		if len(one.path) == 1 && strings.ContainsAny(one.path[0], "./:") {
			condition.Name.Quoted = true
		}
		for _, v := range one.values {
			condition.Values = append(condition.Values, lang.Name{Text: v, Quoted: strings.ContainsAny(v, "/:*")})
		}
		w.Claims = append(w.Claims, condition)
	}
	return w
}

// unauthenticated accepts the RequestAuthentications that were said and that a build does not make as they were. Sets
// of requests do not show where keys are, or which tokens are passed on.
func (i *importer) unauthenticated(b *compiler.Build) (again bool) {
	for _, o := range i.objects {
		if o.Outcome != Said || o.read.Role != enforce.Authenticates || i.verified(o, b) {
			continue
		}
		if again = true; o.about != nil && o.about.assumed { // what its pods call decides which tokens they pass on
			i.distinguish(o.about)
			continue
		}
		o.accept("its pods would pass on tokens that they do not, or verify others")
	}
	return again
}

// verified reports whether a build has the pods of an object verify what it and the others that are said of them do.
func (i *importer) verified(o *object, b *compiler.Build) bool {
	var want, wide []jwtRule
	for _, other := range i.objects {
		if other.Outcome != Said || other.read.Role != enforce.Authenticates {
			continue
		}
		switch within := other.Namespace == o.Namespace; {
		case within && slices.Equal(other.bound(), o.bound()):
			want = append(want, other.jwtRules()...)
		case len(other.bound()) == 0 && (within || other.Namespace == i.mesh.RootNamespace):
			wide = append(wide, other.jwtRules()...)
		}
	}
	want = slices.DeleteFunc(want, func(r jwtRule) bool { return slices.ContainsFunc(wide, r.equal) })
	slices.SortFunc(want, jwtRule.compare)
	if want = slices.CompactFunc(want, jwtRule.equal); len(want) == 0 {
		return true
	}
	return slices.ContainsFunc(b.Manifests, func(m targets.Manifest) bool {
		if m.Kind != o.Kind || m.Namespace != o.Namespace {
			return false
		}
		var doc yaml.Node
		if yaml.Unmarshal([]byte(m.YAML), &doc) != nil || len(doc.Content) == 0 {
			return false
		}
		got, err := jwtRules(doc.Content[0])
		return err == nil && slices.EqualFunc(got, want, jwtRule.equal) && slices.ContainsFunc(b.Model.Manifests.Policies, func(p *enforce.Object) bool {
			return p.Kind == m.Kind && p.Namespace == m.Namespace && p.Name == m.Name && slices.Equal(slices.Concat(p.Selector, p.Targets), o.bound())
		})
	})
}

// bound is the labels and targets that an object binds; none for every pod.
func (o *object) bound() []enforce.Label {
	if o.read == nil {
		return nil
	}
	return slices.Concat(o.read.Selector, o.read.Targets)
}

// jwtRules is how a RequestAuthentication that is said verifies tokens.
func (o *object) jwtRules() []jwtRule {
	all, _ := jwtRules(o.node) // it was read before
	return all
}
