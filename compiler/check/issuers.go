package check

import (
	"cmp"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// declareIssuer enters who signs tokens. Issuers are known in the whole project.
func (c *checker) declareIssuer(d *lang.Issuer) {
	c.validName(nil, d.Name, "name")
	if first := c.issuers[d.Name.Text]; first != nil {
		c.list.Add(diag.DuplicateDeclaration, d.Name.Range, "issuer %s is declared twice", quoted(d.Name.Text)).
			WithRelated(first.At, "first declared here").
			WithHelp("give one of the two another name, or delete it: issuers are known in all meshes")
		return
	}
	i := &policy.Issuer{Name: d.Name.Text, Forward: d.Forward.Present(), At: d.Name.Range}
	c.issuers[i.Name] = i
	if len(d.URLs) == 0 {
		c.list.Add(diag.IncompleteStatement, d.Range, "issuer %s has no url", i.Name).
			WithHelp("write the claim `iss` of its tokens: `issuer %s url https://auth.example.com`", i.Name)
	}
	for n, u := range d.URLs {
		switch {
		case n > 0:
			c.repeated(u, d.URLs[0], "url")
		case u.Text == "" || strings.Contains(u.Text, "*") || strings.ContainsAny(u.Text, " \t"):
			c.list.Add(diag.InvalidValue, u.Range, "%s cannot be the issuer of a token", quoted(u.Text)).
				WithHelp("write the claim `iss` of its tokens as it is, such as https://auth.example.com")
		default:
			i.URL = u.Text
		}
	}
	for n, k := range d.Keys {
		u, err := url.Parse(k.Text)
		switch {
		case n > 0:
			c.repeated(k, d.Keys[0], "keys")
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			c.list.Add(diag.InvalidValue, k.Range, "%s is not a URL of keys", quoted(k.Text)).
				WithHelp("write a URL that begins with https://, such as https://auth.example.com/keys")
		default:
			i.Keys = k.Text
		}
	}
	i.KeySet = c.Config.Issuers[i.Name].KeySet
	c.fetched(i, d)
	for _, a := range d.Audiences {
		if a.Text == "" {
			c.list.Add(diag.InvalidValue, a.Range, "an audience cannot be empty").WithHelp("delete it, or write the claim `aud` of the tokens")
			continue
		}
		i.Audiences = append(i.Audiences, a.Text)
	}
	slices.Sort(i.Audiences)
	i.Audiences = slices.Compact(i.Audiences)
	for _, from := range d.From {
		i.From = append(i.From, policy.Carrier{Header: from.Header.Text, Prefix: from.Prefix.Text, Query: from.Query.Text, Cookie: from.Cookie.Text})
		switch n := cmp.Or(from.Query, from.Cookie); {
		case from.Header.Present():
			c.headerName(from.Header, headerBytes)
		case n.Text == "" || strings.ContainsAny(n.Text, "=; \t"):
			c.list.Add(diag.InvalidValue, n.Range, "%s is not the name of a parameter or cookie", quoted(n.Text)).
				WithHelp("write its name as requests have it: session")
		}
	}
	c.passedOn(i, d.Passed)
}

// fetched judges where istiod fetches the keys of an issuer: without `keys` where a document at the URL of the issuer
// says. It is no proxy, so that calls to pods of the mesh are in plaintext: pilot/pkg/model/jwks_resolver.go of
// istio/istio.
func (c *checker) fetched(i *policy.Issuer, d *lang.Issuer) {
	if i.URL == "" || len(d.Keys) > 0 && i.Keys == "" {
		return // reported
	}
	if i.KeySet != "" {
		return
	}
	at, of := d.URLs[0].Range, "the document that names the keys of "+i.Name
	if i.Keys != "" {
		at, of = d.Keys[0].Range, "the keys of "+i.Name
	}
	u, err := url.Parse(cmp.Or(i.Keys, i.URL))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.list.Add(diag.UnreachableKeys, at, "nothing states where the keys of %s are: %s is not a URL", i.Name, quoted(i.URL)).
			WithNote("every one of its tokens is refused").
			WithHelp("add the URL of its keys: `keys https://auth.example.com/keys`; or write the keys into meshc.yaml, under `issuers`")
		return
	}
	host := u.Hostname()
	address, _ := netip.ParseAddr(host)
	switch {
	case host == "localhost" || address.IsLoopback() || address.IsUnspecified():
		c.list.Add(diag.UnreachableKeys, at, "%s are fetched from %s, which is the pod of istiod itself", of, host).
			WithNote("where it finds none, every token of this issuer is refused").
			WithHelp("use a host name that the whole cluster can reach")
	case u.Scheme == "http":
		d := c.list.Add(diag.UnprotectedKeys, at, "%s are fetched without TLS: anyone who can answer in place of %s can sign tokens", of, host)
		if !strings.Contains(host, ".") || strings.HasSuffix(host, ".svc") || strings.Contains(host, ".svc.") {
			d.WithNote("istiod has no proxy: it can call a pod of the mesh only in plaintext, so a strict port refuses it")
		}
		d.WithHelp("write a URL that begins with https:// if the issuer has one")
	}
}

