// Package kube starts kube-apiserver, etcd and istiod on 127.0.0.1. `make cluster` runs its tests of meshc. `make test`
// does not, because the first run builds these servers, which takes half an hour.
package kube

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/meshc/meshc/testdata/e2e/program"
)

const kubernetesVersion = "1.36.1"

var (
	etcd = program.Module{Name: "etcd", Path: "go.etcd.io/etcd/server/v3", Version: "v3.6.6", Flags: []string{"-ldflags", "-s -w"}}
	// Its staging folders are published as modules.
	kubeAPIServer = program.Module{
		Name: "kube-apiserver", Path: "k8s.io/kubernetes", Version: "v" + kubernetesVersion, Command: "cmd/kube-apiserver", Staged: "v0" + strings.TrimPrefix(kubernetesVersion, "1"),
		Flags: []string{"-ldflags", "-s -w -X k8s.io/component-base/version.gitVersion=v" + kubernetesVersion + " -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=" + strings.Split(kubernetesVersion, ".")[1]},
	}
)

// users are those whom the API server knows, with their groups. The name is the token.
const users = `admin,admin,1,system:masters
reader,reader,2,on-call
limited,limited,3,limited
`

// Cluster is an API server of its own, which has the CRDs of Istio.
type Cluster struct {
	URL    string
	dir    string
	client *http.Client
}

// Start starts a cluster without objects, which ends with the test.
func Start(t *testing.T) *Cluster {
	t.Helper()
	store, _ := etcd.Build(t)
	server, _ := kubeAPIServer.Build(t)
	c := &Cluster{dir: t.TempDir()}
	local := func() string { return fmt.Sprintf("http://127.0.0.1:%d", program.FreePort(t)) }
	clients, peers, port := local(), local(), program.FreePort(t)
	program.Start(t, nil, store, "--data-dir", filepath.Join(c.dir, "etcd"), "--unsafe-no-fsync", "--log-level", "error",
		"--listen-client-urls", clients, "--advertise-client-urls", clients,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)
	key := filepath.Join(c.dir, "accounts.key")
	program.Run(t, "", "openssl", "genrsa", "-out", key, "2048")
	tokens := filepath.Join(c.dir, "tokens.csv")
	require.NoError(t, os.WriteFile(tokens, []byte(users), 0o600))
	c.URL = fmt.Sprintf("https://127.0.0.1:%d", port)
	log := program.Start(t, nil, server, "--etcd-servers="+clients, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--cert-dir="+filepath.Join(c.dir, "pki"), "--service-account-issuer="+c.URL, "--service-account-key-file="+key, "--service-account-signing-key-file="+key,
		"--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC", "--token-auth-file="+tokens, "--disable-admission-plugins=ServiceAccount",
		"--endpoint-reconciler-type=none", "--anonymous-auth=false")
	c.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	ready := func(path string) func() bool {
		return func() bool {
			status, _, err := c.Ask("GET", path, "", nil)
			return err == nil && status == http.StatusOK
		}
	}
	if !eventually(ready("/readyz"), 2*time.Minute) {
		said, _ := os.ReadFile(log)
		t.Fatalf("kube-apiserver is not ready: %s", said[max(0, len(said)-4000):])
	}
	crds, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(program.Run(t, "", "go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api"))), "kubernetes", "customresourcedefinitions.gen.yaml"))
	require.NoError(t, err)
	c.Apply(t, "istio", string(crds))
	require.True(t, eventually(ready("/apis/security.istio.io/v1/authorizationpolicies"), time.Minute))
	require.True(t, eventually(ready("/apis/networking.istio.io/v1/sidecars"), time.Minute))
	require.True(t, eventually(ready("/apis/telemetry.istio.io/v1/telemetries"), time.Minute))
	return c
}

