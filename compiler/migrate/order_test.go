package migrate

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestComponents(t *testing.T) {
	assert.Empty(t, components(nil, nil))
	assert.Equal(t, [][]string{{"a"}, {"b"}}, components([]string{"a", "b"}, nil))
	assert.Equal(t, [][]string{{"c"}, {"b"}, {"a"}}, components([]string{"a", "b", "c"}, map[string][]string{"a": {"b"}, "b": {"c"}}))
	assert.Equal(t, [][]string{{"c", "d"}, {"a", "b"}, {"e"}}, components([]string{"a", "b", "c", "d", "e"}, map[string][]string{
		"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"c"}, "e": {"a"},
	}))
}
