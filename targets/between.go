package targets

import (
	"bytes"
	"path"
	"strings"
)

// Named is an object of a delivery, as the path of its file names it.
type Named struct {
	Folder string // of its namespace
	Kind   string // in lower case
	Name   string
	Denies bool // it says who may not call
}

// named returns the object in a file, as its path has it, and false for the files that list objects.
func named(f File) (Named, bool) {
	folder, base := path.Split(f.Path)
	_, rest, ok := strings.Cut(strings.TrimSuffix(base, extension), "-") // after the wave
	kind, name, isObject := strings.Cut(rest, "-")
	return Named{Folder: path.Base(folder), Kind: kind, Name: name}, ok && isObject && folder != "" && base != KustomizationName
}

// denies reports whether the object in a file says who may not call.
func denies(f File) bool {
	return bytes.Contains(f.Data, []byte("\n  action: DENY\n")) || bytes.Contains(f.Data, []byte("\n  ingressDeny:\n"))
}

// Between returns a delivery whose objects are those of now for which first returns true, and otherwise those of old.
func Between(old, now []File, environment string, first func(Named) bool) []File {
	var files []File
	for _, side := range []struct {
		files []File
		now   bool
	}{{old, false}, {now, true}} {
		for _, f := range side.files {
			o, ok := named(f)
			if !ok {
				continue
			}
			if o.Denies = denies(f); first(o) == side.now {
				files = append(files, f)
			}
		}
	}
	dataplanes, _ := DataplanesOf(now)
	return WithDataplanes(arrange(files, environment), dataplanes)
}
