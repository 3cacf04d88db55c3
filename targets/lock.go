package targets

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/config"
)

// LockName is the file in the root of a delivery that lists the files that meshc wrote.
const LockName = ".meshc.lock"

// The formats of a lock. One with data planes is refused by a meshc that does not know them.
const (
	plainFormat      = 1
	dataplanesFormat = 2
	lockFormat       = dataplanesFormat // the latest
)

// ErrNewerLock is the error of a lock that a later version of meshc wrote.
var ErrNewerLock = errors.New("newer than this meshc")

const lockNote = "# The files here that meshc owns, with their digests. Written by meshc; do not edit.\n"

// Lock lists the files that meshc owns, with a digest of what meshc wrote. With it meshc recognizes files that were
// changed by hand, and never touches a file that it did not write. It names no sources or versions, which would change
// it with every build. Without the data planes for which the files were made, nobody could say what they let through.
type Lock struct {
	Environment string            // empty without environments
	Dataplanes  map[string]string // what the settings said of data planes, by namespace; nil where nothing
	Files       []LockedFile      // sorted by path
}

// LockedFile is a file that meshc owns.
type LockedFile struct {
	Path   string // slash-separated, relative to the lock
	Digest string // sha256:HEX
}

// Digest returns the digest of a file as a lock has it: sha256:HEX.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// NewLock returns the lock of files, without the lock file itself.
func NewLock(environment string, files []File) Lock {
	l := Lock{Environment: environment, Files: make([]LockedFile, 0, len(files))}
	for _, f := range files {
		if f.Path != LockName {
			l.Files = append(l.Files, LockedFile{f.Path, Digest(f.Data)})
		}
	}
	slices.SortFunc(l.Files, func(a, b LockedFile) int { return cmp.Compare(a.Path, b.Path) })
	return l
}

// WithDataplanes returns a delivery whose lock says for which data planes it was made.
func WithDataplanes(files []File, dataplanes map[string]string) []File {
	if len(dataplanes) == 0 {
		return files
	}
	files = slices.Clone(files)
	for i, f := range files {
		if f.Path == LockName {
			lock, err := ParseLock(f.Data)
			if err != nil {
				panic(err) // it was made by Layout
			}
			lock.Dataplanes = dataplanes
			files[i].Data = lock.Text()
		}
	}
	return files
}

// DataplanesOf returns what the lock of a delivery says of data planes. It reports false where there is no lock.
func DataplanesOf(files []File) (dataplanes map[string]string, locked bool) {
	for _, f := range files {
		if f.Path == LockName {
			lock, err := ParseLock(f.Data)
			return lock.Dataplanes, err == nil
		}
	}
	return nil, false
}

// Find returns the digest of the file at path, and whether the lock lists it.
func (l Lock) Find(path string) (string, bool) {
	i, ok := slices.BinarySearchFunc(l.Files, path, func(f LockedFile, p string) int { return cmp.Compare(f.Path, p) })
	if !ok {
		return "", false
	}
	return l.Files[i].Digest, true
}

// Text returns the lock as a file: a comment, `format 1`, `environment ENV` if there is one, and a line `sha256:HEX
// PATH` for each file, sorted by path. With data planes it is `format 2`, and a line `dataplane NAMESPACE SETTING` for
// each comes before the files.
func (l Lock) Text() []byte {
	var b bytes.Buffer
	b.WriteString(lockNote)
	format := plainFormat
	if len(l.Dataplanes) > 0 {
		format = dataplanesFormat
	}
	fmt.Fprintf(&b, "format %d\n", format)
	if l.Environment != "" {
		fmt.Fprintf(&b, "environment %s\n", l.Environment)
	}
	for _, namespace := range slices.Sorted(maps.Keys(l.Dataplanes)) {
		fmt.Fprintf(&b, "%s%s %s\n", dataplaneWord, namespace, l.Dataplanes[namespace])
	}
	for _, f := range l.Files {
		b.WriteString(f.Digest)
		b.WriteByte(' ')
		b.WriteString(f.Path)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

const dataplaneWord = "dataplane "

// ParseLock parses the output of Text and rejects everything else, because misreading a lock can lose a file. The error
// names the line and a remedy. It is ErrNewerLock if a later version of meshc can read the lock.
func ParseLock(data []byte) (Lock, error) {
	var l Lock
	lines := strings.SplitAfter(string(data), "\n")
	lines = lines[:len(lines)-1] // without what follows the last newline
	corrupt := func(line int, format string, args ...any) (Lock, error) {
		return Lock{}, fmt.Errorf("%s:%d: %s; restore the file from git's history",
			LockName, line, fmt.Sprintf(format, args...))
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		return corrupt(len(lines)+1, "the last line is cut short")
	}
	n := 0
	for n < len(lines) && strings.HasPrefix(lines[n], "#") {
		n++
	}
	if n == len(lines) {
		return corrupt(n+1, "no `format` line")
	}
	format, ok := strings.CutPrefix(strings.TrimSuffix(lines[n], "\n"), "format ")
	if strings.HasSuffix(format, "\r") {
		return corrupt(n+1, "line ends were changed to CRLF (`* -text` in .gitattributes keeps git from it)")
	}
	number, err := strconv.Atoi(format)
	switch {
	case !ok || err != nil || number < 1:
		return corrupt(n+1, "no `format` line")
	case number > lockFormat:
		return Lock{}, fmt.Errorf("%s:%d: format %d is %w, which knows %d; use a newer meshc",
			LockName, n+1, number, ErrNewerLock, lockFormat)
	}
	n++
	if n < len(lines) {
		if environment, ok := strings.CutPrefix(lines[n], "environment "); ok {
			l.Environment = strings.TrimSuffix(environment, "\n")
			if l.Environment == "" || strings.TrimSpace(l.Environment) != l.Environment {
				return corrupt(n+1, "no name after `environment`")
			}
			n++
		}
	}
	for last := ""; n < len(lines) && number == dataplanesFormat && strings.HasPrefix(lines[n], dataplaneWord); n++ {
		namespace, setting, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(lines[n], dataplaneWord), "\n"), " ")
		if !ok || namespace <= last || setting == "" || strings.TrimSpace(setting) != setting {
			return corrupt(n+1, "not `dataplane NAMESPACE SETTING` in order")
		}
		one, ok := config.ReadDataplanes(map[string]string{namespace: setting})
		if d := one[namespace]; !ok || d.Written(namespace) != setting {
			return corrupt(n+1, "%s is not a data plane", setting)
		}
		if last = namespace; l.Dataplanes == nil {
			l.Dataplanes = map[string]string{}
		}
		l.Dataplanes[namespace] = setting
	}
	if number == dataplanesFormat && l.Dataplanes == nil {
		return corrupt(n+1, "no `dataplane` line")
	}
	for ; n < len(lines); n++ {
		digest, path, ok := strings.Cut(strings.TrimSuffix(lines[n], "\n"), " ")
		sum, isSHA := strings.CutPrefix(digest, "sha256:")
		raw, err := hex.DecodeString(sum)
		switch {
		case !ok || !isSHA || err != nil || len(raw) != sha256.Size || strings.ToLower(sum) != sum:
			return corrupt(n+1, "not `sha256:HEX PATH`")
		case !fs.ValidPath(path) || path == "." || path == LockName || strings.Contains(path, "\r"):
			return corrupt(n+1, "%q is not a path below the lock", path)
		case len(l.Files) > 0 && l.Files[len(l.Files)-1].Path >= path:
			return corrupt(n+1, "%s is not in order", path)
		}
		l.Files = append(l.Files, LockedFile{path, digest})
	}
	return l, nil
}
