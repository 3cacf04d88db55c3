package conformance

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"
	istiod "istio.io/istio/pilot/test/xds"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/denied"
	"github.com/meshc/meshc/compiler/directory"
	"github.com/meshc/meshc/compiler/traffic"
)

// TestProxyless has a server of gRPC enforce what istiod makes of the emitted policies, over real connections with
// mutual TLS, and asks of what the server logs why it refused calls.
func TestProxyless(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := newProxyless(t, listener)
	server := istiod.NewFakeDiscoveryServer(t, istiod.FakeOptions{
		ConfigString:    p.manifests,
		ListenerBuilder: func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
	})
	p.enforces(t, server.Listener.Addr().String())
}

// proxyless is a server of gRPC without a proxy.
type proxyless struct {
	listener  net.Listener
	built     *compiler.Build
	manifests string // what the project emits, and how istiod knows the server
}

func newProxyless(t *testing.T, listener net.Listener) *proxyless {
	t.Helper()
	port := listener.Addr().(*net.TCPAddr).Port
	p := &proxyless{listener: listener, built: proxylessProject(t, port)}
	for _, m := range p.built.Manifests {
		p.manifests += "---\n" + m.YAML
	}
	p.manifests += fmt.Sprintf(`---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: pay, namespace: shop}
spec:
  hosts: [pay.shop.svc.cluster.local]
  ports: [{name: grpc, number: %[1]d, protocol: GRPC}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, labels: {app: pay}, serviceAccount: pay}]
`, port)
	return p
}

// enforces calls the server under the policies of an istiod, and asks why calls were refused.
func (p *proxyless) enforces(t *testing.T, istiod string) {
	t.Helper()
	listener, built := p.listener, p.built
	log := new(lockedBuffer)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2WithVerbosity(log, log, log, 2))
	certificates := newAuthority(t)
	serveProxyless(t, listener, istiod, certificates)

	call := func(account, method string) codes.Code {
		t.Helper()
		var transport credentials.TransportCredentials = insecure.NewCredentials()
		if account != "" {
			pair, err := tls.LoadX509KeyPair(certificates.of(t, account))
			require.NoError(t, err)
			// The certificate of a workload has an identity and no host name.
			transport = credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true})
		}
		connection, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(transport))
		require.NoError(t, err)
		defer connection.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		client := grpc_health_v1.NewHealthClient(connection)
		if method == "List" {
			_, err = client.List(ctx, &grpc_health_v1.HealthListRequest{})
		} else {
			_, err = client.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		}
		return status.Code(err)
	}
	require.Eventually(t, func() bool { return call("evil", "Check") == codes.PermissionDenied }, 20*time.Second, 100*time.Millisecond, "the policies have not arrived")
	assert.Equal(t, codes.OK, call("web", "Check"))
	assert.Equal(t, codes.OK, call("audit", "Check"))
	assert.Equal(t, codes.PermissionDenied, call("web", "List"), "an edge is about one method")
	assert.Equal(t, codes.PermissionDenied, call("evil", "Check"), "no edge is about this caller")
	assert.Equal(t, codes.PermissionDenied, call("audit", "List"), "a deny wins over an edge")
	assert.Equal(t, codes.Unavailable, call("", "Check"), "the port is STRICT")

	pods, err := directory.Read(strings.NewReader(`{"kind": "List", "items": [{"kind": "Pod", "metadata": {"namespace": "shop", "name": "pay-1", "labels": {"app": "pay"}}, "spec": {"serviceAccountName": "pay"}, "status": {"phase": "Running", "podIP": "127.0.0.1"}}]}`))
	require.NoError(t, err)
	kinds := denied.New(built.Asking(pods))
	var read traffic.Log
	var lines strings.Builder
	for line := range strings.Lines(log.String()) {
		lines.WriteString("[pod/pay-1/pay] " + line) // as kubectl logs --prefix does
	}
	require.NoError(t, read.Read(strings.NewReader(lines.String()), kinds.Add))
	answers := map[string]*denied.Answer{}
	for _, k := range kinds.All() {
		a, err := kinds.Answer(k)
		require.NoError(t, err)
		require.Len(t, k.Requests, 1)
		answers[k.Caller+" "+k.Requests[0].Path] = a
	}
	require.Len(t, answers, 3, lines.String())
	for name, want := range map[string]string{
		"shop/web /grpc.health.v1.Health/List":   "web -> pay",
		"shop/evil /grpc.health.v1.Health/Check": "evil -> pay",
		"shop/audit /grpc.health.v1.Health/List": "deny audit -> pay",
	} {
		a := answers[name]
		require.NotNil(t, a, name)
		assert.Equal(t, "shop/pay", a.Callee, name)
		require.NotNil(t, a.Why, name)
		assert.Equal(t, explain.Denied, a.Why.Verdict, name)
		if strings.HasPrefix(want, "deny ") {
			require.NotNil(t, a.Policy, "the policy that denied it is known")
			assert.Contains(t, a.Policy.Name, "deny")
			continue
		}
		assert.Equal(t, -1, a.By.Number, "no rule matched")
		require.NotEmpty(t, a.Why.Remedy.Ways, name)
		assert.Contains(t, compiler.Written(&a.Why.Remedy.Ways[0].Write[0]), want)
	}
}

