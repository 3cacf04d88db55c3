package gitops

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedact(t *testing.T) {
	var s Secrets
	s.Add("oauth2", "s3cr/t+1")
	s.Add("", "abc") // too short to be looked for in every text
	for text, want := range map[string]string{
		"with s3cr/t+1 and s3cr%2Ft%2B1":            "with [redacted] and [redacted]",
		"Authorization: Basic b2F1dGgyOnMzY3IvdCsx": "Authorization: Basic [redacted]",
		"clone https://me:abc@git.example.org/x":    "clone https://git.example.org/x",
		"https://u:p%40ss@h/x and http://h/y":       "https://h/x and http://h/y",
		"Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc123":    "Bearer [redacted]",
		"basic authentication is off":               "basic authentication is off",
		"ssh://git@host/x":                          "ssh://git@host/x",
		"at https://h/x?private_token=abc: no":      "at https://h/x?[redacted] no",
		"ask https://h/x? again":                    "ask https://h/x? again",
		"\x1b[31mred\x1b[0m \u009b31m line\nnext\r": "[31mred[0m 31m line\nnext",
		"abc": "abc",
		"unauthorized: b2F1dGgyOnMzY3IvdCsx, s3cr/t+1s3cr/t+1 ok": "unauthorized: [redacted], [redacted][redacted] ok",
	} {
		require.Equal(t, want, s.Redact(text))
	}
}
