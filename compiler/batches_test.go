package compiler_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Guards about many different requests of one callee share divisions of them, and are judged as each is alone.
func TestManyGuardsOfOneCallee(t *testing.T) {
	const world = `mesh shop strict
service web account web port 8080 http
service job account job port 8080 http
service api account api port 8080 http port 9090 http
any -> web
any -> job
web -> api:8080 GET /a/*, api:8080 /b/{*}/c, api:9090
job -> api:8080 GET|POST /a/1/*
deny job -> api:8080 /a/1/secret/*
`
	r := rand.New(rand.NewPCG(1, 2))
	one := func(all ...string) string { return all[r.IntN(len(all))] }
	var guards []string
	for i := range 200 {
		path := fmt.Sprintf(one("/a/%d", "/a/%d/*", "/b/%d/c", "/b/{*}/%d", "/{**}/%d", "/a/1/secret/%d"), i%40)
		guards = append(guards, fmt.Sprintf("%s -> api:%s %s%s", one("never web", "never job", "always web", "always job", "only web"), one("8080", "8080", "9090"), one("", "GET ", "POST "), path))
	}
	all := brokenGuards(buildText(t, world+strings.Join(guards, "\n")+"\n"))
	broken := 0
	for _, g := range guards {
		alone := brokenGuards(buildText(t, world+g+"\n"))
		assert.Equal(t, alone[g], all[g], g)
		if alone[g] {
			broken++
		}
	}
	require.Greater(t, broken, 40)
	require.Less(t, broken, 160)
}
