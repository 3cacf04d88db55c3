package gitops_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

// Publish proposes a delivery on a branch of its own. Publishing it again changes nothing.
func ExamplePublish() {
	dir, err := os.MkdirTemp("", "example-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	repository := filepath.Join(dir, "env.git")
	if err := gitops.Init(repository, time.Unix(0, 0)); err != nil {
		fmt.Println(err)
		return
	}
	files := targets.Layout([]targets.Manifest{
		{Kind: "PeerAuthentication", Namespace: "shop", Name: "default", Wave: 20, YAML: "mode: STRICT\n"},
	}, "prod")
	for range 2 {
		result, findings, err := gitops.Publish(context.Background(), files, gitops.Options{
			Repository:  repository,
			Environment: "prod",
			Describe: func(c gitops.Change) (gitops.Message, error) {
				return gitops.Message{Title: fmt.Sprintf("meshc: prod: %d files", len(c.Written))}, nil
			},
		})
		if err != nil || findings.HasErrors() {
			fmt.Println(err, findings.Err())
			return
		}
		fmt.Println(result.Branch, result.Base, len(result.Change.Written), result.UpToDate)
	}
	// Output:
	// meshc/prod main 4 false
	// meshc/prod main 4 true
}
