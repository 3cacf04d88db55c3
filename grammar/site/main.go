// Command site writes the documentation as a folder of static pages: the Markdown of this repository, a page for each
// finding, a search that needs no server, and the playground if there is one.
//
//	site -repository ROOT -version VERSION [-playground DIR] OUTPUT
//
// The pages work when opened from disk, and fetch nothing from elsewhere. Links to files of the repository lead to the
// forge.
//
// The command is a separate module because nothing else needs the Markdown renderer.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	s := site{}
	flag.StringVar(&s.root, "repository", ".", "the repository")
	flag.StringVar(&s.version, "version", "main", "what the pages are of, and where links to the repository lead")
	flag.StringVar(&s.playground, "playground", "", "a folder with the playground, which becomes part of the site")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: site [-repository ROOT] [-version VERSION] [-playground DIR] OUTPUT")
		os.Exit(2)
	}
	if err := s.write(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
}
