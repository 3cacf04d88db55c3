package diag

import "strings"

// WithArticle returns a noun behind `a` or `an`.
func WithArticle(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
