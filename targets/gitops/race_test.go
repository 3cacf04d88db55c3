package gitops_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets/gitops"
)

const publishers = 10

// together runs some publishers concurrently.
func together(t *testing.T, publishers int, options func(n int) (gitops.Options, tree)) []gitops.Result {
	t.Helper()
	var (
		all      sync.WaitGroup
		start    = make(chan struct{})
		results  = make([]gitops.Result, publishers)
		findings = make([]diag.List, publishers)
		errs     = make([]error, publishers)
	)
	for n := range publishers {
		o, files := options(n)
		all.Go(func() {
			<-start
			results[n], findings[n], errs[n] = gitops.Publish(context.Background(), delivery(o.Environment, files), o)
		})
	}
	close(start)
	all.Wait()
	for n := range publishers {
		require.NoError(t, errs[n])
		require.Empty(t, texts(findings[n]))
	}
	return results
}

// Concurrent publishes to different folders all succeed, and the history is linear.
func TestRaceFolders(t *testing.T) {
	t.Parallel()
	// Over HTTP, each attempt takes a dozen processes of the server.
	for name, publishers := range map[string]int{"path": publishers, "HTTP with a token of the environment": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raceFolders(t, name, publishers)
		})
	}
}

func raceFolders(t *testing.T, name string, publishers int) {
	repository := bare(t)
	want := tree{"README.md": "hands off\n"}
	o := remotes(t, repository)[name]
	results := together(t, publishers, func(n int) (gitops.Options, tree) {
		o := o
		o.Environment, o.Path = fmt.Sprintf("e%d", n), fmt.Sprintf("clusters/e%d", n)
		files := shop().with("shop/10-a.yaml", fmt.Sprintf("a: %d\n", n))
		want = under(o.Path, delivery(o.Environment, files), want)
		return o, files
	})
	require.Equal(t, want, content(t, repository, "main"))
	require.Equal(t, fmt.Sprintln(1+publishers), run(t, repository, "git", "rev-list", "--count", "main"))
	require.Empty(t, run(t, repository, "git", "rev-list", "--merges", "main"))
	lost := 0
	for _, r := range results {
		lost += r.Attempts - 1
	}
	t.Logf("%d races lost on the way", lost)
}

// Concurrent publishes to one folder are all in the history, and the last one is the content.
func TestRaceOneFolder(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	o := direct(t, repository)
	results := together(t, publishers, func(n int) (gitops.Options, tree) {
		o := o
		o.Describe = func(gitops.Change) (gitops.Message, error) { return gitops.Message{Title: fmt.Sprint("n", n)}, nil }
		return o, shop().with("shop/10-a.yaml", fmt.Sprintf("a: %d\n", n))
	})
	require.Equal(t, fmt.Sprintln(1+publishers), run(t, repository, "git", "rev-list", "--count", "main"))
	history := strings.Fields(run(t, repository, "git", "rev-list", "main"))
	for n, r := range results {
		require.Contains(t, history, r.Commit, n)
	}
	require.Equal(t, fmt.Sprintf("a: %s\n", strings.TrimPrefix(log(t, repository, "main")[0], "n")), content(t, repository, "main")["prod/shop/10-a.yaml"])
}

// Concurrent proposals for one environment leave one branch with one of the commits.
func TestRaceReview(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	o := review(t, repository)
	together(t, publishers, func(n int) (gitops.Options, tree) {
		return o, shop().with("shop/10-a.yaml", fmt.Sprintf("a: %d\n", n))
	})
	require.Equal(t, run(t, repository, "git", "rev-parse", "main"), run(t, repository, "git", "rev-parse", "meshc/prod-prod^"))
	require.Len(t, content(t, repository, "meshc/prod-prod"), 6)
}

// If the history is replaced between read and push, the commit is on top of the new one.
func TestRaceUnrelatedHistory(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	o := direct(t, repository)
	asked := 0
	o.Describe = func(c gitops.Change) (gitops.Message, error) {
		if asked++; asked == 1 {
			other := bareWith(t, func(work string) { write(t, work, "OTHER.md", "another history\n") })
			run(t, other, "git", "push", "-q", "--force", repository, "main")
		}
		return gitops.Message{Title: "on the new history"}, nil
	}
	result := publish(t, delivery("prod", shop()), o)
	require.Equal(t, 2, asked)
	require.Equal(t, 2, result.Attempts)
	require.Equal(t, under("prod", delivery("prod", shop()), tree{"OTHER.md": "another history\n"}), content(t, repository, "main"))
}

// An edit by hand between read and push is found by the next attempt.
func TestRaceWithAPerson(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	o := direct(t, repository)
	publish(t, delivery("prod", shop()), o)
	asked := 0
	o.Describe = func(gitops.Change) (gitops.Message, error) {
		if asked++; asked == 1 {
			edit(t, repository, "main", func(work string) { write(t, work, "prod/shop/10-a.yaml", "a: 7\n") })
		}
		return gitops.Message{Title: "next"}, nil
	}
	_, findings, err := gitops.Publish(context.Background(), delivery("prod", shop().with("shop/10-b.yaml", "b: 2\n")), o)
	require.NoError(t, err)
	require.Equal(t, []string{"MESH4002 prod/shop/10-a.yaml was changed by hand"}, texts(findings))
}
