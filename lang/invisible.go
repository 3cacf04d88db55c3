package lang

import (
	"strings"
	"unicode/utf8"

	"github.com/meshc/meshc/lang/diag"
)

// comments reports comments that show a reviewer another program than the one that is compiled
// (https://trojansource.codes).
func (p *parser) comments() {
	for _, t := range p.file.Tokens {
		if t.Kind != KindComment {
			continue
		}
		text := p.file.Source.Text[t.Start:t.End]
		i := strings.IndexFunc(text, diag.Misleads)
		if i < 0 {
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		at := p.file.Source.Span(int(t.Start)+i, int(t.Start)+i+size)
		p.report(diag.New(diag.InvalidCharacter, at, "the character %U in a comment changes how the text around it is displayed", r)).
			WithHelp("delete it: reviewers would see another text than the one that is compiled")
	}
}
