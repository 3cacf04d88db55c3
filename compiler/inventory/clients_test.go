package inventory_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Load balancers that speak the PROXY protocol replace the addresses of clients in packets, whatever the policy of the
// Service for traffic from outside, in every cloud.
func TestProxyProtocol(t *testing.T) {
	for annotation, value := range map[string]string{
		"service.beta.kubernetes.io/aws-load-balancer-proxy-protocol":           "*",
		"service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol":      "true",
		"load-balancer.hetzner.cloud/uses-proxyprotocol":                        "true",
		"loadbalancer.openstack.org/proxy-protocol":                             "true",
		"service.beta.kubernetes.io/scw-loadbalancer-proxy-protocol-v2":         "true",
		"service.beta.kubernetes.io/linode-loadbalancer-default-proxy-protocol": "v2",
	} {
		for set, want := range map[string]policy.ClientAddress{annotation + `: "` + value + `"`: policy.AddressOfProxy, "": policy.AddressInPackets} {
			text := `
apiVersion: v1
kind: Pod
metadata: {name: edge, namespace: shop, labels: {app: edge}}
spec: {serviceAccountName: edge, containers: [{name: c, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: shop, annotations: {` + set + `}}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: edge}, ports: [{port: 80, targetPort: 8080}]}
`
			read, found := inventory.Read([]inventory.Input{{File: source.NewFile("k8s.yaml", text)}})
			require.Empty(t, found)
			require.Len(t, read.Workloads[0].Exposed, 1)
			assert.Equal(t, want, read.Workloads[0].Exposed[0].Clients.Address, "%q", set)
		}
	}
}
