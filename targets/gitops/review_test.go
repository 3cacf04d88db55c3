package gitops_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets/gitops"
)

// An environment has one proposal: a single commit on top of the base, which is replaced.
func TestReview(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	o := review(t, repository)
	main := run(t, repository, "git", "rev-parse", "main")

	first := publish(t, delivery("prod", shop()), o)
	require.Equal(t, "meshc/prod-prod", first.Branch)
	require.Equal(t, "main", first.Base)
	require.Equal(t, main, run(t, repository, "git", "rev-parse", "main"))
	require.Equal(t, main, run(t, repository, "git", "rev-parse", "meshc/prod-prod^"))

	same := publish(t, delivery("prod", shop()), o)
	require.True(t, same.UpToDate)
	require.Equal(t, first.Commit, same.Commit)
	require.Equal(t, "meshc: prod: 1 connection opened", same.Message.Title) // so that the pull request can be renewed

	next := delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n"))
	second := publish(t, next, o)
	require.NotEqual(t, first.Commit, second.Commit)
	require.Equal(t, main, run(t, repository, "git", "rev-parse", "meshc/prod-prod^"))
	require.Equal(t, under("prod", next, tree{"README.md": "hands off\n"}), content(t, repository, "meshc/prod-prod"))

	edit(t, repository, "main", func(work string) { write(t, work, "README.md", "moved on\n") })
	third := publish(t, next, o)
	require.Equal(t, run(t, repository, "git", "rev-parse", "main"), run(t, repository, "git", "rev-parse", "meshc/prod-prod^"))
	require.Equal(t, third.Commit+"\n", run(t, repository, "git", "rev-parse", "meshc/prod-prod"))
	require.Equal(t, under("prod", next, tree{"README.md": "moved on\n"}), content(t, repository, "meshc/prod-prod"))
}

func TestReviewAfterMerge(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"--ff-only", "--no-ff", "--squash"} {
		repository := bare(t)
		o := review(t, repository)
		publish(t, delivery("prod", shop()), o)
		edit(t, repository, "main", func(work string) { run(t, work, "git", "merge", "-q", how, "origin/meshc/prod-prod") })
		result := publish(t, delivery("prod", shop()), o)
		require.True(t, result.UpToDate, how)
		require.False(t, result.Withdrawn, how)
		require.Contains(t, run(t, repository, "git", "branch"), "meshc/prod-prod", how)
	}
}

// If the change is reverted at the source, the proposal is withdrawn.
func TestReviewWithdrawn(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	publish(t, delivery("prod", shop()), direct(t, repository))
	o := review(t, repository)
	publish(t, delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n")), o)

	o.DryRun = true
	require.True(t, publish(t, delivery("prod", shop()), o).Withdrawn)
	require.Contains(t, run(t, repository, "git", "branch"), "meshc/prod-prod")

	o.DryRun = false
	result := publish(t, delivery("prod", shop()), o)
	require.True(t, result.UpToDate)
	require.True(t, result.Withdrawn)
	require.NotContains(t, run(t, repository, "git", "branch"), "meshc/prod-prod")
}

// Edits to a proposal are not lost. A proposal that was only rebased or merged with its base may be replaced.
func TestReviewEdited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(t testing.TB, work string)
		want []string
	}{
		"a commit on top": {
			edit: func(t testing.TB, work string) { write(t, work, "prod/shop/10-a.yaml", "a: 7\n"); commitAll(t, work) },
			want: []string{"MESH4002 the branch meshc/prod-prod was changed by hand: prod/shop/10-a.yaml"},
		},
		"an amended commit": {
			edit: func(t testing.TB, work string) {
				write(t, work, "prod/shop/10-a.yaml", "a: 7\n")
				run(t, work, "git", "commit", "-q", "-a", "--amend", "--no-edit")
			},
			want: []string{"MESH4002 the branch meshc/prod-prod was changed by hand: prod/shop/10-a.yaml"},
		},
		"a file beside": {
			edit: func(t testing.TB, work string) { write(t, work, "prod/NOTES.md", "careful\n"); commitAll(t, work) },
			want: []string{"MESH4002 the branch meshc/prod-prod was changed by hand: prod/NOTES.md"},
		},
		"a file elsewhere": {
			edit: func(t testing.TB, work string) { write(t, work, "README.md", "better\n"); commitAll(t, work) },
			want: []string{"MESH4002 the branch meshc/prod-prod was changed by hand: README.md"},
		},
		"a file deleted elsewhere": {
			edit: func(t testing.TB, work string) { run(t, work, "git", "rm", "-q", "README.md"); commitAll(t, work) },
			want: []string{"MESH4002 the branch meshc/prod-prod was changed by hand: README.md"},
		},
		"merged with its base": {
			edit: func(t testing.TB, work string) {
				base(t, work)
				run(t, work, "git", "merge", "-q", "-m", "update", "main")
			},
		},
		"rebased": {
			edit: func(t testing.TB, work string) {
				base(t, work)
				run(t, work, "git", "rebase", "-q", "main")
			},
		},
		"an empty commit on top": {edit: commitAll},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := bare(t)
			publish(t, delivery("prod", shop()), direct(t, repository))
			o := review(t, repository)
			publish(t, delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n").without("shop/10-b.yaml")), o)
			editProposal(t, repository, func(work string) { c.edit(t, work) })
			was := run(t, repository, "git", "rev-parse", "meshc/prod-prod")

			next := delivery("prod", shop().with("shop/10-a.yaml", "a: 3\n"))
			_, findings, err := gitops.Publish(context.Background(), next, o)
			require.NoError(t, err)
			require.Equal(t, c.want, texts(findings))
			if c.want != nil {
				require.Equal(t, was, run(t, repository, "git", "rev-parse", "meshc/prod-prod"))
				o.Overwrite = true
				publish(t, next, o)
			}
			readme := run(t, repository, "git", "show", "main:README.md")
			require.Equal(t, under("prod", next, tree{"README.md": readme}), content(t, repository, "meshc/prod-prod"))
			require.Equal(t, run(t, repository, "git", "rev-parse", "main"), run(t, repository, "git", "rev-parse", "meshc/prod-prod^"))
		})
	}
}

