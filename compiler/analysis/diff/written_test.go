package diff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

// handwritten is policies as somebody might write them by hand.
type handwritten []handwrittenPolicy

type handwrittenPolicy struct {
	name, action string
	rules        []string
}

func (h handwritten) String() string {
	var text strings.Builder
	for _, p := range h {
		fmt.Fprintf(&text, "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: %s, namespace: shop}\nspec: {action: %s, rules: [%s]}\n---\n",
			p.name, p.action, strings.Join(p.rules, ", "))
	}
	return text.String()
}

// written makes policies. Hidden is the share of rules that ask for what requests do not reveal.
func written(random *rand.Rand, hidden float64) handwritten {
	var all handwritten
	for i := range 1 + random.IntN(3) {
		p := handwrittenPolicy{name: fmt.Sprint("p", i), action: "ALLOW"}
		if random.IntN(3) == 0 {
			p.action = "DENY"
		}
		rules := 1
		if hidden > 0 {
			rules = 1 + random.IntN(3)
			if random.Float64() < hidden/3 {
				p.action = "CUSTOM, provider: {name: opa}"
			}
		}
		for range rules {
			p.rules = append(p.rules, writtenRule(random, hidden, strings.HasPrefix(p.action, "CUSTOM")))
		}
		all = append(all, p)
	}
	return all
}

