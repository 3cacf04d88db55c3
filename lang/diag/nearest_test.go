package diag

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearest(t *testing.T) {
	services := []string{"frontend", "backend", "db", "orders", "order-history"}
	tests := []struct{ name, want string }{
		{"backnd", "backend"},   // a letter left out
		{"backkend", "backend"}, // one too many
		{"bakcend", "backend"},  // two swapped
		{"bacjend", "backend"},  // another one
		{"Frontend", "frontend"},
		{"FRONTEND", "frontend"},
		{"frnt-end", "frontend"},
		{"ordres", "orders"},
		{"bd", "db"},
		{"da", "db"},
		{"order", "orders"},
		{"d", ""},
		{"x", ""},
		{"xy", ""},
		{"payments", ""},
		{"front", ""},
		{"backend", ""}, // it is one of them
		{"", ""},
		{strings.Repeat("backend", 1500), ""},
	}
	for _, test := range tests {
		got, ok := Nearest(test.name, services)
		require.Equal(t, test.want, got, test.name)
		require.Equal(t, test.want != "", ok, test.name)
	}
}

func TestNearestTakesTheNearest(t *testing.T) {
	near, _ := Nearest("order", []string{"odor", "older", "orders", "border"})
	require.Equal(t, "older", near, "the first of those that are one letter away")
	near, _ = Nearest("strictt", []string{"strct", "strict"})
	require.Equal(t, "strict", near)
}

func BenchmarkNearest(b *testing.B) {
	var names []string
	for i := range 10_000 {
		names = append(names, "service-"+strings.Repeat("x", i%20))
	}
	for b.Loop() {
		Nearest("servise-xxxxxxx", names)
	}
}
