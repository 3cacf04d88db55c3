package compiler_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/diff"
)

// The words of a difference are statements: a deny of all that is said to be closed closes it, an edge for all that is
// said to be open opens it, and neither does more, or less.
func TestWordsAreStatements(t *testing.T) {
	const services = "mesh shop strict\nservice web account web\nservice ops account ops\nservice api account api port 8080 http port 9090 http\nservice db account db port 5432 tcp\n"
	said, unsaid := 0, 0
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 7))
		for _, verb := range []string{"deny ", ""} {
			before := services
			if verb != "" {
				before += "any -> api\nany -> db\n"
			} else {
				before += "db -> api:8080 GET /db\n"
			}
			for range random.IntN(3) {
				before += verb + randomRequests(random) + "\n"
			}
			after := before
			for range 1 + random.IntN(2) {
				after += verb + randomRequests(random) + "\n"
			}
			from, to := buildText(t, before), buildText(t, after)
			if !from.Judgeable() || !to.Judgeable() {
				continue
			}
			d, err := diff.Compare(t.Context(), from.Model, to.Model, diff.Options{})
			require.NoError(t, err)
			changes := d.Closed
			if verb == "" {
				changes = d.Opened
			}
			rewritten, exact := before, true
			for i := range changes {
				if text := changes[i].String(); strings.Contains(text, "such as") || strings.Contains(text, "(") { // no statement says it
					unsaid++
					exact = false
				}
				rewritten += statements(verb, &changes[i])
			}
			if !exact {
				continue
			}
			again := buildText(t, rewritten)
			if !assert.True(t, again.Judgeable(), "%s\n---\n%s\n%v", after, rewritten, again.Findings) {
				continue
			}
			d, err = diff.Compare(t.Context(), to.Model, again.Model, diff.Options{})
			require.NoError(t, err)
			assert.True(t, d.None(), "%s\n---\n%s\n%v %v", after, rewritten, d.Opened, d.Closed)
			said += len(changes)
		}
	}
	assert.Greater(t, said, 200)
	assert.Less(t, unsaid, said/50)
}

// statements is a change as statements, each with the callee that the words have in common.
func statements(verb string, c *diff.Change) (lines string) {
	callee := strings.TrimPrefix(c.Callee.String(), "shop/")
	ports := ""
	for i, item := range strings.Split(c.What(), "; ") {
		rest, named := strings.CutPrefix(item, c.Callee.String())
		if named || i == 0 {
			ports, item, _ = strings.Cut(rest+" ", " ")
		}
		for port := range strings.SplitSeq(strings.TrimPrefix(ports, ":"), ",") {
			if port != "" {
				port = ":" + port
			}
			lines += fmt.Sprintf("%s%s -> %s%s %s\n", verb, &c.Callers, callee, port, item)
		}
	}
	return lines
}

// randomRequests is callers, and what they may do at a service or may not.
func randomRequests(random *rand.Rand) string {
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	operation := func() string {
		return strings.TrimSpace(pick("GET", "POST", "GET|HEAD", "") + " " + pick("/a", "/a/*", "/a/x", "/b"))
	}
	text := pick("web", "ops", "any", "web, ops", "any except web") + " -> api" + pick("", ":8080", ":9090", ":8080")
	if random.IntN(6) == 0 {
		text += " host " + pick("a.example.com", "a.example.com|b.example.com")
	}
	if random.IntN(5) > 0 {
		text += " " + operation()
		for range random.IntN(2) {
			text += ", " + operation()
		}
	}
	if random.IntN(2) == 0 {
		text += " except " + operation()
		for range random.IntN(2) {
			text += ", " + operation()
		}
	}
	if random.IntN(6) == 0 {
		text += pick(" header", " no header") + pick(" x-a", " x-a=1", " x-b=2")
	}
	return text
}