// inlineKeys judges the keys of issuers that meshc.yaml has.
func (c *checker) inlineKeys() {
	for _, name := range slices.Sorted(maps.Keys(c.Config.Issuers)) {
		set, i := c.Config.Issuers[name], c.issuers[name]
		switch {
		case i == nil:
			d := c.list.Add(diag.InvalidSetting, set.At, "no issuer %s is declared, so its keys verify nothing", quoted(name)).
				WithHelp("delete the entry, or declare it in the intents: `issuer NAME url https://auth.example.com`")
			if near, ok := diag.Nearest(name, slices.Sorted(maps.Keys(c.issuers))); ok {
				d.WithHelp("did you mean %s?", near)
			}
		case i.KeySet != "" && i.Keys != "":
			c.list.Add(diag.InvalidSetting, set.At, "the keys of %s are here, so those of its URL are never used", name).
				WithRelated(i.At, "declared here with `keys`").
				WithHelp("delete the entry, or `keys %s` in the intents", i.Keys)
		case set.Secret:
			c.list.Add(diag.SecretKey, set.At, "the keys of %s contain a secret: everyone who reads them can sign its tokens", name).
				WithNote("a key of type oct, or with a member `d`, can sign tokens and not only verify them").
				WithHelp("have the issuer sign with a private key, and keep only its public part here")
		}
	}
}

// passedOn converts what a proxy passes on of a token in headers.
func (c *checker) passedOn(i *policy.Issuer, all []lang.Passed) {
	written := map[string]lang.Name{}
	var payload lang.Name
	for _, p := range all {
		if !c.headerName(p.Header, passedBytes) {
			continue
		}
		name := strings.ToLower(p.Header.Text)
		switch first, again := written[name]; {
		case again:
			c.repeated(p.Header, first, "header")
			continue
		case p.Payload.Present() && payload.Present():
			c.repeated(p.Payload, payload, "payload")
			continue
		case p.Payload.Present():
			payload = p.Payload
		}
		written[name] = p.Header
		i.Passed = append(i.Passed, policy.Passed{Claim: p.Claim.Text, Header: p.Header.Text})
	}
}

// passedBytes are what Istio lets the name of a header have that a proxy writes: validateJwtRule in
// istio.io/istio/pkg/config/validation.
const passedBytes = "abcdefghijklmnopqrstuvwxyz0123456789-"

func (c *checker) headerName(n lang.Name, bytes string) bool {
	if n.Text != "" && strings.Trim(strings.ToLower(n.Text), bytes) == "" {
		return true
	}
	c.list.Add(diag.InvalidValue, n.Range, "%s is not the name of a header", quoted(n.Text)).
		WithHelp("a name has letters, digits and `-`: x-token")
	return false
}

