package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// api is an API server of the kinds that a test is about.
type api struct {
	objects   map[string][]string // by path
	forbidden map[string]bool     // paths
	expires   bool                // continue tokens do at once
	silent    bool                // it never answers lists
	discovery map[string]string   // of other kinds than usual, by path

	mu       sync.Mutex
	requests []string
	stale    bool // it cannot tell what is in a group, and cannot list a kind of another
}

func policy(name string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"shop","uid":"1","resourceVersion":"7","creationTimestamp":"2026-11-01T00:00:00Z",
		"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"},
		"managedFields":[{"manager":"argocd","operation":"Apply","time":"2026-11-01T00:00:00Z"},
			{"manager":"kubectl-edit","operation":"Update","time":"2026-11-29T01:02:03Z"},
			{"manager":"istiod","operation":"Update","subresource":"status","time":"2026-11-29T02:00:00Z"}]},
		"spec":{"action":"ALLOW"},
		"status":{"conditions":[{"type":"ZtunnelAccepted","status":"False","reason":"Unsupported","message":"ztunnel has no HTTP attributes"}]}}`, name)
}

const policiesPath = "/apis/security.istio.io/v1/authorizationpolicies"

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	refuse := func(code int, reason string) {
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"no"}`, reason, code)
	}
	a.mu.Lock()
	a.requests = append(a.requests, r.URL.String())
	a.mu.Unlock()
	resource := func(plural, kind string) string {
		return fmt.Sprintf(`{"resource":%q,"responseKind":{"kind":%q},"verbs":["list"]}`, plural, kind)
	}
	group := func(name string, resources ...string) string {
		return fmt.Sprintf(`{"metadata":{"name":%q},"versions":[{"version":"v1","resources":[%s]}]}`, name, strings.Join(resources, ","))
	}
	answer := func(groups ...string) {
		fmt.Fprintf(w, `{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[%s]}`, strings.Join(groups, ","))
	}
	if groups, ok := a.discovery[r.URL.Path]; ok {
		answer(groups)
		return
	}
	switch r.URL.Path {
	case "/api":
		answer(group("", resource("namespaces", "Namespace"), resource("secrets", "Secret"), resource("configmaps", "ConfigMap")))
		return
	case "/apis":
		if a.stale {
			fmt.Fprint(w, `{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[{"metadata":{"name":"security.istio.io"},"versions":[{"version":"v1","freshness":"Stale"}]},
				{"metadata":{"name":"networking.istio.io"},"versions":[{"version":"v1","resources":[{"resource":"destinationrules","responseKind":{"kind":"DestinationRule"},"verbs":["get"]}]}]}]}`)
			return
		}
		answer(group("networking.istio.io", resource("destinationrules", "DestinationRule")),
			group("security.istio.io", resource("authorizationpolicies", "AuthorizationPolicy"), resource("peerauthentications", "PeerAuthentication"), resource("requestauthentications", "RequestAuthentication")))
		return
	}
	switch {
	case a.silent:
		<-r.Context().Done()
		return
	case a.forbidden[r.URL.Path]:
		refuse(http.StatusForbidden, "Forbidden")
		return
	}
	all := a.objects[r.URL.Path]
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	if from > 0 && a.expires {
		refuse(http.StatusGone, "Expired")
		return
	}
	next := ""
	if limit, _ := strconv.Atoi(r.URL.Query().Get("limit")); limit > 0 && from+limit < len(all) {
		next = strconv.Itoa(from + limit)
		all = all[:from+limit]
	}
	fmt.Fprintf(w, `{"kind":"List","metadata":{"continue":%q},"items":[%s]}`, next, strings.Join(all[from:], ","))
}

// read reads the API server.
func (a *api) read(t *testing.T, timeout time.Duration) (*Snapshot, error) {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	config := map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "prod",
		"clusters": []any{map[string]any{"name": "c", "cluster": map[string]any{"server": server.URL}}},
		"users":    []any{map[string]any{"name": "u", "user": map[string]any{}}},
		"contexts": []any{map[string]any{"name": "prod", "context": map[string]any{"cluster": "c", "user": "u"}}},
	}
	text, err := json.Marshal(config)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	t.Setenv("KUBECONFIG", path)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return Read(ctx, Options{RootNamespace: "istio-system"}, func(string, int) {})
}

