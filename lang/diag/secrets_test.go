package diag

import (
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
