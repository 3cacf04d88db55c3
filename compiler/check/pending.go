package check

import (
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// pending refuses what the language has and the compiler does not translate: nothing is accepted that has no effect.
func (c *checker) pending(files []*lang.File) {
	refuse := func(at source.Span, what string) {
		c.list.Add(diag.Inexpressible, at, "%s cannot be compiled yet", what).WithHelp("delete it")
	}
	for _, f := range files {
		for _, s := range f.Stmts {
			switch s := s.(type) {
			case *lang.Ask:
				refuse(s.Provider.Range, "an ask")
			}
		}
	}
}