func TestObjectsAreManifestsWithoutWhatServersAdd(t *testing.T) {
	s, err := (&api{objects: map[string][]string{policiesPath: {policy("backend")}}}).read(t, time.Minute)
	require.NoError(t, err)
	require.Len(t, s.Objects, 1)
	o := s.Objects[0]
	assert.Equal(t, "<cluster prod> shop/AuthorizationPolicy/backend", o.File.Name)
	assert.Equal(t, `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  creationTimestamp: "2026-11-01T00:00:00Z"
  name: backend
  namespace: shop
spec:
  action: ALLOW
`, o.File.Text)
	assert.Equal(t, "kubectl-edit", o.ChangedBy, "a status is nothing that the object asks for")
	assert.Equal(t, time.Date(2026, 11, 29, 1, 2, 3, 0, time.UTC), o.ChangedAt)
	assert.Empty(t, o.Refusals, "no namespace is in ambient mode")
	assert.Empty(t, s.Unread)
	assert.Same(t, o, s.Of(s.Manifests()[0]))
}

// What istiod writes says that data planes do not enforce an object, or not all of it.
func TestRefusals(t *testing.T) {
	policy := func(namespace, condition string) string {
		return fmt.Sprintf(`{"metadata":{"name":"p","namespace":%q},"spec":{},"status":{"conditions":[%s]}}`, namespace, condition)
	}
	condition := func(kind, status, reason string) string {
		return fmt.Sprintf(`{"type":%q,"status":%q,"reason":%q,"message":"why","observedGeneration":"1"}`, kind, status, reason)
	}
	namespaces := []string{`{"metadata":{"name":"shop","labels":{"istio.io/dataplane-mode":"ambient"}}}`, `{"metadata":{"name":"bank","labels":{"istio-injection":"enabled"}}}`}
	for _, c := range []struct {
		namespace, condition string
		want                 []Refusal
	}{
		{"shop", condition("ZtunnelAccepted", "False", "UnsupportedValue"), []Refusal{{Text: "ZtunnelAccepted is False: why", ztunnel: true}}},
		{"shop", condition("ZtunnelAccepted", "True", "UnsupportedValue"), []Refusal{{Text: "ZtunnelAccepted is True: why", Partly: true, ztunnel: true}}},
		{"shop", condition("ZtunnelAccepted", "True", "Accepted"), nil},
		{"istio-system", condition("ZtunnelAccepted", "False", "UnsupportedValue"), []Refusal{{Text: "ZtunnelAccepted is False: why", ztunnel: true}}},
		{"bank", condition("ZtunnelAccepted", "False", "UnsupportedValue"), nil},
		{"bank", condition("WaypointAccepted", "False", "Invalid"), []Refusal{{Text: "WaypointAccepted is False: why"}}},
		{"bank", condition("WaypointAccepted", "True", "PartiallyInvalid"), []Refusal{{Text: "WaypointAccepted is True: why", Partly: true}}},
	} {
		a := &api{objects: map[string][]string{policiesPath: {policy(c.namespace, c.condition)}, "/api/v1/namespaces": namespaces}}
		s, err := a.read(t, time.Minute)
		require.NoError(t, err)
		i := slices.IndexFunc(s.Objects, func(o *Object) bool { return o.name == "p" })
		assert.ElementsMatch(t, c.want, s.Objects[i].Refusals, "%s in %s", c.condition, c.namespace)
	}
}

func TestListsAreReadInPages(t *testing.T) {
	var all []string
	for i := range 2*Page + 1 {
		all = append(all, policy(fmt.Sprintf("p%04d", i)))
	}
	for name, expires := range map[string]bool{"in pages": false, "at once where pages expire": true} {
		t.Run(name, func(t *testing.T) {
			a := &api{objects: map[string][]string{policiesPath: all}, expires: expires}
			s, err := a.read(t, time.Minute)
			require.NoError(t, err)
			assert.Len(t, s.Objects, len(all))
			first := fmt.Sprintf("%s?limit=%d", policiesPath, Page)
			assert.True(t, slices.Contains(a.requests, first), a.requests)
			assert.Equal(t, expires, slices.Contains(a.requests, policiesPath))
		})
	}
}