func proxylessProject(t *testing.T, port int) *compiler.Build {
	t.Helper()
	parsed, err := compiler.Parse(t.Context(), compiler.Inputs{
		Files: []compiler.Input{{Name: "shop.mesh", Text: fmt.Appendf(nil, `mesh shop strict
service pay account pay port %[1]d grpc
service web account web
service evil account evil
service audit account audit
web -> pay:%[1]d POST /grpc.health.v1.Health/Check
audit -> pay:%[1]d
deny audit -> pay:%[1]d POST /grpc.health.v1.Health/List
`, port)}},
		Config: config.Default(), Today: today,
	})
	require.NoError(t, err)
	built, err := parsed.Build(t.Context(), config.Default())
	require.NoError(t, err)
	require.True(t, built.Judgeable(), "%v", built.Findings)
	return built
}

// serveProxyless serves the health service under the policies that istiod sends, and waits until it does.
func serveProxyless(t *testing.T, listener net.Listener, istiod string, certificates *authority) {
	t.Helper()
	certificate, key := certificates.of(t, "pay")
	bootstrap, err := json.Marshal(map[string]any{
		"xds_servers": []any{map[string]any{"server_uri": istiod, "channel_creds": []any{map[string]any{"type": "insecure"}}, "server_features": []string{"xds_v3"}}},
		"node": map[string]any{"id": "sidecar~127.0.0.1~pay-1.shop~shop.svc.cluster.local", "metadata": map[string]any{
			"GENERATOR": "grpc", "NAMESPACE": "shop", "LABELS": map[string]any{"app": "pay"}, "CLUSTER_ID": "Kubernetes", "INSTANCE_IPS": "127.0.0.1",
		}},
		"certificate_providers": map[string]any{"default": map[string]any{"plugin_name": "file_watcher", "config": map[string]any{
			"certificate_file": certificate, "private_key_file": key, "ca_certificate_file": certificates.root, "refresh_interval": "600s",
		}}},
		"server_listener_resource_name_template": "xds.istio.io/grpc/lds/inbound/%s",
	})
	require.NoError(t, err)
	transport, err := xdscreds.NewServerCredentials(xdscreds.ServerOptions{FallbackCreds: insecure.NewCredentials()})
	require.NoError(t, err)
	serving := make(chan struct{}, 1)
	server, err := xds.NewGRPCServer(grpc.Creds(transport), xds.BootstrapContentsForTesting(bootstrap), xds.ServingModeCallback(func(_ net.Addr, m xds.ServingModeChangeArgs) {
		if m.Mode == connectivity.ServingModeServing {
			serving <- struct{}{}
		}
	}))
	require.NoError(t, err)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	select {
	case <-serving:
	case <-time.After(time.Minute):
		t.Fatal("istiod has sent no listener")
	}
}

// authority signs the certificates of workloads.
type authority struct {
	dir, root   string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.root = filepath.Join(a.dir, "root.crt")
	a.key = newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	require.NoError(t, err)
	a.certificate, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	writePEM(t, a.root, "CERTIFICATE", der)
	return a
}

// of returns the files with a certificate and a key of an account of the namespace shop.
func (a *authority) of(t *testing.T, account string) (certificate, key string) {
	t.Helper()
	certificate, key = filepath.Join(a.dir, account+".crt"), filepath.Join(a.dir, account+".key")
	own := newKey(t)
	id := &url.URL{Scheme: "spiffe", Host: "cluster.local", Path: "/ns/shop/sa/" + account}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), URIs: []*url.URL{id}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, own.Public(), a.key)
	require.NoError(t, err)
	writePEM(t, certificate, "CERTIFICATE", der)
	text, err := x509.MarshalPKCS8PrivateKey(own)
	require.NoError(t, err)
	writePEM(t, key, "PRIVATE KEY", text)
	return certificate, key
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
