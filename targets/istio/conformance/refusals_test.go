package conformance

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meshc/meshc/lang/diag"
)

// spoil changes a key, a value or the type of a value in a manifest. The result may still be valid.
func (w *writer) spoil(f fields) fields {
	f = slices.Clone(f)
	if len(f) == 0 {
		return fields{{pick(w.Rand, spoiledKeys), "x"}}
	}
	i := w.IntN(len(f))
	switch w.IntN(9) {
	case 0:
		f[i].key = pick(w.Rand, []string{strings.ToUpper(f[i].key), f[i].key + "s", "x" + f[i].key, pick(w.Rand, spoiledKeys)})
	case 1:
		f = append(f[:i], f[i+1:]...)
	case 2:
		extra := pick(w.Rand, spoiledExtras)
		if !slices.ContainsFunc(f, func(have field) bool { return have.key == extra.key }) {
			f = append(f, extra)
		}
	case 3:
		f[i].value = pick(w.Rand, spoiledValues)
	default:
		f[i].value = w.spoilValue(f[i].value)
	}
	return f
}

func (w *writer) spoilValue(value any) any {
	switch value := value.(type) {
	case fields:
		return w.spoil(value)
	case []any:
		value = slices.Clone(value)
		if len(value) > 0 {
			i := w.IntN(len(value))
			value[i] = w.spoilValue(value[i])
		}
		return value
	}
	return pick(w.Rand, spoiledValues)
}

var (
	spoiledKeys   = []string{"from", "to", "when", "source", "operation", "rules", "selector", "paths", "principals", "serviceAccounts", "hosts", "mode", "mtls", "action", "values", "notValues", "key", "matchLabels", "jwks", "jwks_uri", "timeout", "fromParams"}
	spoiledValues = []any{
		"", "*", "a*b", "*a*", "a/b/c", "a/b", "/a", "a/", "http", "70000", "-1", "65536", " 80", "10.0.0.0/33", "10.0.0.1 ", "fe80::1%eth0", "0", "{id}", "/{id}",
		"/{**}/{*}", "/a{*}", "/a/{*}/", "/a//{*}", "/a b/{*}", "/a b", "ALLOW", "allow", "CUSTOM", "STRICT", "strict", "UNSET", "source.ip", "source.ipp",
		"0.1ms", "1h", "5", "x y", "request.headers", "request.headers[]", "request.headers[x]", "destination.labels[x]", "experimental.envoy.filters.a[b]", "experimental.envoy.filters.a",
		strings.Repeat("a", 64), strings.Repeat("a", 321), 80, 1, nil, true, 1.5, fields{}, []any{}, []any{""}, []any{"x"}, []any{nil}, []any{fields{}}, fields{{"x", "y"}},
	}
	spoiledExtras = []field{
		{"provider", fields{{"name", "x"}}}, {"provider", fields{}}, {"targetRefs", []any{fields{{"kind", "Gateway"}, {"group", "gateway.networking.k8s.io"}, {"name", "x"}}}},
		{"targetRef", fields{{"kind", "Service"}, {"name", "x"}}}, {"portLevelMtls", fields{}}, {"portLevelMtls", fields{{"0", fields{{"mode", "STRICT"}}}}},
		{"portLevelMtls", fields{{"http", fields{{"mode", "STRICT"}}}}}, {"from", []any{}}, {"to", []any{}}, {"when", []any{}}, {"when", []any{fields{}}},
		{"serviceAccounts", []any{"x"}}, {"notServiceAccounts", []any{"x"}}, {"selector", fields{}}, {"selector", fields{{"matchLabels", fields{}}}},
		{"from", nil}, {"to", nil}, {"rules", nil}, {"values", nil}, {"notValues", []any{""}}, {"ipBlocks", []any{"x"}}, {"unknown", "x"},
	}
)

