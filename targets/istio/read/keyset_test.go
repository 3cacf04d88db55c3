package read

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What jwk.Parse of github.com/lestrrat-go/jwx takes, with which Istio validates, is a set of keys.
func TestIsKeySet(t *testing.T) {
	for text, want := range map[string]bool{
		`{"keys":[]}`: true, `{"keys":null}`: true, ` {"keys": []} `: true, `{"kty":"oct","k":"AQ"}`: true,
		`{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]}`: true,
		`1`: false, `"x"`: false, `null`: false, `true`: false, `[]`: false, `{}`: false, `{"a":1}`: false, ` 80`: false,
		`{"keys":{}}`: false, `{"keys":5}`: false, `{"keys":[1]}`: false, `{"keys":[{}]}`: false, `{"keys":[{"kty":"RSA"}]}`: false,
		`{"keys":[{"kty":"foo"}]}`: false, `{"kty":"RSA"}`: false,
	} {
		assert.Equal(t, want, isKeySet(text), text)
	}
}