// base adds a commit to main, from a clone of the proposal.
func base(t testing.TB, work string) {
	run(t, work, "git", "checkout", "-q", "main")
	write(t, work, "README.md", "moved on\n")
	run(t, work, "git", "commit", "-q", "-a", "-m", "moved on")
	run(t, work, "git", "push", "-q", "origin", "main")
	run(t, work, "git", "checkout", "-q", "meshc/prod-prod")
}

// editProposal changes the proposal by hand, and may rewrite its history.
func editProposal(t testing.TB, repository string, change func(work string)) {
	t.Helper()
	work := t.TempDir()
	run(t, work, "git", "clone", "-q", "-b", "meshc/prod-prod", repository, ".")
	run(t, work, "git", "branch", "-q", "main", "origin/main")
	change(work)
	run(t, work, "git", "push", "-q", "-f", "origin", "HEAD:meshc/prod-prod")
}

func commitAll(t testing.TB, work string) {
	t.Helper()
	run(t, work, "git", "add", "-A")
	run(t, work, "git", "commit", "-q", "--allow-empty", "-m", "by hand")
}

// Several projects can propose to one repository, and never replace the proposal of another.
func TestReviewBranches(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]string{
		"": "meshc/prod", ".": "meshc/prod", "./": "meshc/prod", "teams/t1": "meshc/prod-teams-t1", "/clusters/eu.west/": "meshc/prod-clusters-eu-west",
		strings.Repeat("a", 101): "meshc/prod-" + strings.Repeat("a", 100) + "-9d079339",
	} {
		require.Equal(t, want, gitops.ReviewBranch("prod", folder), folder)
	}
	require.Equal(t, "meshc/default-x", gitops.ReviewBranch("", "x"))

	repository := bare(t)
	o := review(t, repository)
	for _, folder := range []string{"teams/a", "teams/b", "."} {
		o.Path = folder
		require.Equal(t, gitops.ReviewBranch("prod", folder), publish(t, delivery("prod", shop()), o).Branch)
	}
	o.Path = "teams-a"
	e := refused(t, delivery("prod", shop()), o)
	require.Equal(t, gitops.Taken, e.Kind)
	require.Equal(t, "the branch meshc/prod-teams-a of "+repository+" already proposes a change to teams/a of the environment prod", e.Message)
	require.Equal(t, "give each environment of a repository a name or a path of its own", e.Help)
}

