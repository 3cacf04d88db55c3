package compiler_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
)

func buildText(t *testing.T, text string) *compiler.Build {
	t.Helper()
	parsed, err := compiler.Parse(t.Context(), compiler.Inputs{
		Files: []compiler.Input{{Name: "shop.mesh", Text: []byte(text)}}, Config: config.Default(), Today: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	})
	require.NoError(t, err)
	b, err := parsed.Build(t.Context(), parsed.Config)
	require.NoError(t, err, "%s", text)
	return b
}

// written is the statements of a way, each after its mesh.
func written(w *explain.Way) (lines []string) {
	for i := range w.Write {
		lines = append(lines, w.Write[i].Mesh+": "+compiler.Written(&w.Write[i]))
	}
	return lines
}

// follow does to a text what a way says.
func follow(text string, w *explain.Way) string {
	for _, at := range slices.Concat(w.Narrow, w.Replaced) {
		text = text[:at.Start] + strings.Repeat(" ", int(at.End-at.Start)) + text[at.End:]
	}
	for _, all := range w.Instead {
		for _, one := range all {
			text += "\nmesh " + one.Mesh + "\n" + one.Text + "\n"
		}
	}
	for i := range w.Write {
		text += "\nmesh " + w.Write[i].Mesh + "\n" + compiler.Written(&w.Write[i]) + "\n"
	}
	return text
}

func brokenGuards(b *compiler.Build) map[string]bool {
	broken := map[string]bool{}
	for _, j := range b.Judgements {
		if j.Broken != nil {
			broken[j.Guard.At.Text()] = true
		}
	}
	return broken
}

const remedied = `mesh shop strict
service frontend account frontend port 8080 http
service backend account backend port 8080 http port 9090 tcp
service db account db port 5432 tcp
service legacy outside address 10.0.3.0/24
service "any" account all
service old account old port 80 http port 81 http
service one account twins
service two account twins
mtls backend:9090 permissive
mtls old:81 disable
frontend -> backend:8080 GET|HEAD /api/*
deny shop/* -> backend:8080 GET /api/internal/*
backend -> db
never legacy -> db
never payments/api ->> db except backend
only frontend, payments/api -> backend:8080 GET /admin
mesh payments
service api account api
service ledger account ledger
api -> ledger
mesh istio-system
service ingress account ingress
`

func TestRemedies(t *testing.T) {
	b := buildText(t, remedied)
	for query, want := range map[string]string{
		"frontend old:80":                     "shop: frontend -> old:80",
		"payments/api frontend:8080 GET /x":   "shop: payments/api -> frontend:8080 GET /x | payments: api -> shop/frontend:8080 GET /x, shop: export frontend:8080 to payments/api GET /x",
		"istio-system/ingress old:80":         "shop: istio-system/ingress -> old:80",
		"istio-system/ingress db":             "broken: never payments/api ->> db except backend", // anyone may call the gateway
		"payments/* old:80":                   "shop: payments/* -> old:80 | payments: payments/* -> shop/old:80, shop: export old:80 to payments",
		"any old:80":                          "refused: MESH1010", // which `any` is meant
		"shop/any old:80":                     `shop: "any" -> old:80`,
		"frontend old:81":                     "in place of mtls old:81 disable: shop: mtls old:81 permissive, shop: frontend -> old:81 | shop: world -> old:81",
		"frontend backend GET /api/internal/": "in place of deny shop/* -> backend:8080 GET /api/internal/*: shop: deny shop/* except frontend -> backend:8080 GET /api/internal/*, shop: deny frontend -> backend:8080 GET /api/internal/* except GET /api/internal/",
		"legacy frontend:8080":                "shop: mtls frontend:8080 permissive, shop: legacy -> frontend:8080",
		"world frontend":                      "shop: mtls frontend permissive, shop: world -> frontend",
		"one old:80":                          "refused: MESH2001",

		"legacy db":                      "broken: never legacy -> db | broken: never payments/api ->> db except backend", // over legacy, which anyone may call
		"payments/ledger backend GET /a": "shop: payments/ledger -> backend GET /a | payments: ledger -> shop/backend GET /a, shop: export backend to payments/ledger GET /a",
		"payments/api db":                "broken: never payments/api ->> db except backend",
		"old backend GET /admin":         "broken: only frontend, payments/api -> backend:8080 GET /admin",
		"frontend backend:7 GET /":       "refused: MESH1004",
	} {
		all, err := b.Explain(strings.Fields(query)...)
		require.NoError(t, err, query)
		r := all[0].Remedy
		var ways []string
		for i := range r.Ways {
			w := &r.Ways[i]
			way := strings.Join(written(w), ", ")
			for _, at := range w.Replaced {
				way = "in place of " + at.Text() + ": " + way
			}
			for i, at := range w.Narrow {
				for _, one := range w.Instead[i] {
					way += one.Mesh + ": " + one.Text + ", "
				}
				way = "in place of " + at.Text() + ": " + strings.TrimSuffix(way, ", ")
			}
			ways = append(ways, way)
		}
		for _, at := range r.Breaks {
			ways = append(ways, "broken: "+at.Text())
		}
		for _, at := range r.Whole {
			ways = append(ways, "whole: "+at.Text())
		}
		for _, d := range r.Refused {
			ways = append(ways, "refused: "+string(d.Code))
		}
		assert.Equal(t, want, strings.Join(ways, " | "), query)
	}
}