// issuer is the one of a name; nil, with a finding, if none is declared.
func (c *checker) issuer(n lang.Name) *policy.Issuer {
	i := c.issuers[n.Text]
	if i != nil {
		return i
	}
	d := c.list.Add(diag.UnknownService, n.Range, "no issuer %s is declared", quoted(n.Text))
	if near, found := diag.Nearest(n.Text, slices.Sorted(maps.Keys(c.issuers))); found {
		d.WithHelp("did you mean %s?", near).WithFix(false, n.Range, near, "write "+near)
	} else {
		d.WithHelp("declare it: `issuer %s url https://auth.example.com`", n.Text)
	}
	return nil
}

// someIssuer reports whether `any` stands for some issuer, and adds a finding if it does not.
func (c *checker) someIssuer(n lang.Name) bool {
	if len(c.issuers) == 0 {
		c.list.Add(diag.UnknownService, n.Range, "no issuer of tokens is declared").
			WithHelp("declare one: `issuer corp url https://auth.example.com`")
	}
	return len(c.issuers) > 0
}

// credential converts `with`: the conditions on the token of a request.
func (c *checker) credential(with *lang.Credential) (all []policy.Condition, ok bool) {
	token := policy.Condition{Dimension: policy.TokenDimension, At: with.Range}
	if with.None.Present() {
		token.Values, token.Not = []string{"*"}, true
		return []policy.Condition{token}, true
	}
	ok = true
	for _, n := range with.Issuers {
		if n.Text == "any" && !n.Quoted {
			token.Values, token.Issuers = []string{"*"}, nil
			ok = ok && c.someIssuer(n)
			break
		}
		i := c.issuer(n)
		if i == nil {
			ok = false
			continue
		}
		token.Values, token.Issuers = append(token.Values, i.URL+"/*"), append(token.Issuers, i)
	}
	slices.Sort(token.Values)
	token.Values = slices.Compact(token.Values)
	all = append(all, token)
	for i := range with.Claims {
		claim, valid := c.claim(&with.Claims[i])
		ok = ok && valid
		all = append(all, claim)
	}
	return all, ok
}

// tokens is the issuers whose tokens a service verifies, sorted by name: those that its rules ask for, and those that
// statements name. A rule that names one of them must not let in the tokens of another: the callee knows them by the
// URL alone.
func (c *checker) tokens(s *policy.Service) (all []*policy.Issuer) {
	var asked, none []*policy.Condition
	for _, rules := range s.Rules() {
		for i := range rules {
			for k := range rules[i].Where {
				switch w := &rules[i].Where[k]; {
				case w.AsksForToken():
					asked = append(asked, w)
					all = append(all, c.issuersOf(w)...)
				case w.ForbidsToken():
					none = append(none, w)
				}
			}
		}
	}
	for _, v := range s.Verifies {
		all = append(all, v.Issuer)
	}
	slices.SortFunc(all, func(a, b *policy.Issuer) int { return strings.Compare(a.Name, b.Name) })
	all = slices.Compact(all)
	if len(all) == 0 && len(none) > 0 && !c.unverified[none[0].At] && !c.misnamed[s] {
		c.unverified[none[0].At] = true
		d := c.list.Add(diag.NothingVerified, none[0].At, "nothing verifies tokens at %s, so every request there counts as one without a token", s.ID()).
			WithHelp("state whose tokens count there: `verify corp at %s`, with `issuer corp url https://auth.example.com`", s.Name)
		if names := slices.Sorted(maps.Keys(c.issuers)); len(names) > 0 {
			d.WithHelp("state whose tokens count there: `verify %s at %s`", strings.Join(names, "|"), s.Name)
		}
	}
	for _, w := range asked {
		for _, i := range w.Issuers {
			k := slices.IndexFunc(all, func(other *policy.Issuer) bool { return other.URL == i.URL && !slices.Contains(w.Issuers, other) })
			if k >= 0 {
				c.list.Add(diag.SharedIssuer, w.At, "%s cannot distinguish tokens of %s and %s: both are signed by %s", s.Name, i.Name, all[k].Name, i.URL).
					WithRelated(all[k].At, "declared here").
					WithHelp("require tokens of the same issuer in all edges to %s", s.Name)
				break
			}
		}
	}
	return all
}