// The finding shows the edit.
func TestReviewShowsHandiwork(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	o := review(t, repository)
	publish(t, delivery("prod", shop()), o)
	editProposal(t, repository, func(work string) { write(t, work, "prod/shop/10-a.yaml", "a: 7\n"); commitAll(t, work) })
	result, findings, err := gitops.Publish(context.Background(), delivery("prod", shop()), o)
	require.NoError(t, err)
	require.Equal(t, repository, result.Repository)
	require.Len(t, findings, 1)
	require.Equal(t, []string{"--- on the branch\n+++ as meshc writes it\n@@ -1 +1 @@\n-a: 7\n+a: 1"}, findings[0].Notes)
}

// Manifests of others that a new kustomization.yaml leaves out are reported, and kept.
func TestUnlisted(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	const manifest = "apiVersion: v1\nkind: ConfigMap\n"
	edit(t, repository, "main", func(work string) {
		write(t, work, "prod/shop/legacy.yaml", manifest)
		write(t, work, "prod/shop/values.yaml", "replicas: 1\n")
		write(t, work, "prod/old/deep/job.json", `{"apiVersion": "batch/v1", "kind": "Job"}`)
		write(t, work, "staging/x.yaml", manifest)
	})
	o := direct(t, repository)
	var seen gitops.Change
	o.Describe = func(c gitops.Change) (gitops.Message, error) {
		seen = c
		return gitops.Message{Title: "x"}, nil
	}
	want := []string{"MESH4004 prod/old/deep/job.json, prod/shop/legacy.yaml are not named by the new kustomization.yaml, so a controller that reads the folder no longer applies what is there"}
	proposed := o
	proposed.Direct = false
	for _, o := range []gitops.Options{o, proposed} {
		_, findings, err := gitops.Publish(context.Background(), delivery("prod", shop()), o)
		require.NoError(t, err)
		require.Equal(t, []string{strings.Replace(want[0], "MESH4004", "MESH4001", 1)}, texts(findings), "directly and in a proposal it has to be confirmed")
	}
	require.NotContains(t, content(t, repository, "main"), "prod/kustomization.yaml")

	proposed.Overwrite, proposed.Warnings = true, map[diag.Code]diag.Level{diag.OmittedManifest: diag.Fail}
	_, findings, err := gitops.Publish(context.Background(), delivery("prod", shop()), proposed)
	require.NoError(t, err)
	require.True(t, findings.HasErrors())
	require.Equal(t, want, texts(findings))
	proposed.Warnings = nil
	_, findings, err = gitops.Publish(context.Background(), delivery("prod", shop()), proposed)
	require.NoError(t, err)
	require.False(t, findings.HasErrors())
	require.Equal(t, want, texts(findings))
	o.Overwrite = true
	_, findings, err = gitops.Publish(context.Background(), delivery("prod", shop()), o)
	require.NoError(t, err)
	require.False(t, findings.HasErrors())
	require.Equal(t, want, texts(findings))
	require.Equal(t, []string{"old/deep/job.json", "shop/legacy.yaml"}, seen.Unlisted)
	require.Equal(t, manifest, content(t, repository, "main")["prod/shop/legacy.yaml"])
	publish(t, delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n")), o) // it is said once
}

// The finding counts all manifests, however many there are.
func TestManyUnlisted(t *testing.T) {
	t.Parallel()
	repository := bareWith(t, func(work string) {
		for i := range 120 {
			write(t, work, fmt.Sprintf("prod/old/%d.yaml", i), "apiVersion: v1\nkind: ConfigMap\n")
		}
	})
	o := review(t, repository)
	o.Overwrite = true
	result, findings, err := gitops.Publish(context.Background(), delivery("prod", shop()), o)
	require.NoError(t, err)
	require.Len(t, result.Change.Unlisted, 120)
	require.Contains(t, findings[0].Message, " and 115 more are not named by")
}

// Without a lock, Fetch returns the files that a publish would take over.
func TestFetchWithoutLock(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	files := delivery("prod", shop())
	publish(t, files, direct(t, repository))
	edit(t, repository, "main", func(work string) { run(t, work, "git", "rm", "-q", "prod/.meshc.lock") })
	got, err := gitops.Fetch(context.Background(), files, direct(t, repository))
	require.NoError(t, err)
	require.Equal(t, map1(shop()), under("", got, nil))
	result := publish(t, files, direct(t, repository))
	require.Equal(t, []string{".meshc.lock"}, result.Change.Written)
}