func eventually(is func() bool, within time.Duration) bool {
	for end := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		if is() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// Ask is a request of the administrator.
func (c *Cluster) Ask(method, path, contentType string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequest(method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer admin")
	request.Header.Set("Content-Type", contentType)
	response, err := c.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// Object is as much of an object as says where the API server has it.
type Object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
}

// ofTheCluster are the kinds that have no namespace.
var ofTheCluster = map[string]bool{"Namespace": true, "ClusterRole": true, "ClusterRoleBinding": true, "CustomResourceDefinition": true, "ValidatingWebhookConfiguration": true}

func (o *Object) path() string {
	gv, _ := schema.ParseGroupVersion(o.APIVersion)
	resource, _ := meta.UnsafeGuessKindToResource(gv.WithKind(o.Kind))
	if o.Kind == "Gateway" {
		resource.Resource = "gateways"
	}
	path := "/apis/" + o.APIVersion
	if gv.Group == "" {
		path = "/api/" + o.APIVersion
	}
	if !ofTheCluster[o.Kind] {
		path += "/namespaces/" + o.Metadata.Namespace
	}
	return path + "/" + resource.Resource + "/" + o.Metadata.Name
}

// documents splits a stream of YAML.
func documents(t *testing.T, stream string) (all []string, objects []Object) {
	t.Helper()
	for text := range strings.SplitSeq("\n"+stream, "\n---") {
		var o Object
		require.NoError(t, yaml.Unmarshal([]byte(text), &o), text)
		if o.Kind != "" {
			all, objects = append(all, text), append(objects, o)
		}
	}
	return all, objects
}

// Objects returns the objects of a stream of YAML.
func Objects(t *testing.T, stream string) []Object {
	t.Helper()
	_, objects := documents(t, stream)
	return objects
}

// Refused is what the API server says of an object that it does not take.
type Refused struct {
	Object
	Message string
}

// TryApply applies a stream server-side, as a manager, and returns what the API server refuses.
func (c *Cluster) TryApply(t *testing.T, manager, stream string) []Refused {
	t.Helper()
	return c.try(t, stream, func(o *Object, text []byte) (int, []byte, error) {
		options := url.Values{"fieldManager": {manager}, "force": {"true"}}
		return c.Ask("PATCH", o.path()+"?"+options.Encode(), "application/apply-patch+yaml", text)
	})
}

// Validate returns what the API server would refuse to create of a stream.
func (c *Cluster) Validate(t *testing.T, stream string) []Refused {
	t.Helper()
	return c.try(t, stream, func(o *Object, text []byte) (int, []byte, error) {
		return c.Ask("POST", path.Dir(o.path())+"?dryRun=All&fieldValidation=Strict", "application/yaml", text)
	})
}

func (c *Cluster) try(t *testing.T, stream string, ask func(o *Object, text []byte) (status int, answer []byte, err error)) (all []Refused) {
	t.Helper()
	texts, objects := documents(t, stream)
	for i := range objects {
		status, answer, err := ask(&objects[i], []byte(texts[i]))
		require.NoError(t, err)
		if status >= 300 {
			var said struct{ Message string }
			require.NoError(t, json.Unmarshal(answer, &said), "%s", answer)
			all = append(all, Refused{objects[i], said.Message})
		}
	}
	return all
}

// Apply applies a stream server-side, as a manager.
func (c *Cluster) Apply(t *testing.T, manager, stream string) {
	t.Helper()
	for _, r := range c.TryApply(t, manager, stream) {
		t.Fatalf("%s %s/%s: %s", r.Kind, r.Metadata.Namespace, r.Metadata.Name, r.Message)
	}
}

// Edit merges a patch into an object, as somebody does by hand.
func (c *Cluster) Edit(t *testing.T, manager, path, patch string) {
	t.Helper()
	status, answer, err := c.Ask("PATCH", path+"?fieldManager="+manager, "application/merge-patch+json", []byte(patch))
	require.NoError(t, err)
	require.Less(t, status, 300, "%s", answer)
}

// Remove removes the object at a path.
func (c *Cluster) Remove(t *testing.T, path string) {
	t.Helper()
	status, answer, err := c.Ask("DELETE", path, "application/json", nil)
	require.NoError(t, err)
	require.Less(t, status, 300, "%s", answer)
}

// Namespaces creates namespaces, as the administrator.
func (c *Cluster) Namespaces(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		c.Apply(t, "admin", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: "+name+"\n")
	}
}

// Kubeconfig returns the path of a kubeconfig of a user.
func (c *Cluster) Kubeconfig(t *testing.T, user string) string {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "prod",
		"clusters": []any{map[string]any{"name": "c", "cluster": map[string]any{"server": c.URL, "insecure-skip-tls-verify": true}}},
		"users":    []any{map[string]any{"name": "u", "user": map[string]any{"token": user}}},
		"contexts": []any{map[string]any{"name": "prod", "context": map[string]any{"cluster": "c", "user": "u"}}},
	})
	require.NoError(t, err)
	path := filepath.Join(c.dir, user+".kubeconfig")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}