func TestNothingButWhatBearsOnTheMeshIsRead(t *testing.T) {
	a := &api{}
	_, err := a.read(t, time.Minute)
	require.NoError(t, err)
	for _, request := range a.requests {
		assert.NotContains(t, request, "secrets")
	}
}

const settingsPath = "/api/v1/namespaces/istio-system/configmaps"

func settings(name, trustDomain string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"istio-system"},"data":{"mesh":"trustDomain: %s"}}`, name, trustDomain)
}

func TestTheSettingsOfEachRevisionAreRead(t *testing.T) {
	a := &api{objects: map[string][]string{settingsPath: {
		settings("istio-1-26", "old.example"), settings("istio-1-27", "new.example"), settings("kiali", "x"),
		`{"metadata":{"name":"istio-ca-root-cert","namespace":"istio-system"},"data":{"root-cert.pem":"x"}}`,
	}}}
	s, err := a.read(t, time.Minute)
	require.NoError(t, err)
	var names []string
	for _, f := range s.Workloads() {
		names = append(names, f.Name)
	}
	assert.Equal(t, []string{"<cluster prod> istio-system/ConfigMap/istio-1-26", "<cluster prod> istio-system/ConfigMap/istio-1-27"}, names)
	assert.Equal(t, s.Workloads(), s.Manifests())
}

func TestSettingsThatAreNotFoundAreNotPassedOver(t *testing.T) {
	a := &api{objects: map[string][]string{policiesPath: {policy("backend")}}}
	s, err := a.read(t, time.Minute)
	require.NoError(t, err)
	require.Len(t, s.Manifests(), 2)
	assert.Contains(t, s.Manifests()[1].Text, `reason: "none has the settings of a mesh in namespace istio-system"`)

	a.forbidden = map[string]bool{settingsPath: true}
	s, err = a.read(t, time.Minute)
	require.NoError(t, err)
	require.Len(t, s.Unread, 1)
	assert.Equal(t, "cannot list configmaps: forbidden in namespace istio-system", s.Unread[0].String())
	assert.Len(t, s.Manifests(), 2, "there may be some")
}

func TestWhatIsForbiddenIsNamed(t *testing.T) {
	a := &api{objects: map[string][]string{policiesPath: {policy("backend")}}, forbidden: map[string]bool{policiesPath: true}}
	s, err := a.read(t, time.Minute)
	require.NoError(t, err)
	require.Len(t, s.Unread, 1)
	assert.Equal(t, "cannot list authorizationpolicies.security.istio.io: forbidden", s.Unread[0].String())
	assert.Contains(t, s.Manifests()[0].Text, "kind: Unread")
}

func TestWhatAClusterCannotTellIsNamed(t *testing.T) {
	s, err := (&api{stale: true}).read(t, time.Minute)
	require.NoError(t, err)
	var unread []string
	for i := range s.Unread {
		unread = append(unread, s.Unread[i].String())
	}
	assert.Contains(t, unread, "cannot list destinationrules.networking.istio.io: the cluster cannot list it")
	assert.Contains(t, unread, "cannot list authorizationpolicies.security.istio.io: the server that has its group is unavailable")
}

func TestAClusterThatDoesNotAnswerIsAnError(t *testing.T) {
	_, err := (&api{silent: true}).read(t, 300*time.Millisecond)
	assert.EqualError(t, err, "cluster prod: it did not answer in time; --timeout says how long it may take")
}

func TestUnknownContext(t *testing.T) {
	_, err := (&api{}).read(t, time.Minute)
	require.NoError(t, err)
	_, err = Read(t.Context(), Options{Context: "prd"}, func(string, int) {})
	assert.EqualError(t, err, `the kubeconfig has no context "prd"; did you mean prod?`)
}
