package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/e2e/program"
)

// exposition is metrics as the sidecars of two callees and of a caller expose them.
// https://istio.io/latest/docs/reference/config/metrics/
const exposition = `# TYPE istio_requests_total counter
istio_requests_total{reporter="destination",source_workload="web-v1",source_workload_namespace="shop",source_principal="spiffe://cluster.local/ns/shop/sa/web",source_app="web",destination_workload="cart-v2",destination_workload_namespace="shop",destination_principal="spiffe://cluster.local/ns/shop/sa/cart",destination_app="cart",destination_service="cart.shop.svc.cluster.local",request_protocol="http",response_code="200",response_flags="-",connection_security_policy="mutual_tls"} 41
istio_requests_total{reporter="source",source_workload="web-v1",source_workload_namespace="shop",source_principal="spiffe://cluster.local/ns/shop/sa/web",source_app="web",destination_workload="cart-v2",destination_workload_namespace="shop",destination_principal="spiffe://cluster.local/ns/shop/sa/cart",destination_app="cart",destination_service="cart.shop.svc.cluster.local",request_protocol="http",response_code="200",response_flags="-",connection_security_policy="unknown"} 41
istio_requests_total{reporter="destination",source_workload="web-v1",source_workload_namespace="shop",source_principal="spiffe://cluster.local/ns/shop/sa/web",source_app="web",destination_workload="cart-v2",destination_workload_namespace="shop",destination_principal="spiffe://cluster.local/ns/shop/sa/cart",destination_app="cart",destination_service="cart.shop.svc.cluster.local",request_protocol="http",response_code="403",response_flags="-",connection_security_policy="mutual_tls"} 5
istio_requests_total{reporter="destination",source_workload="unknown",source_workload_namespace="unknown",source_principal="unknown",source_app="unknown",destination_workload="web-v1",destination_workload_namespace="shop",destination_principal="unknown",destination_app="web",destination_service="web.shop.svc.cluster.local",request_protocol="http",response_code="200",response_flags="-",connection_security_policy="none"} 3
# TYPE istio_tcp_connections_opened_total counter
istio_tcp_connections_opened_total{reporter="destination",source_workload="cart-v2",source_workload_namespace="shop",source_principal="spiffe://cluster.local/ns/shop/sa/cart",source_app="cart",destination_workload="redis",destination_workload_namespace="data",destination_principal="spiffe://cluster.local/ns/data/sa/redis",destination_app="redis",destination_service="redis.data.svc.cluster.local",request_protocol="tcp",response_flags="-",connection_security_policy="mutual_tls"} 1
`

// TestPrometheus learns from a real server, which scrapes what sidecars expose.
func TestPrometheus(t *testing.T) {
	bin := t.TempDir()
	program.Run(t, "../..", "go", "build", "-o", bin, "./cmd/meshc")
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = io.WriteString(w, exposition)
	}))
	t.Cleanup(exporter.Close)
	server := startPrometheus(t, exporter.Listener.Addr().String())
	meshc := func(args ...string) (string, error) {
		cmd := exec.Command(filepath.Join(bin, "meshc"), args...)
		out, err := cmd.Output()
		return string(out), err
	}

	out, err := meshc("learn", "--prometheus", server)
	require.NoError(t, err, out)
	for _, want := range []string{
		"mesh data\nservice redis account redis\n\nshop/cart -> redis  # 1 call on ",
		"service cart account cart\n", "web -> cart  # 41 calls on ",
		"# - an unknown caller -> shop/web: 3 calls\n",
	} {
		assert.Contains(t, out, want)
	}
	project := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(project, "shop.mesh"), []byte(`mesh shop strict
service web account web port 8080 http
service cart account cart port 8080 http
service old account old
web -> cart
old -> cart
mesh data strict
service redis account redis port 6379 tcp
`), 0o644))
	out, err = meshc("learn", "--prometheus", server, "--against", project)
	require.NoError(t, err, out)
	assert.Contains(t, out, "45 calls seen: 41 allowed, ")
	assert.Contains(t, out, "shop/cart -> data/redis")
	assert.Contains(t, out, "allowed, and not seen\n  shop/old -> shop/cart")
	_, err = meshc("replay", "--prometheus", server, "--project", project)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
}

// startPrometheus starts a server that scrapes a target every second, and waits until it has done so.
func startPrometheus(t *testing.T, target string) string {
	t.Helper()
	command, err := exec.LookPath("prometheus")
	require.NoError(t, err, "Debian's package prometheus has it")
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: istio, static_configs: [{targets: [%q]}]}]\n", target)), 0o644))
	address := fmt.Sprintf("127.0.0.1:%d", program.FreePort(t))
	program.Start(t, nil, command, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=error")
	server := "http://" + address
	require.Eventually(t, func() bool {
		response, err := http.Get(server + "/api/v1/query?" + url.Values{"query": {"istio_tcp_connections_opened_total"}}.Encode())
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return strings.Contains(string(body), "redis")
	}, 2*time.Minute, 200*time.Millisecond)
	return server
}
