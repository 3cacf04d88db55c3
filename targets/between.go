package targets

import (
	"path"
	"regexp"
	"strings"
)

// Named is an object of a delivery, as the path of its file names it.
type Named struct {
	Folder string // of its namespace
	Kind   string // in lower case
	Name   string
	Denies bool // it says who may not call
}

var denies = regexp.MustCompile(`(?m)^  (action: DENY|ingressDeny:)$`)

// named returns the object in a file, and false for the files that list objects.
func named(f File) (Named, bool) {
	folder, base := path.Split(f.Path)
	_, rest, ok := strings.Cut(strings.TrimSuffix(base, extension), "-") // after the wave
	kind, name, isObject := strings.Cut(rest, "-")
	return Named{path.Base(folder), kind, name, denies.Match(f.Data)}, ok && isObject && folder != "" && base != KustomizationName
}

// Between returns a delivery whose objects are those of now for which first returns true, and otherwise those of old.
func Between(old, now []File, environment string, first func(Named) bool) []File {
	var files []File
	for _, side := range []struct {
		files []File
		now   bool
	}{{old, false}, {now, true}} {
		for _, f := range side.files {
			if o, ok := named(f); ok && first(o) == side.now {
				files = append(files, f)
			}
		}
	}
	dataplanes, _ := DataplanesOf(now)
	return WithDataplanes(arrange(files, environment), dataplanes)
}
