package forge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/gitops"
	"github.com/meshc/meshc/targets/gitops/forge"
)

// conversation is the comments of pull request 7, in the shape of a forge. Its token is that of bot, or of a job.
type conversation struct {
	kind     gitops.Forge
	job      bool
	comments []map[string]any
}

func (c *conversation) say(author, body string) map[string]any {
	n := len(c.comments) + 1
	url := fmt.Sprintf("https://forge.example.org/acme/shop/pull/7#%d", n)
	user := map[string]any{"login": author, "username": author, "id": n, "type": "User"}
	if strings.HasSuffix(author, "[bot]") {
		user["type"], user["id"] = "Bot", -2
	}
	comment := map[string]any{"id": n, "body": body, "html_url": url, "user": user, "author": user}
	c.comments = append(c.comments, comment)
	return comment
}

func (c *conversation) answer(_ *recorded, method, path string, body map[string]any) (int, any) {
	self := "bot"
	if c.job {
		self = "github-actions[bot]"
	}
	for _, root := range []string{"/api/v3", "/api/v4", "/api/v1"} {
		path = strings.TrimPrefix(path, root)
	}
	list := map[gitops.Forge]string{gitops.GitHub: "/repos/acme/shop/issues/7/comments", gitops.Gitea: "/repos/acme/shop/issues/7/comments", gitops.GitLab: "/projects/acme%2Fshop/merge_requests/7/notes"}[c.kind]
	one := "/repos/acme/shop/issues/comments/"
	if c.kind == gitops.GitLab {
		one = list + "/"
	}
	switch {
	case method == "GET" && path == "/user" && c.job:
		return 403, map[string]any{"message": "Resource not accessible by integration"}
	case method == "GET" && path == "/user":
		return 200, map[string]any{"login": self, "username": self}
	case method == "GET" && path == list:
		return 200, c.comments
	case method == "POST" && path == list:
		return 201, c.say(self, body["body"].(string))
	case (method == "PATCH" || method == "PUT") && strings.HasPrefix(path, one):
		for _, said := range c.comments {
			if fmt.Sprint(said["id"]) == strings.TrimPrefix(path, one) {
				said["body"] = body["body"]
				return 200, said
			}
		}
	}
	return 404, map[string]any{"message": "Not Found"}
}

func TestComment(t *testing.T) {
	for _, test := range []struct {
		kind gitops.Forge
		job  bool
	}{{gitops.GitHub, false}, {gitops.GitHub, true}, {gitops.GitLab, false}, {gitops.Gitea, false}} {
		t.Run(fmt.Sprint(test.kind, test.job), func(t *testing.T) {
			r := &recorded{t: t, refuses: map[string]int{}}
			c := &conversation{kind: test.kind, job: test.job}
			url := r.serve(func(r *recorded, method, path string, body map[string]any) (int, any) {
				return c.answer(r, method, path, body)
			}) + "/acme/shop"
			// The comment of somebody who wants meshc to write into it.
			trap := "<!-- meshc:comment/prod -->\nlooks good"
			c.say("eve", trap)
			f, err := forge.Open(forge.Options{Repository: url, Kind: test.kind, Getenv: at(url)})
			require.NoError(t, err)

			at, err := f.Comment(t.Context(), 7, "prod", "one, with "+token)
			require.NoError(t, err)
			assert.NotEmpty(t, at)
			require.Len(t, c.comments, 2)
			assert.Equal(t, "<!-- meshc:comment/prod -->\none, with [redacted]\n", c.comments[1]["body"])

			again, err := f.Comment(t.Context(), 7, "prod", "two")
			require.NoError(t, err)
			assert.Equal(t, at, again)
			_, err = f.Comment(t.Context(), 7, "staging", "other")
			require.NoError(t, err)
			require.Len(t, c.comments, 3)
			assert.Equal(t, trap, c.comments[0]["body"])
			assert.Equal(t, "<!-- meshc:comment/prod -->\ntwo\n", c.comments[1]["body"])

			asked := len(r.asked)
			_, err = f.Comment(t.Context(), 7, "prod", "two")
			require.NoError(t, err)
			assert.Len(t, r.asked, asked+2, "the same text is not written again")

			_, err = f.Comment(t.Context(), 7, "prod", strings.Repeat("é", forge.Limit))
			require.NoError(t, err)
			assert.LessOrEqual(t, len(c.comments[1]["body"].(string)), forge.Limit)
		})
	}
}

func TestPullRequest(t *testing.T) {
	for address, want := range map[string]forge.PullRequest{
		"https://github.com/acme/shop/pull/7":                             {Repository: "https://github.com/acme/shop", Number: 7},
		"https://git.example.org/acme/shop/pulls/7/":                      {Repository: "https://git.example.org/acme/shop", Kind: gitops.Gitea, Number: 7},
		"https://gitlab.com/acme/deep/shop/-/merge_requests/7?tab=x#note": {Repository: "https://gitlab.com/acme/deep/shop", Kind: gitops.GitLab, Number: 7},
	} {
		p, err := forge.ParsePullRequest(address)
		require.NoError(t, err)
		assert.Equal(t, want, p)
	}
	for _, address := range []string{"", "7", "https://github.com/acme/shop", "https://github.com/acme/shop/pull/x", "/acme/shop/pull/7"} {
		_, err := forge.ParsePullRequest(address)
		assert.EqualError(t, err, address+" is not the URL of a pull request")
	}
	for name, test := range map[string]struct {
		env  []string
		want forge.PullRequest
	}{
		"github": {[]string{"GITHUB_REF", "refs/pull/7/merge", "GITHUB_SERVER_URL", "https://github.com", "GITHUB_REPOSITORY", "acme/shop"},
			forge.PullRequest{Repository: "https://github.com/acme/shop", Kind: gitops.GitHub, Number: 7}},
		"gitea": {[]string{"GITEA_ACTIONS", "true", "GITHUB_REF", "refs/pull/7/head", "GITHUB_SERVER_URL", "https://git.example.org/", "GITHUB_REPOSITORY", "acme/shop"},
			forge.PullRequest{Repository: "https://git.example.org/acme/shop", Kind: gitops.Gitea, Number: 7}},
		"gitlab": {[]string{"CI_MERGE_REQUEST_IID", "7", "CI_MERGE_REQUEST_PROJECT_URL", "https://gitlab.com/acme/shop"},
			forge.PullRequest{Repository: "https://gitlab.com/acme/shop", Kind: gitops.GitLab, Number: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := forge.PullRequestOfJob(env(test.env...))
			require.NoError(t, err)
			assert.Equal(t, test.want, p)
		})
	}
	_, err := forge.PullRequestOfJob(env("GITHUB_REF", "refs/heads/main"))
	assert.ErrorContains(t, err, "the environment names no pull request")
}
