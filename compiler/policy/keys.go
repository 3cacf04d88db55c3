package policy

import (
	"encoding/json"
	"strings"
)

// KeySet reads a JSON Web Key Set (RFC 7517): its canonical text, and whether a key of it is secret, so that who reads
// it can sign tokens. Why is what is wrong with it; empty if nothing is.
func KeySet(text string) (canonical string, secret bool, why string) {
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return "", false, "it is not JSON of the form {\"keys\": [...]}"
	}
	if len(set.Keys) == 0 {
		return "", false, "it has no keys"
	}
	for _, key := range set.Keys {
		kind, _ := key["kty"].(string)
		for _, member := range members[kind] {
			if s, ok := key[member].(string); !ok || s == "" {
				return "", false, "a key of type " + kind + " has no `" + member + "`"
			}
		}
		if members[kind] == nil {
			return "", false, "the type of a key, `kty`, is one of EC, OKP, RSA and oct"
		}
		_, private := key["d"]
		secret = secret || private || kind == "oct"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(set); err != nil {
		return "", false, err.Error()
	}
	return strings.TrimSpace(b.String()), secret, ""
}

// members are what a key of each type has at least: RFC 7518, section 6, and RFC 8037.
var members = map[string][]string{"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}, "oct": {"k"}}
