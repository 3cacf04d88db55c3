// Package gitops puts a finished list of files as a commit on a branch of an environment repository.
//
// It knows git: references, objects, the wire, credentials. It does not know what is in the files:
// what a change means is told to it, through Options.Describe. It is the one place below the command
// line that looks at the environment, the network and, where no date is given, the clock.
//
// A commit is made of objects alone, without a work tree, and a branch moves by compare-and-swap:
// whoever loses a race reads the branch again and applies its files again. A remote is therefore, at
// any instant, as it was or complete.
package gitops

import (
	"context"
	"strings"
	"time"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// Options is where to publish, as whom and how. Only Repository is necessary.
type Options struct {
	Repository  string // a path, or a file://, http(s):// or ssh:// URL, or USER@HOST:PATH
	Branch      string // what the controllers follow; empty: the repository's default branch
	Path        string // the folder of the environment, slash-separated; empty: the whole repository
	Environment string // empty: "default"
	Forge       Forge  // that the repository is on, for its token; empty: told from the host

	Direct    bool // commit on Branch; without it, on the review branch
	Overwrite bool // take back files that were changed by hand, and take over those of others
	DryRun    bool // do everything but the push

	Describe func(Change) (Message, error) // what the commit says; called again after each lost race
	Source   string                        // REPO@SHA of the intents, for a trailer

	Author  Identity      // zero: git's environment variables and configuration
	Now     time.Time     // zero: git's environment variables, else SOURCE_DATE_EPOCH, else the clock
	Timeout time.Duration // of the whole publish; zero: two minutes
	Dir     string        // the project's folder: relative repositories and git's configuration start here

	Warnings map[diag.Code]diag.Level // what is done with a warning
	Secrets  *Secrets                 // learns every secret that is used; nil: nobody wants to know

	Getenv func(string) string // nil: the environment of the process
}

// Identity is a name and a mail address.
type Identity struct{ Name, Email string }

// Message is the text of a commit. Trailers are added to it.
type Message struct {
	Title string // one line
	Body  string // plain text; may be empty
}

// Change is what a publish is about to do to the files that meshc owns in PATH. Paths are relative to PATH.
type Change struct {
	Old     []targets.File // before, sorted by path, without the lock; unchanged ones share their data with New
	New     []targets.File // after, sorted by path, without the lock
	Written []string       // paths that are new or differ, sorted, with the lock
	Removed []string       // paths that go, sorted
	LeftOut []string       // manifests of others that a new kustomization.yaml would keep from being applied, sorted
}

// Result is what became of a publish.
type Result struct {
	Repository string // without any secret
	Review     string // the branch that proposals are on
	Base       string // the branch that controllers follow
	Branch     string // the branch that the commit is on: Base, or the review branch
	Commit     string // full hash; of the existing proposal where that is up to date; empty where there is none
	UpToDate   bool   // the remote already had everything; nothing was pushed
	Withdrawn  bool   // Base has everything, so the review branch, which proposed something else, was deleted
	Change     Change
	Message    Message // as Describe gave it
	Attempts   int     // 1, and one more for each lost race
}

// ReviewBranch is the branch that proposals for an environment in a folder of a repository are on: meshc/ENV for the
// whole repository, meshc/ENV-FOLDER for a folder, so that several projects can propose to one repository.
func ReviewBranch(environment, folder string) string {
	branch := "meshc/" + firstOf(environment, "default")
	if folder = cleanFolder(folder); folder == "" {
		return branch
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, folder)
	if len(name) > longestFolder {
		name = name[:longestFolder] + "-" + strings.TrimPrefix(targets.Digest([]byte(folder)), "sha256:")[:8]
	}
	return branch + "-" + name
}

// longestFolder keeps the name of a branch within what a file may be called.
const longestFolder = 100

// cleanFolder is a folder of a repository without what says nothing; empty is the root.
func cleanFolder(folder string) string {
	if folder = strings.Trim(strings.TrimPrefix(folder, "./"), "/"); folder == "." {
		return ""
	}
	return folder
}

// Publish makes the folder PATH of a branch hold files, whose paths are relative to PATH and which include
// the lock. Files that the lock in the repository does not name are left alone. Where a finding is an error
// nothing was published. The error is an *Error whose text holds no secret.
func Publish(ctx context.Context, files []targets.File, o Options) (Result, diag.List, error) {
	p, cancel, err := newPublisher(ctx, files, o)
	if err != nil {
		return Result{}, nil, err
	}
	defer cancel()
	result, findings, err := p.run()
	return result, findings, p.explain(err)
}

// Fetch reads what a publish of files would replace in PATH of the branch that controllers follow: the files that the
// lock there names, and the lock, sorted by path. Where there is no lock, they are those at the paths of files. Nothing
// there gives nothing.
func Fetch(ctx context.Context, files []targets.File, o Options) ([]targets.File, error) {
	p, cancel, err := newPublisher(ctx, files, o)
	if err != nil {
		return nil, err
	}
	defer cancel()
	there, err := p.published()
	return there, p.explain(err)
}