// Of many small projects every remedy is followed to the letter. Then the project is accepted, the request is allowed,
// and no guard is broken that held before, and nothing else is opened. A denial without a remedy says why it has none.
func TestRemediesHold(t *testing.T) {
	offered, narrowed, forbidden, refused, whole := 0, 0, 0, 0, 0
	for seed := range uint64(200) {
		text := randomProject(rand.New(rand.NewPCG(seed, 1)))
		b := buildText(t, text)
		if !b.Judgeable() {
			continue
		}
		before := brokenGuards(b)
		for _, query := range []string{"a b", "a b:80", "a b:80 GET /x/1", "b c:90", "c a:80 POST /x", "out a", "any a:80", "p/e a", "p/* b:80", "a p/e:80 GET /", "e2 b:81 GET /x", "world c", "a a:7", "b a GET /x", "b c GET /x/*", "s/* c:80 GET|POST /x", "p/e c:90", "p/e b:80 GET /x"} {
			all, err := b.Explain(strings.Fields(query)...)
			require.NoError(t, err, "%s\n%s", query, text)
			e := all[0]
			if e.Verdict != explain.Denied {
				continue
			}
			r := &e.Remedy
			switch {
			case len(r.Ways) > 0:
				offered++
			case len(r.Breaks) > 0:
				forbidden++
			case len(r.Refused) > 0:
				refused++
			case len(r.Whole) > 0:
				whole++
			default:
				t.Errorf("%s is denied, and nothing says what would allow it\n%s", query, text)
			}
			for i := range r.Ways {
				changed := follow(text, &r.Ways[i])
				after := buildText(t, changed)
				if !assert.True(t, after.Judgeable(), "%s\n%s\n%v", query, changed, after.Findings) {
					continue
				}
				all, err := after.Explain(strings.Fields(query)...)
				require.NoError(t, err)
				assert.Equal(t, explain.Allowed, all[0].Verdict, "%s\n%s", query, changed)
				if len(r.Ways[i].Narrow) > 0 {
					narrowed++
				}
				opensNoMore(t, b, after, &e.Query, &r.Ways[i], query, changed)
				for g := range brokenGuards(after) {
					assert.True(t, before[g], "%s breaks %s\n%s", query, g, changed)
				}
			}
		}
	}
	t.Log(offered, narrowed, forbidden, refused, whole)
	assert.Greater(t, offered, 300)
	assert.Greater(t, narrowed, 100)
	assert.Greater(t, forbidden, 50)
}

// opensNoMore holds what a remedy opens against the question: the requests that were asked about, of the caller that
// was asked about. At a port without identities that is every caller, which the way says.
func opensNoMore(t *testing.T, before, after *compiler.Build, q *explain.Query, w *explain.Way, query, changed string) {
	t.Helper()
	d, err := diff.Compare(t.Context(), before.Model, after.Model, diff.Options{})
	require.NoError(t, err)
	assert.Empty(t, d.FailOpen, "%s\n%s", query, changed)
	for _, c := range d.Opened {
		asked := c.Callee.Service.ID() == q.To.ID()
		switch from := c.Callers.Caller; {
		case w.Kind == explain.Everyone:
		case w.Kind == explain.Plaintext && strings.HasPrefix(c.At.Text(), "world -> "): // an edge that was there, and that plaintext is accepted for
		case q.From.Kind == policy.FromWorld:
		case q.From.Kind == policy.FromService && !q.From.Service.Proxied():
			asked = asked && (from.Service != nil && from.Service.ID() == q.From.Service.ID() || from.At.Block == q.From.Service.Addresses[0])
		case q.From.Kind == policy.FromService:
			asked = asked && from.Service != nil && from.Service.Account == q.From.Service.Account
		default:
			asked = asked && from.Source.Kind == q.From.Kind && from.Source.Mesh == q.From.Mesh
		}
		for _, o := range c.Operations {
			exact := q.Port == 0 || o.Port == q.Port
			for _, op := range q.Ops {
				exact = exact && o.Words == op.String()
			}
			asked = asked && (exact || opensOnly(t, before, after, c.Callers.Caller.String(), q))
		}
		assert.True(t, asked, "%s opens %s\n%s", query, c.String(), changed)
	}
	for _, m := range d.Modes {
		stated := slices.ContainsFunc(w.Write, func(s explain.Statement) bool { return s.Kind == explain.Mode && s.Port == m.Port })
		assert.True(t, !m.Danger().Is() || stated && m.Callee.Service.ID() == q.To.ID(), "%s: %s\n%s", query, m.String(), changed)
	}
}

