package conformance

import (
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/targets/istio/conformance/envoy"
)

// TestReaderCases puts the queries of the reader's own test cases to Istio and requires the recorded answers. It skips
// queries whose recorded answer is undecided, since Istio always decides. It omits objects that a cluster would reject
// and policies that an external provider decides: the recorded answers must hold without them.
func TestReaderCases(t *testing.T) {
	schemas, err := LoadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../read/testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("the reader has no cases: ", err)
	}
	answers := 0
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var stream strings.Builder
			for _, f := range archive.Files {
				if !strings.HasSuffix(f.Name, ".yaml") {
					continue
				}
				for doc := range strings.SplitSeq("\n"+string(f.Data), "\n---\n") {
					stored, err := schemas.Admit([]byte(doc))
					if err != nil || strings.Contains(doc, "action: CUSTOM") {
						continue
					}
					if _, err := Start(stored, Options{}); err == nil {
						stream.WriteString("\n---\n" + string(stored))
					}
				}
			}
			istiod, err := Start([]byte(stream.String()), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range archive.Files {
				if f.Name == "requests" {
					answers += compareAnswers(t, istiod, string(f.Data))
				}
			}
		})
	}
	t.Logf("%d cases, %d answers compared", len(paths), answers)
}

// compareAnswers puts queries, in the format of the test cases of package read, to istiod and returns how many it
// compared.
func compareAnswers(t *testing.T, istiod *Istiod, questions string) (n int) {
	var workload Workload
	var chains Chains
	for line := range strings.Lines(questions) {
		question, answer, _ := strings.Cut(strings.TrimSpace(line), ": ")
		words := strings.Fields(question)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if words[0] == "workload" {
			workload = Workload{Namespace: words[1], Labels: map[string]string{}}
			for _, l := range words[2:] {
				key, value, _ := strings.Cut(l, "=")
				workload.Labels[key] = value
			}
			var err error
			if chains, err = istiod.Chains(workload); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var want, got string
		want, _, _ = strings.Cut(answer, " ")
		want = strings.TrimSuffix(want, ":")
		if want == "undecided" || want == "unknown" {
			continue
		}
		n++
		if words[0] == "mode" {
			port, err := strconv.ParseUint(words[1], 10, 16)
			if err != nil {
				t.Fatal(err)
			}
			got = istiod.Mode(workload, uint16(port))
		} else {
			q := asRequest(t, words)
			got = map[bool]string{true: "allow", false: "deny"}[istiod.Decide(workload, chains, q)]
		}
		if got != want {
			t.Errorf("Istio says %s: %s", got, line)
		}
	}
	return n
}

func asRequest(t *testing.T, words []string) (q envoy.Request) {
	caller, address, ok := strings.Cut(words[0], "@")
	if ok {
		q.Source = netip.MustParseAddr(address)
	}
	switch account, namespace, _ := strings.Cut(caller, "."); {
	case caller == "nobody":
	case strings.Contains(caller, "/"):
		q.Peer = "spiffe://" + caller
	default:
		q.Peer = principal("cluster.local", namespace, account)
	}
	port, err := strconv.ParseUint(words[2], 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	q.Port = uint16(port)
	if words = words[3:]; len(words) > 1 {
		q.Method, q.Path, q.Host = words[0], words[1], "backend.shop"
		for rest := words[2:]; len(rest) > 1; rest = rest[2:] {
			switch rest[0] {
			case "host":
				q.Host = rest[1]
			case "header":
				q.Headers = map[string]string{}
				for pair := range strings.SplitSeq(rest[1], ",") {
					name, value, _ := strings.Cut(pair, "=")
					q.Headers[name] = value
				}
			case "token":
				q.Claims = map[string]any{}
				for pair := range strings.SplitSeq(rest[1], ",") {
					name, value, _ := strings.Cut(pair, "=")
					claim(q.Claims, strings.Split(name, "]["), value)
				}
			default:
				t.Fatalf("%q in a request", rest[0])
			}
		}
	}
	return q
}

// claim adds a text to the claims of a token. A claim with several texts is a list.
func claim(claims map[string]any, path []string, value string) {
	for _, name := range path[:len(path)-1] {
		within, ok := claims[name].(map[string]any)
		if !ok {
			within = map[string]any{}
			claims[name] = within
		}
		claims = within
	}
	switch last := path[len(path)-1]; was := claims[last].(type) {
	case nil:
		claims[last] = value
	case string:
		claims[last] = []any{was, value}
	case []any:
		claims[last] = append(was, value)
	}
}
