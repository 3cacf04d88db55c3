package bearing_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/compiler/bearing"
)

// Labels by which pods show that they are a gateway or a waypoint.
func TestLabels(t *testing.T) {
	for _, row := range []struct{ key, value, gateway, waypoint string }{
		{"gateway.networking.k8s.io/gateway-name", "public", "label gateway.networking.k8s.io/gateway-name", ""},
		{"gateway.networking.k8s.io/gateway-class-name", "istio-waypoint", "", "label gateway.networking.k8s.io/gateway-class-name"},
		{"gateway.networking.k8s.io/gateway-class-name", "istio", "", ""},
		{"istio.io/waypoint-for", "service", "", "label istio.io/waypoint-for"},
		{"istio", "ingressgateway", "label istio: ingressgateway", ""},
		{"istio", "pilot", "", ""},
	} {
		labels := map[string]string{row.key: row.value}
		assert.Equal(t, row.gateway, bearing.Gateway(labels), "%v", labels)
		assert.Equal(t, row.waypoint, bearing.Waypoint(labels), "%v", labels)
	}
}
