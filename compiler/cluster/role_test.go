package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/golden"
)

// The role of the documentation grants what is asked of a cluster that serves every kind, and no more.
func TestTheRoleGrantsWhatIsAsked(t *testing.T) {
	groups := map[string][]string{}
	for _, r := range resources("istio-system") {
		groups[r.group] = append(groups[r.group], fmt.Sprintf(`{"resource":%q,"responseKind":{"kind":%q},"verbs":["list"]}`, usualPlural(r.kind), r.kind))
	}
	a := &api{discovery: map[string]string{}}
	var named []string
	for group, served := range groups {
		text := fmt.Sprintf(`{"metadata":{"name":%q},"versions":[{"version":"v1","resources":[%s]}]}`, group, strings.Join(served, ","))
		if group == "" {
			a.discovery["/api"] = text
		} else {
			named = append(named, text)
		}
	}
	a.discovery["/apis"] = strings.Join(named, ",")
	s, err := a.read(t, time.Minute)
	require.NoError(t, err)
	require.Empty(t, s.Unread)

	cluster, root := map[string][]string{}, map[string][]string{}
	for _, request := range a.requests {
		u, err := url.Parse(request)
		require.NoError(t, err)
		if a.discovery[u.Path] != "" {
			continue // which every user may read
		}
		parts, group := strings.Split(strings.TrimPrefix(u.Path, "/"), "/"), ""
		if parts[0] == "apis" {
			group, parts = parts[1], parts[1:]
		}
		switch parts = parts[2:]; {
		case len(parts) == 1:
			cluster[group] = append(cluster[group], parts[0])
		case len(parts) == 3 && parts[0] == "namespaces" && parts[1] == "istio-system":
			root[group] = append(root[group], parts[2])
		default:
			t.Errorf("%s is not a list", request)
		}
	}
	golden.Equal(t, "../../grammar/cluster-role.yaml", []byte(`# What --cluster reads: lists of these kinds, as far as the cluster serves them. It never reads Secrets.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: meshc
rules:
`+rules(cluster)+`---
# The settings of the mesh, in its root namespace.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: meshc
  namespace: istio-system
rules:
`+rules(root)))
}

func rules(asked map[string][]string) string {
	var b strings.Builder
	for _, group := range slices.Sorted(maps.Keys(asked)) {
		kinds := slices.Compact(slices.Sorted(slices.Values(asked[group])))
		fmt.Fprintf(&b, "  - {apiGroups: [%s], resources: [%s], verbs: [list]}\n", cmp.Or(group, `""`), strings.Join(kinds, ", "))
	}
	return b.String()
}
