package space

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// Tokens is the JSON web tokens of requests: their issuers, subjects and other claims. A request without a token has no
// value. What is written of a token is lines of CLAIM=TEXT, several where the claim is a list. A value is the token as
// policies see it: a text that a proxy splits at its spaces is a list of the words.
//
// A claim is a text or a list of texts, and a pattern matches it if it matches one of them. So a token may match any
// set of patterns of one claim, and there are exponentially many such sets, but only small ones have to be looked at.
// Take two decisions of which one lets a token through and the other does not, or does so less surely. Decisions are
// made of what some clauses allow, others deny, and others leave to a provider. One clause of each kind explains the
// difference, and so does the token with no more texts than these three clauses have conditions on the claim, and those
// that make a negated condition fail: with fewer texts, no condition becomes true but a negated one.
type Tokens struct{}

const (
	issuer  = "iss"
	subject = "sub"
	within  = "][" // between the parts of the path of a claim
)

func dotted(key string) string { return strings.ReplaceAll(key, within, ".") }

// IssuerPattern is the tokens of an issuer.
func IssuerPattern(url string) Pattern { return Pattern{kind: byIssuer, text: url} }

// ClaimPattern is the tokens of which a claim has one of some texts, exact or with a wildcard at one end. Its path has
// several parts where it is within other claims.
func ClaimPattern(path []string, values ...string) Pattern {
	return keyed(inClaim, strings.Join(path, within), values...)
}

// AudiencePattern is the tokens that are for one of some audiences.
func AudiencePattern(audiences ...string) Pattern { return ClaimPattern([]string{"aud"}, audiences...) }

// RequestPrincipalPattern is the tokens that ISSUER/SUBJECT, with a wildcard at one end at most, matches: see
// requestPrincipalGenerator in istio.io/istio/pilot/pkg/security/authz/model/generator.go. None of them is without a
// subject.
func RequestPrincipalPattern(written string) Pattern { return Pattern{kind: ofToken, text: written} }

// issuerAndSubject is what a RequestPrincipalPattern asks for.
func (p *Pattern) issuerAndSubject() (iss, sub Pattern) {
	anyone := Pattern{kind: present}
	i := strings.LastIndexByte(p.text, '/')
	if i < 0 {
		switch t := textPattern(p.text); t.kind {
		case suffix:
			return anyone, t
		case prefix:
			return t, anyone
		case present:
			return anyone, anyone
		}
		i = len(p.text)
	}
	iss, sub = Pattern{text: p.text[:i]}, Pattern{text: strings.TrimPrefix(p.text[i:], "/")}
	switch {
	case strings.HasPrefix(p.text, "*"):
		iss = textPattern(iss.text)
	case strings.HasSuffix(p.text, "*"):
		sub = textPattern(sub.text)
	}
	return iss, sub
}

// tokenWords is a pattern of tokens in the words of the language.
func (p *Pattern) tokenWords() string {
	if p.kind == ofToken {
		iss, ok := strings.CutSuffix(p.text, "/*")
		switch {
		case p.text == "*":
			return "a token"
		case ok:
			return "a token of " + iss
		}
	}
	return p.String()
}

func (Tokens) pattern(written string) Pattern { return RequestPrincipalPattern(written) }

func (Tokens) value(written string) *Value {
	k := keysOf(written)
	for claim, texts := range k {
		if policy.SpaceDelimited(claim) && len(texts) == 1 { // a list stays as it is
			k[claim] = strings.Fields(texts[0])
		}
	}
	return &Value{keys: k}
}

// divide makes atom 0 that of requests without a token, and the others of all combinations of what the claims that
// patterns mention may have. Anybody may have any token.
func (Tokens) divide(p *partition, _ string) error {
	p.atoms, p.absent = append(p.atoms, Value{}), true
	if len(p.patterns) > 0 {
		choices := map[string][]region{issuer: {{texts: []string{unasked}}}, subject: {{texts: []string{unasked}}}}
		for claim, conditions := range p.byKey() {
			texts, err := regions(fieldText, conditions)
			if err != nil {
				return err
			}
			if choices[claim] = texts; claim != issuer && claim != subject {
				if choices[claim], err = lists(texts, 3*max(1, p.together[claim])+p.excluded(claim)); err != nil {
					return err
				}
			}
		}
		if err := p.combine(choices); err != nil {
			return err
		}
	}
	for range p.atoms {
		p.elsewhere = append(p.elsewhere, true)
	}
	return nil
}

// excluded is how many negated conditions on a claim there are.
func (p *partition) excluded(claim string) (n int) {
	for _, i := range p.negated {
		if p.patterns[i].claim() == claim {
			n++
		}
	}
	return n
}

func (p *Pattern) claim() string {
	if p.kind != inClaim {
		return ""
	}
	claim, _, _ := strings.Cut(p.text, "\x00")
	return claim
}

// claim is the claim that the condition is about, empty where it is about something else.
func (c *Condition) claim() string {
	for _, patterns := range [...][]Pattern{c.Is, c.Not} {
		for i := range patterns {
			if claim := patterns[i].claim(); claim != "" {
				return claim
			}
		}
	}
	return ""
}

// lists is the lists of some texts, the empty one first, of which at most so many match a pattern.
func lists(texts []region, most int) ([]region, error) {
	all := []region{{}}
	for _, r := range texts {
		if r.in.Empty() {
			continue
		}
		for _, list := range all[:len(all):len(all)] {
			if len(list.texts) < most {
				all = append(all, region{texts: append(slices.Clip(list.texts), r.texts...)})
			}
		}
		if len(all) > maxAtoms {
			return nil, ErrTooMany
		}
	}
	return all, nil
}
