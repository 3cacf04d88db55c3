package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
)

var (
	issuerNames = []string{"corp", "partner", "realm", "plain"}
	issuerURLs  = map[string]string{
		"corp": "https://auth.example.com", "partner": "https://login.partner.example/", "realm": "https://auth.example.com/realms/a", "plain": "accounts@example",
	}
	intentHosts   = []string{`"a.example.com:"`, `"b.example.com:8080"`, `"b.example.com:*"`, "a.example.com", "b.example.com", "A.Example.com", "*.example.com", "*.com", "example.com", "api"}
	intentHeaders = []string{"x-a", "X-B", "x-tenant", "authorization", "origin", "access-control-request-method"}
	intentValues  = []string{"1", "12", `"1*"`, `"*2"`, `"*"`, `"a b"`, "acme", `"*a"`}
	intentClaims  = []string{"groups", "groups", "groups", "realm_access.roles", `"realm_access.roles"`, `"https://example.com/role"`, "scope", "sub", "aud", "a.b.c"}
	claimValues   = []string{"admin", "ops", "guest", `"a*"`, `"*s"`, `"*"`, "read", "write", `"read write"`, "shop", "alice"}
)

// gateway declares a gateway, which a selector or the name of a Gateway binds.
func (d *drafter) gateway(m *draftMesh, name string) {
	s := &draftService{name: name, gateway: true}
	m.services = append(m.services, s)
	if d.chance(70) {
		if d.config.Gateways == nil {
			d.config.Gateways = map[string]config.Gateway{}
		}
		d.config.Gateways[m.name+"/"+name] = config.Gateway{ClientAddress: pick(d.Rand, []policy.ClientAddress{policy.AddressInPackets, policy.AddressForwarded})}
	}
	line := "service " + name + " gateway account " + name + pick(d.Rand, []string{" label istio=" + name, " label gateway.networking.k8s.io/gateway-name=" + name, ""})
	for _, p := range []draftPort{{8443, "http"}, {8081, "http2"}, {9443, "tls"}} {
		if d.chance(60) {
			s.ports = append(s.ports, p)
			line += fmt.Sprintf(" port %d %s", p.number, p.protocol)
		}
	}
	m.lines = append(m.lines, line)
}

// issuers declares who signs tokens.
func (d *drafter) issuers() {
	for _, name := range issuerNames {
		if !d.chance(35) {
			continue
		}
		line := "issuer " + name + " url " + issuerURLs[name]
		switch d.IntN(4) {
		case 0, 1:
			line += " keys https://keys.example.com/" + name
		case 2:
			if d.config.Issuers == nil {
				d.config.Issuers = map[string]config.Issuer{}
			}
			set, _, _ := policy.KeySet(keySet)
			d.config.Issuers[name] = config.Issuer{KeySet: set}
		}
		if d.chance(30) {
			line += " audience " + pick(d.Rand, []string{"shop", "shop|web", "other"})
		}
		line += pick(d.Rand, []string{"", "", "", " from header x-" + name, ` from header authorization prefix "Token "`, " from query token", " from header X-A from query t", " from cookie session", " from cookie s from header x-" + name})
		if d.chance(20) {
			line += pick(d.Rand, []string{" claim sub to header x-user", " claim realm_access.roles to header x-roles claim sub to header x-user", " payload to header x-login"})
		}
		if d.chance(20) {
			line += " forward"
		}
		m := pick(d.Rand, d.meshes)
		m.lines = append(m.lines, line)
	}
}

// verify has services verify tokens whether their edges ask for them or not.
func (d *drafter) verify(own []*draftMesh, r *rand.Rand) {
	for _, m := range own {
		for _, s := range m.services {
			if r.IntN(10) == 0 {
				statement := pick(r, []string{"deny ", "deny ", ""}) + pick(r, []string{"world", "any", pick(r, m.services).name}) + " -> " + s.name
				m.lines = append(m.lines, statement+pick(r, []string{"", ":*"})+pick(r, []string{"", " GET /api/*", " except /api, POST"})+" with no token")
			}
			if r.IntN(6) == 0 {
				m.lines = append(m.lines, "verify "+pick(r, []string{issuerNames[r.IntN(len(issuerNames))], "any"})+" at "+pick(r, []string{s.name, s.name, s.name, "pods"}))
			}
		}
	}
}

func (d *drafter) alternatives(list []string) string {
	all := d.several(3, func() string { return pick(d.Rand, list) })
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "|")
}

// requests returns all that may follow a destination, in the order of the language. If ports is set, it has no port.
func (d *drafter) requests(ports bool) string {
	var b strings.Builder
	if d.chance(12) {
		b.WriteString(" host " + d.alternatives(intentHosts))
	}
	operations := d.chance(75)
	if operations {
		b.WriteString(" " + d.operations())
	}
	switch {
	case ports && d.chance(30):
		b.WriteString(pick(d.Rand, []string{" except :9090", " except :8080, :9090", " except :8081"}))
	case d.chance(15):
		b.WriteString(" except " + d.operations())
	}
	for d.chance(10) {
		b.WriteString(pick(d.Rand, []string{" header ", " no header "}) + pick(d.Rand, intentHeaders))
		if d.chance(70) {
			b.WriteString("=" + d.alternatives(intentValues))
		}
	}
	if d.chance(25) {
		b.WriteString(" with " + pick(d.Rand, []string{"any", d.alternatives(issuerNames)}))
		for claims := 0; claims < 3 && d.chance(45); claims++ {
			b.WriteString(pick(d.Rand, []string{" ", " ", " no "}) + pick(d.Rand, intentClaims) + "=" + d.alternatives(claimValues))
		}
	}
	if b.Len() == 0 {
		return " " + d.operations()
	}
	return b.String()
}

func (d *drafter) operations() string {
	return strings.Join(d.several(3, func() string {
		verbs := d.several(3, func() string { return pick(d.Rand, intentVerbs) })
		slices.Sort(verbs)
		switch path := pick(d.Rand, intentPaths); d.IntN(4) {
		case 0:
			return strings.Join(slices.Compact(verbs), "|")
		case 1:
			return path
		default:
			return strings.Join(slices.Compact(verbs), "|") + " " + path
		}
	}), ", ")
}
