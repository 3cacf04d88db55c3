package project

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The errors about paths that a change to a repository may have laid as a trap.
var (
	errLeavesProject    = errors.New("is a symbolic link that leaves the project")
	errLeavesRepository = errors.New("is or passes a symbolic link that leaves the repository around it; name what it leads to")
	errGitsOwn          = errors.New("is in git's own folder, where nothing of a project is")
)

// StaysInRepository returns an error if a path leads out of the git repository that it seems to be in, or into git's
// own folder there. Whoever proposes a change to the repository can add symbolic links; they decide neither which file
// of the machine is shown to them, nor which one is overwritten. The path need not exist. One that is in no repository
// may lead anywhere.
func StaysInRepository(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	volume := filepath.VolumeName(path)
	at := volume + string(filepath.Separator)
	repository := "" // the innermost so far, without symbolic links
	for name := range strings.SplitSeq(strings.TrimPrefix(path[len(volume):], string(filepath.Separator)), string(filepath.Separator)) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			if repository, err = filepath.EvalSymlinks(at); err != nil {
				return err
			}
		}
		at = filepath.Join(at, name)
		info, err := os.Lstat(at)
		if err != nil {
			return nil // nothing below exists; what is wrong with it is found where it is used
		}
		if repository == "" || info.Mode()&os.ModeSymlink == 0 {
			continue
		}
		switch real, err := filepath.EvalSymlinks(at); {
		case err != nil || !inside(repository, real):
			return errLeavesRepository
		case gitsOwn(repository, real):
			return errGitsOwn
		}
	}
	return nil
}

// gitsOwn reports whether a path below a folder is in a folder in which git keeps its own files, such as the
// credentials of a CI job.
func gitsOwn(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && slices.ContainsFunc(strings.Split(rel, string(filepath.Separator)), func(name string) bool { return strings.EqualFold(name, ".git") })
}