// writtenRule makes a rule. One of CUSTOM asks for no identity and no token, which Istio refuses.
func writtenRule(random *rand.Rand, hidden float64, custom bool) string {
	pick := func(from ...string) string {
		n := 1 + random.IntN(2)
		words := make([]string, n)
		for i := range words {
			words[i] = `"` + from[random.IntN(len(from))] + `"`
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	maybe := func(chance float64, field string, from ...string) string {
		if random.Float64() > chance {
			return ""
		}
		return field + ": " + pick(from...) + ", "
	}
	principals := []string{"cluster.local/ns/shop/sa/a", "cluster.local/ns/shop/sa/b", "cluster.local/ns/x/sa/a", "td2/ns/shop/sa/a",
		"*", "*/sa/a", "cluster.local/ns/shop/*", "cluster.local/ns/shop/sa/*", "cluster.local/*", "cluster.local/ns/s*"}
	namespaces := []string{"shop", "sh*", "x"}
	blocks := []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/17", "192.0.2.0/24"}
	tokens := []string{"idp/ann", "idp/ben", "*"}
	from := func() string {
		if custom {
			return maybe(0.4, "ipBlocks", blocks...) + maybe(0.2, "notIpBlocks", blocks...)
		}
		return maybe(0.6, "principals", principals...) + maybe(0.2, "notPrincipals", principals...) + maybe(0.2, "namespaces", namespaces...) +
			maybe(0.2, "notNamespaces", namespaces...) + maybe(0.2, "ipBlocks", blocks...) + maybe(0.2, "notIpBlocks", blocks...) +
			maybe(0.1, "remoteIpBlocks", blocks...) + maybe(hidden/2, "requestPrincipals", tokens...)
	}
	var sources []string
	for range 1 + random.IntN(1+int(2*hidden)) {
		if s := from(); s != "" {
			sources = append(sources, "{source: {"+strings.TrimSuffix(s, ", ")+"}}")
		}
	}
	to := maybe(0.3, "ports", "80", "81") + maybe(0.3, "methods", "GET", "POST") + maybe(0.3, "paths", "/a*", "/a/b")
	var parts []string
	if len(sources) > 0 {
		parts = append(parts, "from: ["+strings.Join(sources, ", ")+"]")
	}
	if to != "" {
		parts = append(parts, "to: [{operation: {"+strings.TrimSuffix(to, ", ")+"}}]")
	}
	if random.Float64() < hidden {
		key := []string{`"request.headers[x-team]"`, "connection.sni", `"request.auth.claims[group]"`}[random.IntN(3)]
		if custom {
			key = "connection.sni"
		}
		parts = append(parts, "when: [{key: "+key+", "+[]string{"values", "notValues"}[random.IntN(2)]+": "+pick("one", "two", "three")+"}]")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func modelOf(t *testing.T, text string) *model.Model {
	manifests, findings := read.Files([]*source.File{source.NewFile("p.yaml", text)}, enforce.Mesh{})
	require.False(t, findings.HasErrors(), text)
	p, _ := model.Named(manifests, enforce.Mesh{}, nil)
	return model.New(p, manifests)
}

// shuffled is the same policies, and the same rules in each, in another order.
func (h handwritten) shuffled(random *rand.Rand) handwritten {
	other := slices.Clone(h)
	for i := range other {
		other[i].rules = slices.Clone(other[i].rules)
		random.Shuffle(len(other[i].rules), func(a, b int) {
			other[i].rules[a], other[i].rules[b] = other[i].rules[b], other[i].rules[a]
		})
	}
	random.Shuffle(len(other), func(a, b int) { other[a], other[b] = other[b], other[a] })
	return other
}

// The order of objects and rules means nothing, an ALLOW beside another one closes nothing, and a DENY less closes
// nothing. That holds where rules cannot be judged, too: what stays undecided is no change.
func TestUndecidedStaysUndecided(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	allowed, undecided := 0, 0
	for round := range 120 {
		before := written(random, 0.5)
		compare := func(after handwritten) *Diff {
			d, err := Compare(t.Context(), modelOf(t, before.String()), modelOf(t, after.String()), Options{})
			require.NoError(t, err)
			return d
		}
		explain := func(after handwritten) string { return fmt.Sprintf("%d\n%s\n%s", round, before, after) }

		after := before.shuffled(random)
		require.True(t, compare(after).None(), explain(after))

		i := slices.IndexFunc(before, func(p handwrittenPolicy) bool { return p.action == "ALLOW" })
		if i >= 0 {
			after = before.shuffled(random)
			rule := writtenRule(random, 0.5, false)
			if random.IntN(2) == 0 {
				after = append(after, handwrittenPolicy{"more", "ALLOW", []string{rule}})
			} else {
				i := slices.IndexFunc(after, func(p handwrittenPolicy) bool { return p.name == before[i].name })
				after[i].rules = append(after[i].rules, rule)
			}
			d := compare(after)
			require.Empty(t, d.Closed, explain(after))
			require.Empty(t, d.FailClosed, explain(after))
			for _, c := range d.Opened {
				allowed++
				undecided += btoi(c.Undecided)
			}
		}

		// Without a CUSTOM policy no provider writes the headers and tokens that others look for.
		i = slices.IndexFunc(before, func(p handwrittenPolicy) bool { return p.action == "DENY" })
		if i >= 0 {
			after = slices.Delete(slices.Clone(before), i, i+1)
			require.Empty(t, compare(after).Closed, explain(after))
		}
	}
	require.Greater(t, undecided, 50)
	require.Greater(t, allowed-undecided, 50)
}

// What says the same is the same, in a document of its own and in a List, whatever else the List holds.
func TestSameInAList(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	objects := func(text string) map[string]*enforce.Object {
		layer, _ := read.Files([]*source.File{source.NewFile("p.yaml", text)}, enforce.Mesh{})
		all := map[string]*enforce.Object{}
		for _, p := range layer.Policies {
			all[p.Name] = p
		}
		return all
	}
	for range 100 {
		policies := written(random, 0.3)
		list := "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: more, namespace: shop}}\n"
		for _, p := range policies {
			list += fmt.Sprintf("- kind: AuthorizationPolicy\n  apiVersion: security.istio.io/v1\n  spec: {rules: [%s], action: %s}\n  metadata: {namespace: shop, name: %s, uid: '7'}\n",
				strings.Join(p.rules, ", "), p.action, p.name)
		}
		alone, inList := objects(policies.String()), objects(list)
		require.Len(t, inList, len(alone))
		for name, p := range alone {
			require.True(t, enforce.Same(p, inList[name]), "%s\n%s", policies, list)
		}
		i := random.IntN(len(policies))
		policies[i].rules = append(slices.Clone(policies[i].rules), "{to: [{operation: {ports: ['99']}}]}")
		for name, p := range objects(policies.String()) {
			require.Equal(t, name != policies[i].name, enforce.Same(p, inList[name]), "%s\n%s", policies, list)
		}
	}
}
