package read

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/golden"
)

// A case is manifests (*.yaml), the findings of reading them (findings), and questions with their answers (requests):
//
//	workload shop app=backend
//	frontend.shop -> 8080 GET /api/x: allow by shop/backend-ingress rule 0
//	mode 8080: STRICT by shop/default
//
// A caller is ACCOUNT.NAMESPACE, `nobody`, or one of them at an address: `nobody@10.0.0.1`. After the port come a
// method and a path, and perhaps `host NAME`, for a request that is HTTP.
func TestCases(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, path string, archive *txtar.Archive) {
		var files []*source.File
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".yaml") {
				files = append(files, source.NewFile(f.Name, string(f.Data)))
			}
		}
		m, findings := Files(files, enforce.Mesh{})
		for i, f := range archive.Files {
			var got string
			switch f.Name {
			case "requests":
				got = answer(t, m, string(f.Data))
			case "findings":
				got = list(findings)
				findings = nil
			default:
				continue
			}
			archive.Files[i].Data = []byte(got)
		}
		assert.Empty(t, list(findings))
		golden.Equal(t, path, txtar.Format(archive))
	})
}

func list(findings diag.List) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintln(&b, f.Error())
		for _, n := range f.Notes {
			fmt.Fprintf(&b, "  note: %s\n", n)
		}
		if f.Help != "" {
			fmt.Fprintf(&b, "  help: %s\n", f.Help)
		}
	}
	return b.String()
}

func answer(t *testing.T, m *enforce.Layer, questions string) string {
	var b bytes.Buffer
	var callee *enforce.Point
	lines := bufio.NewScanner(strings.NewReader(questions))
	for lines.Scan() {
		line := lines.Text()
		question, _, _ := strings.Cut(line, ": ")
		question = strings.TrimSuffix(question, ":")
		words := strings.Fields(question)
		switch {
		case len(words) == 0 || words[0] == "#":
			fmt.Fprintln(&b, line)
			continue
		case words[0] == "workload":
			w := enforce.Workload{Namespace: words[1], Labels: map[string]string{}}
			for _, l := range words[2:] {
				key, value, _ := strings.Cut(l, "=")
				w.Labels[key] = value
			}
			callee = m.For(w)
			fmt.Fprintln(&b, line)
			continue
		case words[0] == "mode":
			port, err := strconv.ParseUint(words[1], 10, 16)
			require.NoError(t, err)
			mode, by := callee.Mode(uint16(port))
			fmt.Fprintf(&b, "%s: %s", question, mode)
			if by != nil {
				fmt.Fprintf(&b, " by %s", by.ID())
			}
			fmt.Fprintln(&b)
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", question, callee.Decide(request(t, words)))
	}
	return b.String()
}

func request(t *testing.T, words []string) space.Request {
	facts := space.Facts{}
	caller, address, _ := strings.Cut(words[0], "@")
	facts[space.SourceAddress] = address
	if caller != "nobody" {
		account, namespace, ok := strings.Cut(caller, ".")
		require.True(t, ok, words)
		facts[space.Identity] = "cluster.local/ns/" + namespace + "/sa/" + account
		if strings.Contains(caller, "/") {
			facts[space.Identity] = caller
		}
	}
	require.Equal(t, "->", words[1], words)
	facts[space.Port] = words[2]
	http := len(words) > 3
	if http {
		facts[space.Method], facts[space.Path], facts[space.Host] = words[3], words[4], "backend.shop"
		kinds := map[string]space.Dimension{"host": space.Host, "header": space.Header, "token": space.Token}
		for rest := words[5:]; len(rest) > 1; rest = rest[2:] { // `host H`, `header NAME=TEXT,…`, `token CLAIM=TEXT,…`
			facts[kinds[rest[0]]] = strings.ReplaceAll(rest[1], ",", "\n")
		}
	}
	return space.Standard.Request(http, facts)
}