// issuersOf is the issuers that a condition is about.
func (c *checker) issuersOf(w *policy.Condition) []*policy.Issuer {
	if len(w.Issuers) > 0 {
		return w.Issuers
	}
	return slices.Collect(maps.Values(c.issuers))
}

// withoutToken notes a callee that asks some callers for tokens and others not: it refuses wrong tokens of these, too.
func (c *checker) withoutToken(s *service) {
	var asks, open *rule
	for _, r := range s.allow {
		if asksForToken(r) {
			asks = r
		} else if open == nil && !slices.ContainsFunc(r.Where, func(w policy.Condition) bool { return w.ForbidsToken() }) {
			open = r
		}
	}
	if asks != nil && open != nil && len(s.Verifies) == 0 {
		c.list.Add(diag.TokenEverywhere, open.ToAt, "no token is needed here, but an invalid one is refused: another edge to %s requires tokens", s.Name).
			WithRelated(asks.At, "this edge").
			WithNote("a workload verifies every token that comes with a request, whatever the path (istio/istio#24371)").
			WithHelp("you can ignore this if these callers send no token")
	}
}

func asksForToken(r *rule) bool {
	return slices.ContainsFunc(r.Where, func(w policy.Condition) bool { return w.AsksForToken() })
}

// forAudience has a guard mean the tokens that are for an audience of their issuer: no workload takes others.
func (c *checker) forAudience(where []policy.Condition) []policy.Condition {
	for k := range where {
		w := &where[k]
		if !w.AsksForToken() {
			continue
		}
		var audiences []string
		for _, i := range c.issuersOf(w) {
			if len(i.Audiences) == 0 {
				return where
			}
			audiences = append(audiences, i.Audiences...)
		}
		slices.Sort(audiences)
		return append(where, policy.Condition{Dimension: policy.TokenDimension, Key: []string{"aud"}, Values: slices.Compact(audiences), At: w.At})
	}
	return where
}

// forgedClaims warns of a header for a claim that callers with a token of another issuer can set. A workload looks for
// the tokens of one issuer after another, in the order of their URLs, and until it finds a valid one; what callers send
// in the headers of issuers that it does not come to stays (AnyVerifierImpl and Extractor::sanitizeHeaders in
// source/extensions/filters/http/jwt_authn of envoyproxy/envoy).
func (c *checker) forgedClaims(s *policy.Service) {
	byURL := slices.SortedStableFunc(slices.Values(s.Issuers), func(a, b *policy.Issuer) int { return strings.Compare(a.URL, b.URL) })
	for n, i := range byURL {
		for _, p := range i.Passed {
			k := slices.IndexFunc(byURL[:n], func(before *policy.Issuer) bool {
				return !slices.ContainsFunc(before.Passed, func(q policy.Passed) bool { return strings.EqualFold(q.Header, p.Header) })
			})
			if k < 0 || c.forged[i] {
				continue
			}
			c.forged[i], c.whole = true, true
			what := "payload"
			if p.Claim != "" {
				what = "claim " + p.Claim
			}
			c.list.Add(diag.ForgedClaim, i.At, "callers of %s with a token of %s can set the header %s themselves", s.ID(), byURL[k].Name, p.Header).
				WithRelated(byURL[k].At, "tokens of this issuer are tried first, and the headers of the others are then left as sent").
				WithHelp("add `%s to header %s` to issuer %s, or require tokens of only one of the two", what, p.Header, byURL[k].Name)
		}
	}
}