// opensOnly reports whether nothing but the requests of a question is opened to a caller. The name of a change may
// include requests that passed before.
func opensOnly(t *testing.T, before, after *compiler.Build, caller string, q *explain.Query) bool {
	passes := func(b *compiler.Build, words ...string) bool {
		all, err := b.Asking(nil).Queries(append([]string{caller}, words...)...)
		require.NoError(t, err)
		e, err := b.Asking(nil).Judge(all[0])
		return err == nil && e.Allows()
	}
	for _, p := range q.To.Ports {
		callee := fmt.Sprintf("%s:%d", q.To.ID(), p.Number)
		for _, method := range []string{"GET", "POST", "PUT"} {
			for _, path := range []string{"/", "/x", "/x/", "/x/1", "/y"} {
				asked := (q.Port == 0 || q.Port == p.Number) && (len(q.Ops) == 0 || q.Ops[0].Matches(method, path))
				if !asked && passes(after, callee, method, path) && !passes(before, callee, method, path) {
					return false
				}
			}
		}
	}
	return true
}

func randomProject(r *rand.Rand) string {
	one := func(all ...string) string { return all[r.IntN(len(all))] }
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	ops := func() string { return one("", "", ":80", ":80 GET /x/*", ":80 GET|POST /x", ":80 /x/{*}") }
	denied := func() string {
		return one("", "", ":80", ":*", " GET", " GET /x/*, POST /x", ":80 GET /x/*, POST /x/1, /y", ":80 GET|POST /x", ":80 GET except GET /y", " /x/* header h=v", " except :80", ":* GET /x/*")
	}
	if r.IntN(6) == 0 {
		line("mesh * strict closed")
	}
	line("mesh s %s", one("strict", "permissive", "disable"))
	line("service a account a port 80 http")
	line("service b account b port 80 http port 81 http")
	line("service c account c port 80 http port 90 tcp")
	line("service e2 account %s", one("e2", "a"))
	line("service out outside address 10.0.0.0/24")
	if r.IntN(3) == 0 {
		line("mtls b:81 %s", one("permissive", "disable", "strict"))
	}
	if r.IntN(4) == 0 {
		line("mtls c %s", one("permissive", "disable", "strict"))
	}
	names := []string{"a", "b", "c"}
	for range 1 + r.IntN(4) {
		line("%s -> %s%s", one("a", "b", "c", "any", "p/e", "world"), one(names...), ops())
	}
	line("group g = a, b")
	line("group h = b, c")
	if r.IntN(5) == 0 {
		line("%s -> pods%s", one("a", "any", "p/e"), one("", ":80"))
	}
	for range r.IntN(4) {
		callers := one("a", "b", "s/*", "any", "g", "p/e", "p/*", "a, p/e", "any except b", "world", "*", "b, g", "g, h", "a, *", "p/e, p/*")
		switch one("one", "one", "one", "two", "group", "all", "chain") {
		case "one":
			line("deny %s -> %s%s", callers, one(names...), denied())
		case "two":
			line("deny %s -> %s%s, %s%s", callers, one("a", "b"), denied(), one("c", "g"), denied())
		case "group":
			line("deny %s -> %s%s", callers, one("g", "*", "p/e"), one("", ":80", " GET", ":80 GET /x/*, /y"))
		case "all":
			line("deny %s -> pods%s", callers, one("", ":80", ":80 GET"))
		case "chain":
			line("deny %s -> %s -> %s%s", callers, one("a", "b"), one("b", "c"), denied())
		}
	}
	for range r.IntN(3) {
		line("never %s -> %s%s", one("a", "b", "out", "any", "p/*", "*"), one(names...), ops())
	}
	if r.IntN(3) == 0 {
		line("never %s ->> %s", one("a", "p/e", "b"), one(names...))
	}
	if r.IntN(4) == 0 {
		line("only %s -> %s", one("any", "a", "b, c"), one(names...))
	}
	if r.IntN(3) == 0 {
		line("export %s to %s", one("b", "c:80", "g", "*"), one("p", "p/e", "*", "p/e GET /x", "p GET|POST /x/*"))
	}
	line("mesh p%s", one("", " strict"))
	line("service e account e port 80 http")
	line("export e to s")
	if r.IntN(2) == 0 {
		line("s/b -> e:80")
	}
	if r.IntN(4) == 0 {
		line("deny %s -> e%s", one("any", "s/*", "s/a"), one("", ":80", " GET /, POST /x"))
	}
	return b.String()
}