// verifying is a RequestAuthentication with every field that it may have.
func (w *writer) verifying() fields {
	rule := fields{{"issuer", pick(w.Rand, tokenIssuers)}}
	optional := fields{
		{"jwksUri", "https://auth.example.com/keys"}, {"audiences", []any{"shop"}}, {"fromHeaders", []any{fields{{"name", "x-token"}, {"prefix", "Token "}}}},
		{"fromParams", []any{"token"}}, {"fromCookies", []any{"token"}}, {"forwardOriginalToken", true}, {"outputPayloadToHeader", "x-payload"},
		{"outputClaimToHeaders", []any{fields{{"header", "x-groups"}, {"claim", "groups"}}}}, {"timeout", "5s"}, {"spaceDelimitedClaims", []any{"roles"}},
	}
	for _, f := range optional {
		if w.chance(40) {
			rule = append(rule, f)
		}
	}
	if w.chance(15) {
		rule.add(pick(w.Rand, []string{"jwks", "jwks_uri"}), pick(w.Rand, []string{keySet, "https://auth.example.com/keys"}))
	}
	var spec fields
	if w.chance(50) {
		spec.add("selector", fields{{"matchLabels", fields{{"app", "web"}}}})
	}
	spec.add("jwtRules", []any{rule})
	return w.object("RequestAuthentication", "shop", "spoiled", nil, spec)
}

// spoiled is a manifest that may not be valid.
func (w *writer) spoiled() string {
	document := w.authorization("spoiled")
	if w.chance(25) {
		document = w.peer("shop", "spoiled", pick(w.Rand, []string{"", "web"}))
	}
	if w.chance(25) {
		document = w.verifying()
	}
	dryRun := fields{{"annotations", fields{{"istio.io/dry-run", pick(w.Rand, []string{"true", "yes", "", "TRUE", "tRUE", "0"})}}}}
	for i := range document {
		if document[i].key == "metadata" && w.chance(10) {
			document[i].value = append(fields{{"name", "spoiled"}, {"namespace", "shop"}}, dryRun...)
		}
		if spec, ok := document[i].value.(fields); ok && document[i].key == "spec" {
			document[i].value = w.spoil(spec)
		}
	}
	w.document(document)
	return w.String()
}

// TestRefusals spoils manifests. meshc must reject exactly those that a cluster with Istio rejects.
func TestRefusals(t *testing.T) {
	t.Parallel()
	schemas, err := LoadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	refused, taken, beyond := 0, 0, 0
	for seed := range size(t, 20000) {
		w := &writer{pen: pen{Rand: rand.New(rand.NewPCG(seed, 5))}, Options: Options{TrustDomain: "cluster.local", RootNamespace: "istio-system"}, tokens: true}
		yaml := w.spoiled()
		stored, istio := schemas.Admit([]byte(yaml))
		if istio == nil {
			_, istio = Start(stored, w.Options)
		}
		_, findings := readYAML(yaml, w.Options)
		switch {
		case istio != nil && !findings.HasErrors():
			t.Errorf("seed %d: Istio rejects, meshc does not: %v\n%s", seed, istio, yaml)
		case istio == nil && findings.HasErrors():
			first := findings[slices.IndexFunc(findings, func(d diag.Diagnostic) bool { return d.Severity == diag.Error })].Message
			if !beyondIstio(first, yaml) {
				t.Errorf("seed %d: meshc rejects, Istio does not: %s\n%s", seed, first, yaml)
			}
			beyond++
		case istio != nil:
			refused++
		default:
			taken++
		}
	}
	t.Logf("%d manifests rejected by both, %d accepted by both, %d rejected by meshc alone", refused, taken, beyond)
}

// beyondIstio reports whether meshc is right to reject what a cluster accepts: Envoy would reject the path template or
// the address zone, an API server drops a null, so a selector whose only label is null selects the whole namespace, and
// Istio overlooks in `when` the slash of a trust domain that it refuses in `trustDomains`.
func beyondIstio(message, yaml string) bool {
	return strings.Contains(message, "a template that does not begin with a slash") || strings.Contains(message, "fe80::1%eth0") ||
		strings.Contains(message, "a trust domain has no slash in `spec.rules") && strings.Contains(message, "].when[") ||
		strings.Contains(yaml, "null") && (strings.Contains(message, "must be a string, not null") || strings.Contains(message, "is not a port"))
}
