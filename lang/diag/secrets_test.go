package diag

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The lines that a finding shows hide what may be a secret, and stay as long as they were.
func TestHideSecrets(t *testing.T) {
	for line, want := range map[string]string{
		`{repository: "https://user:hunter2@h/x", path: ../x}`: `{repository: "https://************@h/x", path: ../x}`,
		`https://user:hun/t2@h/x # see http://docs/a`:          `https://***********@h/x # see http://docs/a`,
		`https://h/x?private_token=hunter2 b`:                  `https://h/x?********************* b`,
		`https://u:é@h:8080/x?t=ü`:                             `https://**×@h:8080/x?**×`,
		`https://h:8080/x`:                                     `https://h:8080/x`,
		`https://user:hunter2/x`:                               `https://************/x`,
		`a@b: c?d`:                                             `a@b: c?d`,
	} {
		got := hideSecrets(line)
		require.Equal(t, want, got)
		require.Equal(t, len(line), len(got))
		require.Equal(t, utf8.RuneCountInString(line), utf8.RuneCountInString(got))
	}
}

// A secret that begins or ends far from what is shown is hidden too.
func TestHideFarSecrets(t *testing.T) {
	const secret = "hunter2"
	line := strings.Repeat("x ", 4000) + `"https://h/x?token=` + strings.Repeat(secret, 2000) + `" ` + strings.Repeat("y ", 4000)
	for _, at := range []int{len(line) / 2, strings.Index(line, secret) + 3, strings.LastIndex(line, secret) + 3, strings.Index(line, "token")} {
		part, from := around(line, at)
		require.Equal(t, line[from:from+len(part)], part)
		require.NotContains(t, cut(hideSecrets(part), at-from, at-from+1).text, secret)
	}
}
