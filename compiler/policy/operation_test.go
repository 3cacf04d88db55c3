package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCovers(t *testing.T) {
	for _, row := range []struct {
		outer, inner string
		want         bool
	}{
		{"", "", true},
		{"", "GET /a", true},
		{"GET /a", "", false},
		{"GET /a", "GET /a", true},
		{"GET|POST /a", "GET /a", true},
		{"GET /a", "GET|POST /a", false},
		{"GET /a", "/a", false},
		{"/a", "GET /a", true},
		{"/api/*", "GET /api/x", true},
		{"/api/*", "/api/x/*", true},
		{"/api/*", "/api/{*}/x", true},
		{"/api/*", "/apis", false},
		{"/api*", "/apis", true},
		{"/api/x", "/api/*", false},
		{"/*", "*", false},
		{"*.png", "/a.png", true},
		{"*.png", "*.small.png", true},
		{"*.png", "/a*", false},
		{"/a/{*}/b", "/a/x/b", true},
		{"/a/{*}/b", "/a//b", false},
		{"/a/{*}/b", "/a/x/y/b", false},
		{"/a/{*}", "/a/*", false},
		{"/a/{**}", "/a/", true},
		{"/a/{**}", "/a", false},
		{"/a/{**}/b", "/a/b", false},
		{"/a/{**}/b", "/a/x/y/b", true},
		{"/a/{**}/b", "/c/x/y/b", false},
		{"GET /a, POST /b", "POST /b", true},
		{"GET /a, POST /b", "GET /b", false},
		{"GET /a, POST /b", "GET /a, POST /b", true},
	} {
		assert.Equal(t, row.want, Covers(operations(row.outer), operations(row.inner)), "%q covers %q", row.outer, row.inner)
	}
}

func TestCanonical(t *testing.T) {
	for _, row := range []struct{ written, want string }{
		{"POST /x, GET /x", "GET|POST /x"},
		{"GET /x, GET|POST /x, /x", "/x"},
		{"GET /y, POST /x, GET /x, GET /y", "GET|POST /x, GET /y"},
		{"GET *, POST /x", "GET *, POST /x"},
	} {
		var got []string
		for _, o := range Canonical(operations(row.written)) {
			got = append(got, o.String())
		}
		assert.Equal(t, row.want, strings.Join(got, ", "), row.written)
	}
}

func operations(s string) []Operation {
	var all []Operation
	for part := range strings.SplitSeq(s, ", ") {
		if part == "" {
			continue
		}
		var o Operation
		methods, path, both := strings.Cut(part, " ")
		if !both {
			methods, path = "", part
		}
		if methods != "" {
			o.Methods = strings.Split(methods, "|")
		}
		o.Path = path
		all = append(all, o)
	}
	return all
}

// Envoy's templates match only the characters that RFC 3986 calls pchar.
func TestMatches(t *testing.T) {
	for _, row := range []struct {
		operation, method, path string
		want                    bool
	}{
		{"GET /a", "GET", "/a", true},
		{"GET /a", "POST", "/a", false},
		{"/a/*", "GET", "/a/", true},
		{"/a/*", "GET", "/a", false},
		{"*.png", "GET", "/x.png", true},
		{"*", "GET", "/x", true},
		{"/a/{*}", "GET", "/a/x", true},
		{"/a/{*}", "GET", "/a/", false},
		{"/a/{*}", "GET", "/a/[", false},
		{"/a/{**}", "GET", "/a/x/y", true},
		{"/a/{**}", "GET", "/a/x/[", false},
		{"/a/{**}/z", "GET", "/a/x/y/z", true},
	} {
		assert.Equal(t, row.want, operations(row.operation)[0].Matches(row.method, row.path), "%s: %s %s", row.operation, row.method, row.path)
	}
}

// Rules are alike only where their conditions are, too.
func TestKey(t *testing.T) {
	where := func(not bool, values ...string) string {
		r := Requests{Ports: []uint16{80}, Where: []Condition{{Dimension: "host", Values: values, Not: not}}}
		return r.Key()
	}
	plain := Requests{Ports: []uint16{80}}
	assert.Equal(t, where(false, "a"), where(false, "a"))
	for _, other := range []string{plain.Key(), where(true, "a"), where(false, "b"), where(false, "a", "b"), where(false, "a b")} {
		assert.NotEqual(t, where(false, "a"), other)
	}
}
