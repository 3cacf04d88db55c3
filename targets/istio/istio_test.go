package istio

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/testdata/golden"
)

// TestCases emits the policy of each case and compares the stream and the findings.
func TestCases(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, path string, archive *txtar.Archive) {
		files := map[string]string{}
		for _, f := range archive.Files {
			files[f.Name] = string(f.Data)
		}
		p, options := readTable(t, "shop.mesh", files["policy"])
		manifests, findings := New(options).Emit(p)
		got := map[string]string{"want.yaml": string(targets.Stream(manifests))}
		for i := range findings {
			got["findings"] += findings[i].Error() + "\n"
			if findings[i].Help != "" {
				got["findings"] += "  help: " + findings[i].Help + "\n"
			}
		}
		archive.Files = archive.Files[:1]
		for _, section := range []string{"findings", "want.yaml"} {
			if got[section] != "" {
				archive.Files = append(archive.Files, txtar.File{Name: section, Data: []byte(got[section])})
			}
		}
		golden.Equal(t, path, txtar.Format(archive))
	})
}

// TestOrder lists the order of an apply that has every kind of object.
func TestOrder(t *testing.T) {
	p, options := readTable(t, "shop.mesh", `
options namespaces sidecars
policy mode=permissive
mesh shop mode=permissive
service frontend mode=strict
service backend mode=disable
allow backend from=frontend
deny backend from=frontend port=9090
external stripe host=api.stripe.com port=443/http/tls from=backend
`)
	manifests, findings := New(options).Emit(p)
	require.Empty(t, findings)
	var got strings.Builder
	for _, m := range manifests {
		fmt.Fprintf(&got, "%02d %s %s/%s\n", m.Wave, m.Kind, m.Namespace, m.Name)
	}
	require.Equal(t, `00 Namespace /shop
01 PeerAuthentication shop/frontend
12 AuthorizationPolicy shop/backend-deny
20 AuthorizationPolicy shop/backend-ingress
21 DestinationRule shop/stripe.api.stripe.com
22 ServiceEntry shop/stripe
23 Sidecar shop/backend
23 Sidecar shop/frontend
30 AuthorizationPolicy shop/default-deny
31 PeerAuthentication shop/backend
32 PeerAuthentication shop/default
33 PeerAuthentication istio-system/default
`, got.String())
}
