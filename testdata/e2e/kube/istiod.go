package kube

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/e2e/program"
)

// Istiod is a control plane of a cluster, of the version by which the conformance tests judge.
type Istiod struct {
	XDS string // where proxies ask, without TLS
	log string
}

// Istiod starts a control plane, which ends with the test, with variables added to its environment. It validates what
// is applied from then on.
func (c *Cluster) Istiod(t *testing.T, env ...string) *Istiod {
	t.Helper()
	modules := func(dir, format, module string) string {
		return strings.TrimSpace(string(program.Run(t, dir, "go", "list", "-m", "-f", format, module)))
	}
	conformance := filepath.Join(modules("", "{{.Dir}}", "github.com/meshc/meshc"), "targets", "istio", "conformance")
	binary, _ := program.Module{
		Name: "pilot-discovery", Path: "istio.io/istio", Version: modules(conformance, "{{.Version}}", "istio.io/istio"), Command: "pilot/cmd/pilot-discovery",
		Flags: []string{"-tags", "vtprotobuf,disable_pgv", "-ldflags", "-s -w"},
	}.Build(t)
	certificate, key := filepath.Join(c.dir, "istiod.crt"), filepath.Join(c.dir, "istiod.key")
	program.Run(t, "", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=istiod", "-addext", "subjectAltName=IP:127.0.0.1")
	authority, err := os.ReadFile(certificate)
	require.NoError(t, err)
	root := filepath.Join(c.dir, "root.crt") // istiod does not watch one file twice
	require.NoError(t, os.WriteFile(root, authority, 0o600))
	settings := filepath.Join(c.dir, "mesh.yaml")
	require.NoError(t, os.WriteFile(settings, []byte("trustDomain: cluster.local\nrootNamespace: istio-system\n"), 0o600))

	local := func() string { return fmt.Sprintf("127.0.0.1:%d", program.FreePort(t)) }
	i, health, webhook := &Istiod{XDS: local()}, local(), local()
	env = append([]string{"ENABLE_CA_SERVER=false", "VALIDATION_WEBHOOK_CONFIG_NAME=", "INJECTION_WEBHOOK_CONFIG_NAME=", "POD_NAMESPACE=istio-system", "POD_NAME=istiod-0", "CLUSTER_ID=Kubernetes"}, env...)
	i.log = program.Start(t, env, binary, "discovery", "--kubeconfig", c.Kubeconfig(t, "admin"), "--meshConfig", settings,
		"--tlsCertFile", certificate, "--tlsKeyFile", key, "--caCertFile", root,
		"--grpcAddr", i.XDS, "--secureGRPCAddr", local(), "--httpsAddr", webhook, "--httpAddr", health, "--monitoringAddr", local(),
		"--ctrlz_port", "0", "--ctrlz_address", "127.0.0.1", "--log_output_level", "all:warn")
	if !eventually(func() bool {
		answer, err := http.Get("http://" + health + "/ready")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, 2*time.Minute) {
		t.Fatalf("istiod is not ready: %s", i.Log(t))
	}

	c.Apply(t, "istio", fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: istiod-default-validator}
webhooks:
- name: validation.istio.io
  clientConfig: {url: "https://%s/validate", caBundle: %s}
  rules: [{operations: [CREATE, UPDATE], apiGroups: [security.istio.io, networking.istio.io, telemetry.istio.io, extensions.istio.io], apiVersions: ["*"], resources: ["*"]}]
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
`, webhook, base64.StdEncoding.EncodeToString(authority)))
	// The API server learns of a webhook some time after it is registered. No schema refuses this policy.
	const empty = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: empty, namespace: default}\nspec: {rules: [{from: [{source: {principals: ['']}}]}]}\n"
	var said []Refused
	require.True(t, eventually(func() bool {
		said = c.TryApply(t, "istio", empty)
		return len(said) > 0 && strings.Contains(said[0].Message, "denied the request")
	}, time.Minute), "the webhook refuses nothing: %v", said)
	c.Ask("DELETE", "/apis/security.istio.io/v1/namespaces/default/authorizationpolicies/empty", "", nil)
	return i
}

// Log returns the end of what istiod has logged.
func (i *Istiod) Log(t *testing.T) string {
	t.Helper()
	said, err := os.ReadFile(i.log)
	require.NoError(t, err)
	return string(said[max(0, len(said)-4000):])
}
