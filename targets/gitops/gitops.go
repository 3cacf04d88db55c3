// Package gitops commits a delivery to a branch of an environment repository, the repository that Argo CD or Flux
// applies.
//
// It knows git: references, objects, the wire protocol, credentials. It does not know what the files contain; the
// caller describes a change through Options.Describe. Apart from the command line, it is the only package that reads
// environment variables and uses the network, and it uses the clock unless the caller gives a date.
//
// A publish reads the tip of the branch without its history, computes the new tree, and pushes one commit. There is no
// work tree: the commit is built from objects in memory. The push is a compare-and-swap, so a publisher that loses a
// race reads the branch again and starts over, and the remote always holds either the old or the complete new
// delivery.
//
// The lock of the delivery lists the files that meshc owns. All other files are kept, unless Options.Others edits
// them. A generated file that was changed by hand, or a file of others in the way, is a finding and stops the publish.
package gitops

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// Options configures a publish. Only Repository is required.
type Options struct {
	Repository  string // a path, a file://, http(s):// or ssh:// URL, or USER@HOST:PATH
	Branch      string // the branch that controllers follow; default: the default branch of the repository
	Path        string // the folder of the environment, slash-separated; default: the whole repository
	Environment string // default: "default"
	Forge       Forge  // the kind of server, for its token; default: derived from the host

	Direct    bool // commit to Branch instead of the review branch
	Overwrite bool // replace files that were changed by hand, and files of others
	DryRun    bool // do everything but the push

	Others *Others // edits files of others; nil: they are kept

	Describe func(Change) (Message, error) // writes the commit message; called again after each lost race
	Source   string                        // REPO@SHA of the intents, for a trailer

	Author  Identity      // default: git's environment variables and configuration
	Now     time.Time     // default: git's environment variables, else SOURCE_DATE_EPOCH, else the clock
	Timeout time.Duration // for the whole publish; default: two minutes
	Dir     string        // the folder of the project, from which relative repositories and git's configuration are found

	Warnings map[diag.Code]diag.Level // the level of each warning
	Secrets  *Secrets                 // collects every secret that is used; may be nil

	Getenv func(string) string // default: the environment of the process
}

// Identity is a name and an email address.
type Identity struct{ Name, Email string }

// Message is the text of a commit. Trailers are added to it.
type Message struct {
	Title    string    // one line
	Body     string    // plain text; may be empty
	Findings diag.List // about the change; errors stop the publish
}

// Change is what a publish does to the files of meshc in the folder Options.Path. Paths are relative to that folder.
type Change struct {
	Old      []targets.File // the old files without the lock, sorted by path; unchanged ones share their data with New
	Lock     []targets.File // the old lock, if there was one
	New      []targets.File // the new files without the lock, sorted by path
	Written  []string       // files that are new or changed, including the lock, sorted
	Removed  []string       // files that are removed, sorted
	Others   []string       // files of others that are edited or removed, by their paths in the repository, sorted
	Gone     []targets.File // the manifests that are no longer in files of others
	Later    bool           // some of Gone stays until the next publish: see Others.Last
	Unlisted []string       // manifests of others that are no longer applied because of a new kustomization.yaml, sorted
}

// Result is the outcome of a publish.
type Result struct {
	Repository string // without secrets
	Review     string // the branch for proposals
	Base       string // the branch that controllers follow
	Branch     string // the branch of the commit: Base or Review
	Commit     string // the full hash of the new commit or the existing proposal; empty if there is neither
	UpToDate   bool   // the remote already had everything, so nothing was pushed
	Withdrawn  bool   // Base already has everything, so an outdated proposal on Review was deleted
	Change     Change
	Message    Message // from Options.Describe
	Attempts   int     // 1, plus one for each lost race
}

// ReviewBranch returns the branch for proposals to an environment in a folder of a repository: meshc/ENV for the whole
// repository, else meshc/ENV-FOLDER, so that several projects can propose to one repository.
func ReviewBranch(environment, folder string) string {
	branch := "meshc/" + cmp.Or(environment, "default")
	if folder = cleanFolder(folder); folder == "" {
		return branch
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, folder)
	if len(name) > maxFolderName {
		name = name[:maxFolderName] + "-" + strings.TrimPrefix(targets.Digest([]byte(folder)), "sha256:")[:8]
	}
	return branch + "-" + name
}

// maxFolderName keeps the name of a branch, which git may store as a file, within the limits of file names.
const maxFolderName = 100

// cleanFolder normalizes the path of a folder in a repository. The root is empty.
func cleanFolder(folder string) string {
	if folder = strings.Trim(strings.TrimPrefix(folder, "./"), "/"); folder == "." {
		return ""
	}
	return folder
}

// Publish commits files to a branch. Their paths are relative to the folder Options.Path, and they include the lock.
// Files of meshc that are no longer in the delivery are removed; all others are kept. If a finding is an error, nothing
// was published. The error is an *Error, whose text contains no secrets.
func Publish(ctx context.Context, files []targets.File, o Options) (Result, diag.List, error) {
	p, cancel, err := newPublisher(ctx, files, o)
	if err != nil {
		return Result{}, nil, err
	}
	defer cancel()
	result, findings, err := p.run()
	return result, findings, p.explain(err)
}

// Fetch reads the files that a publish of files would replace on the branch that controllers follow: the lock and the
// files that it lists, or the files at the same paths if there is no lock. They are sorted by path.
func Fetch(ctx context.Context, files []targets.File, o Options) ([]targets.File, error) {
	p, cancel, err := newPublisher(ctx, files, o)
	if err != nil {
		return nil, err
	}
	defer cancel()
	there, err := p.readPublished()
	return there, p.explain(err)
}
