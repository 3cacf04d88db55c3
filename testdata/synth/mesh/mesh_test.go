package mesh

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

func count(files []File, pattern string) int {
	n := 0
	for _, f := range files {
		n += len(regexp.MustCompile("(?m)"+pattern).FindAll(f.Data, -1))
	}
	return n
}

// These numbers describe what the README and the benchmarks call "a mesh of 10,000 services".
func TestFigures(t *testing.T) {
	files := Generate(Config{Services: 10_000, Seed: 1})
	assert.Len(t, files, 200, "one file for each namespace")
	assert.Equal(t, 200, count(files, `^mesh team-\d{4} strict$`))
	assert.Equal(t, 10_000, count(files, `^service `))
	assert.Equal(t, 31_000, count(files, `^svc-\d{5} -> `), "three callers each, every tenth a fourth one")
	assert.Equal(t, 1_000, count(files, `^svc-\d{5} -> team-\d{4}/`))
	assert.Equal(t, 1_000, count(files, `^export `))
	assert.Equal(t, 50, count(files, `^deny `))
}

func TestSameSeedSameBytes(t *testing.T) {
	c := Config{Services: 230, Workloads: true, Seed: 7}
	assert.Equal(t, Generate(c), Generate(c))
	other := c
	other.Seed = 8
	assert.NotEqual(t, Generate(c), Generate(other))
}

// Small and odd sizes leave no service without a caller, no edge twice, and no edge to the caller itself.
func TestEveryServiceHasACaller(t *testing.T) {
	edge := regexp.MustCompile(`(?m)^(svc-\d{5}) -> (?:team-\d{4}/)?(svc-\d{5})`)
	for n := MinServices; n < 130; n++ {
		called, seen := map[string]bool{}, map[string]bool{}
		for _, f := range Generate(Config{Services: n}) {
			assert.False(t, bytes.Contains(f.Data, []byte("%!")))
			for _, m := range edge.FindAllStringSubmatch(string(f.Data), -1) {
				called[m[2]] = true
				assert.NotEqual(t, m[1], m[2])
				assert.False(t, seen[m[0]], "%d services: %s twice", n, m[0])
				seen[m[0]] = true
			}
		}
		for i := range n {
			assert.True(t, called[fmt.Sprintf("svc-%05d", i)], "%d services: no service calls %d", n, i)
		}
	}
}
