package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What is in an edited file is in the file as it was, whatever is before it.
func TestEdited(t *testing.T) {
	f := NewFile("a.yaml", "zero: 0\none: 1\nmetadata:\n  name: web\nlast: æ x\n")
	e := f.Edited([]Edit{{0, 8, ""}, {13, 14, "seventeen"}, {27, 27, "namespace: shop\n  "}})
	assert.Equal(t, "one: seventeen\nmetadata:\n  namespace: shop\n  name: web\nlast: æ x\n", e.Text)
	place := func(text string) string {
		for at := range e.Text {
			if e.Text[at:min(len(e.Text), at+len(text))] == text {
				return e.Span(at, at+len(text)).Written().Text()
			}
		}
		return "not found"
	}
	for _, same := range []string{"one", "metadata", "name: web", "web", "last", "æ x"} {
		assert.Equal(t, same, place(same))
	}
	assert.Equal(t, "1", place("seventeen"))
	assert.Equal(t, "", place("namespace: shop"))
	at := e.Span(len(e.Text)-2, len(e.Text)-1)
	assert.Equal(t, Position{Line: 5, Byte: 10, Rune: 9, UTF16: 9}, at.StartPosition())
	twice := e.Edited([]Edit{{0, 0, "zero: 0\n"}})
	assert.Equal(t, "x", twice.Span(len(twice.Text)-2, len(twice.Text)-1).Written().Text())
}
