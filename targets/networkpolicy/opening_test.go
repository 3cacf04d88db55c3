package networkpolicy

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/compiler/policy"
)

func TestOpenings(t *testing.T) {
	pods := func(name string) peer {
		return peer{namespace: "shop", labels: []policy.Label{{Key: "app", Value: name}}}
	}
	http := portRanges{{8080, 8080}}
	all := openings([]opening{
		{http, nil, []peer{pods("b")}},
		{every, nil, []peer{pods("c"), {everyone: true}}},
		{http, []uint16{8080}, []peer{pods("a")}},
		{http, nil, []peer{pods("a"), pods("b")}},
	})
	assert.Equal(t, []opening{
		{every, nil, []peer{{everyone: true}}},
		{http, nil, []peer{pods("a"), pods("b")}},
		{http, []uint16{8080}, []peer{pods("a")}},
	}, all)
}

func TestRules(t *testing.T) {
	pods := func(namespace, name string) peer {
		return peer{namespace: namespace, labels: []policy.Label{{Key: "app", Value: name}}}
	}
	for _, c := range []struct {
		of   opening
		want string
	}{
		{opening{every, nil, everyone}, "[]"},
		{opening{portRanges{{80, 80}}, []uint16{53}, everyone}, "[{ports [[{port 80} {protocol TCP}] [{port 53} {protocol UDP}]]}]"},
		{opening{portRanges{{80, 81}}, nil, everyone}, "[{ports [[{port 80} {protocol TCP}] [{port 81} {protocol TCP}]]}]"},
		{opening{portRanges{{80, 96}}, nil, everyone}, "[{ports [[{endPort 96} {port 80} {protocol TCP}]]}]"},
		{opening{every, nil, []peer{{pods: true}}}, "[{from [[{namespaceSelector []}]]}]"},
		{opening{every, nil, []peer{{block: netip.MustParsePrefix("10.0.0.0/8")}}}, "[{from [[{ipBlock [{cidr 10.0.0.0/8}]}]]}]"},
		{opening{every, nil, []peer{{namespace: "shop"}}}, "[{from [[{namespaceSelector [{matchLabels [{kubernetes.io/metadata.name shop}]}]}]]}]"},
		{opening{every, nil, []peer{pods("shop", "a")}}, "[{from [[{namespaceSelector [{matchLabels [{kubernetes.io/metadata.name shop}]}]} {podSelector [{matchLabels [{app a}]}]}]]}]"},
		{opening{every, nil, []peer{pods("shop", "a"), pods("shop", "b")}}, "[{from [[{namespaceSelector [{matchLabels [{kubernetes.io/metadata.name shop}]}]} {podSelector [{matchExpressions [[{key app} {operator In} {values [a b]}]]}]}]]}]"},
	} {
		assert.Equal(t, c.want, fmt.Sprint(new(fields).rule(&c.of, "from")))
	}
}

func TestPortRanges(t *testing.T) {
	some := portRanges{{10, 20}, {30, 30}}
	assert.True(t, some.has(10) && some.has(20) && some.has(30) && !some.has(21))
	assert.Equal(t, portRanges{{10, 20}, {25, 25}, {30, 30}}, some.and(25))
	assert.Equal(t, some, some.and(15))
	assert.Equal(t, []uint16{20, 30}, some.among([]uint16{9, 20, 30, 31}))
}

// At what ports pods in ambient mode are called: through the tunnel, and without it by callers that have none.
func TestDirect(t *testing.T) {
	ambient, sidecar, outside := &policy.Service{Name: "a", Dataplane: policy.Ambient}, &policy.Service{Name: "s"}, &policy.Service{Name: "o", Dataplane: policy.NoProxy}
	http := portRanges{{8080, 8080}}
	mixed := &policy.Service{Name: "m", Dataplane: policy.Ambient, Mixed: true}
	e := newEmission(Options{}, &policy.Policy{})
	for _, c := range []struct {
		to   *policy.Service
		from policy.Source
		want portRanges
	}{
		{ambient, policy.Source{Service: ambient}, tunnelPort},
		{ambient, policy.Source{Service: sidecar}, tunnelPort},
		{ambient, policy.Source{Kind: policy.FromWorld}, http.and(tunnel)},
		{mixed, policy.Source{Service: ambient}, http.and(tunnel)},
		{ambient, policy.Source{Service: outside}, http},
		{ambient, policy.Source{Service: &policy.Service{Dataplane: policy.Ambient, Moving: true}}, http.and(tunnel)},
	} {
		assert.Equal(t, c.want, e.direct(c.to, c.from, http), "%s from %v", c.to.Name, c.from)
	}
}
