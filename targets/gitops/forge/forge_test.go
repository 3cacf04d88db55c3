package forge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/gitops"
	"github.com/meshc/meshc/targets/gitops/forge"
)

const token = "tok-S3cret-0123456789"

// recorded is a server with the API of a forge, as observed on the real one. It keeps one pull request and records the
// requests.
type recorded struct {
	mu      sync.Mutex
	t       *testing.T
	pull    map[string]any // the open one, in the forge's own shape
	asked   []string       // METHOD PATH body
	refuses map[string]int // METHOD PATH to a status
}

func (r *recorded) serve(answer func(r *recorded, method, path string, body map[string]any) (int, any)) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		sent := req.Header.Get("Authorization")
		if sent != "Bearer "+token && sent != "token "+token && req.Header.Get("PRIVATE-TOKEN") != token {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"message":"Bad credentials %s"}`, token)
			return
		}
		data, err := io.ReadAll(req.Body)
		require.NoError(r.t, err)
		body := map[string]any{}
		if strings.HasPrefix(string(data), "{") {
			require.NoError(r.t, json.Unmarshal(data, &body))
		}
		line := req.Method + " " + req.URL.EscapedPath()
		if req.Method != http.MethodGet {
			line += " " + string(data)
		}
		r.asked = append(r.asked, strings.TrimSpace(line))
		w.Header().Set("Content-Type", "application/json")
		if status := r.refuses[req.Method+" "+req.URL.EscapedPath()]; status != 0 {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"message":"Validation Failed for %s","errors":[{"message":"nobody of that name"}]}`, token)
			return
		}
		status, out := answer(r, req.Method, req.URL.EscapedPath(), body)
		w.WriteHeader(status)
		require.NoError(r.t, json.NewEncoder(w).Encode(out))
	}))
	r.t.Cleanup(server.Close)
	return server.URL
}

// github answers as GitHub Enterprise does below /api/v3.
func github(r *recorded, method, path string, body map[string]any) (int, any) {
	const root = "/api/v3/repos/acme/env"
	list := []any{}
	if r.pull != nil {
		list = append(list, r.pull)
	}
	switch method + " " + path {
	case "GET " + root + "/pulls":
		return 200, list
	case "POST " + root + "/pulls":
		if r.pull != nil {
			return 422, map[string]any{"message": "Validation Failed", "errors": []any{map[string]any{"message": "A pull request already exists for acme:meshc/prod."}}}
		}
		r.pull = map[string]any{
			"number": 7, "html_url": "https://github.example.org/acme/env/pull/7", "state": "open", "title": body["title"], "body": body["body"], "draft": body["draft"],
			"user": map[string]any{"login": "bot"}, "labels": []any{}, "requested_reviewers": []any{},
			"head": map[string]any{"ref": body["head"]}, "base": map[string]any{"ref": body["base"]},
		}
		return 201, r.pull
	case "PATCH " + root + "/pulls/7":
		for k, v := range body {
			r.pull[k] = v
		}
		out := r.pull
		if body["state"] == "closed" {
			r.pull = nil
		}
		return 200, out
	case "POST " + root + "/issues/7/labels":
		return 200, []any{}
	case "GET " + root + "/pulls/7/reviews":
		return 200, []any{map[string]any{"user": map[string]any{"login": "Done"}, "state": "APPROVED"}}
	case "POST " + root + "/pulls/7/requested_reviewers":
		return 201, r.pull
	}
	return 404, map[string]any{"message": "Not Found"}
}

// gitlab answers as GitLab does below /api/v4.
func gitlab(r *recorded, method, path string, body map[string]any) (int, any) {
	const root = "/api/v4/projects/platform%2Fteams%2Fenv/merge_requests"
	list := []any{}
	if r.pull != nil {
		list = append(list, r.pull)
	}
	switch method + " " + path {
	case "GET " + root:
		return 200, list
	case "POST " + root:
		if r.pull != nil {
			return 409, map[string]any{"message": []any{"Another open merge request already exists for this source branch: !7"}}
		}
		r.pull = map[string]any{
			"id": 1007, "iid": 7, "web_url": "https://gitlab.example.org/platform/teams/env/-/merge_requests/7", "state": "opened",
			"title": body["title"], "description": body["description"], "source_branch": body["source_branch"], "target_branch": body["target_branch"],
			"source_project_id": 1, "target_project_id": 1, "author": map[string]any{"username": "bot"}, "labels": []any{}, "reviewers": []any{},
		}
		return 201, r.pull
	case "PUT " + root + "/7":
		for k, v := range body {
			r.pull[k] = v
		}
		out := r.pull
		if body["state_event"] == "close" {
			r.pull = nil
		}
		return 200, out
	case "GET /api/v4/users":
		return 200, []any{map[string]any{"id": 11, "username": "ann"}}
	}
	return 404, map[string]any{"message": "404 Not Found"}
}

func env(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// at returns an environment with tokens for a server.
func at(server string) func(string) string {
	return env("GITHUB_TOKEN", token, "GITHUB_HOST", server, "GITLAB_TOKEN", token, "GITLAB_HOST", server, "GITEA_TOKEN", token, "GITEA_HOST", server)
}

func start(t *testing.T, kind gitops.Forge) (*recorded, *forge.Forge) {
	t.Helper()
	r := &recorded{t: t, refuses: map[string]int{}}
	var url string
	if kind == gitops.GitHub {
		url = r.serve(github) + "/acme/env.git"
	} else {
		url = r.serve(gitlab) + "/platform/teams/env.git"
	}
	f, err := forge.Open(forge.Options{Repository: url, Kind: kind, Getenv: at(url)})
	require.NoError(t, err)
	return r, f
}

func request() forge.Request {
	return forge.Request{
		Head: "meshc/prod", Base: "main", Environment: "prod", Title: "meshc: prod: 1 connection opened", Body: "### Opened (1)\n",
		Labels: []string{"mesh"}, Reviewers: []string{"@ann", "done", "bot", "acme/platform"},
	}
}

const body = "<!-- meshc:prod -->\n### Opened (1)\n<!-- /meshc -->"

func TestOpenThenRenew(t *testing.T) {
	for kind, text := range map[gitops.Forge]string{gitops.GitHub: "body", gitops.GitLab: "description"} {
		t.Run(string(kind), func(t *testing.T) {
			r, f := start(t, kind)
			p, err := f.Ensure(t.Context(), request())
			require.NoError(t, err)
			require.True(t, p.Created)
			require.Equal(t, body, r.pull[text])

			// a person writes around the text, and only the text is updated
			r.pull[text] = "Please wait for the freeze.\r\n\r\n" + body + "\n\n- [x] checked"
			next := request()
			next.Title, next.Body = "meshc: prod: 2 connections opened", "### Opened (2)\n"
			p, err = f.Ensure(t.Context(), next)
			require.NoError(t, err)
			require.False(t, p.Created)
			require.Equal(t, "meshc: prod: 2 connections opened", r.pull["title"])
			require.Equal(t, "Please wait for the freeze.\n\n<!-- meshc:prod -->\n### Opened (2)\n<!-- /meshc -->\n\n- [x] checked", r.pull[text])

			url, err := f.Close(t.Context(), "meshc/prod", "main")
			require.NoError(t, err)
			require.Equal(t, p.URL, url)
			require.Nil(t, r.pull)
			url, err = f.Close(t.Context(), "meshc/prod", "main")
			require.NoError(t, err)
			require.Empty(t, url)
		})
	}
}

// A second publish without changes modifies nothing.
func TestNothingNew(t *testing.T) {
	for _, kind := range []gitops.Forge{gitops.GitHub, gitops.GitLab} {
		r, f := start(t, kind)
		plain := request()
		plain.Labels, plain.Reviewers = nil, nil
		_, err := f.Ensure(t.Context(), plain)
		require.NoError(t, err)
		r.asked = nil
		_, err = f.Ensure(t.Context(), plain)
		require.NoError(t, err)
		require.Len(t, r.asked, 1)
		require.True(t, strings.HasPrefix(r.asked[0], "GET "), r.asked[0])
	}
}

func TestReviewersAndLabels(t *testing.T) {
	r, f := start(t, gitops.GitHub)
	p, err := f.Ensure(t.Context(), request())
	require.NoError(t, err)
	require.Empty(t, p.Warnings)
	require.Contains(t, r.asked, `POST /api/v3/repos/acme/env/issues/7/labels ["mesh"]`)
	require.Contains(t, r.asked, `POST /api/v3/repos/acme/env/pulls/7/requested_reviewers {"reviewers":["ann"],"team_reviewers":["platform"]}`)

	r, f = start(t, gitops.GitLab)
	p, err = f.Ensure(t.Context(), request())
	require.NoError(t, err)
	require.Len(t, p.Warnings, 1)
	require.Regexp(t, "^ann, done, acme/platform could not be asked for a review: .*no such user: done, acme/platform$", p.Warnings[0])
	require.Contains(t, r.asked, `PUT /api/v4/projects/platform%2Fteams%2Fenv/merge_requests/7 {"reviewer_ids":[11]}`)
}

// Labels and reviewers that cannot be added are warnings.
func TestWarnings(t *testing.T) {
	r, f := start(t, gitops.GitHub)
	r.refuses["POST /api/v3/repos/acme/env/issues/7/labels"] = 403
	r.refuses["POST /api/v3/repos/acme/env/pulls/7/requested_reviewers"] = 422
	p, err := f.Ensure(t.Context(), request())
	require.NoError(t, err)
	require.Len(t, p.Warnings, 3) // ann and the platform are asked one at a time; done has reviewed
	require.Contains(t, p.Warnings[0], "the labels mesh could not be added")
	require.Contains(t, p.Warnings[1], "ann could not be asked for a review")
	require.Contains(t, p.Warnings[1], "nobody of that name")
	require.NotContains(t, strings.Join(p.Warnings, ""), token)
	require.NotNil(t, r.pull)
}

// A reviewer who cannot be requested does not prevent the others.
func TestOneReviewerIsRefused(t *testing.T) {
	r := &recorded{t: t, refuses: map[string]int{}}
	url := r.serve(func(r *recorded, method, path string, body map[string]any) (int, any) {
		if strings.HasSuffix(path, "/requested_reviewers") && strings.Contains(fmt.Sprint(body["reviewers"]), "stranger") {
			return 422, map[string]any{"message": "Reviews may only be requested from collaborators."}
		}
		return github(r, method, path, body)
	})
	f, err := forge.Open(forge.Options{Repository: url + "/acme/env.git", Kind: gitops.GitHub, Getenv: at(url)})
	require.NoError(t, err)
	asks := request()
	asks.Labels, asks.Reviewers = nil, []string{"@ann", "@stranger", "@acme/platform"}
	p, err := f.Ensure(t.Context(), asks)
	require.NoError(t, err)
	require.Len(t, p.Warnings, 1)
	require.Regexp(t, "^stranger could not be asked for a review: .* Reviews may only be requested from collaborators.$", p.Warnings[0])
	const ask = `POST /api/v3/repos/acme/env/pulls/7/requested_reviewers `
	require.Contains(t, r.asked, ask+`{"reviewers":["ann"]}`)
	require.Contains(t, r.asked, ask+`{"team_reviewers":["platform"]}`)
}

// Nothing that is sent contains a secret.
func TestNothingSecretIsSent(t *testing.T) {
	r := &recorded{t: t}
	secrets := &gitops.Secrets{}
	secrets.Add("", "of-another-door")
	url := r.serve(github)
	f, err := forge.Open(forge.Options{Repository: url + "/acme/env.git", Kind: gitops.GitHub, Secrets: secrets, Getenv: at(url)})
	require.NoError(t, err)
	leaks := request()
	leaks.Title, leaks.Body = "use "+token, "because `use "+token+" and of-another-door`"
	_, err = f.Ensure(t.Context(), leaks)
	require.NoError(t, err)
	require.Equal(t, "use [redacted]", r.pull["title"])
	require.Contains(t, r.pull["body"], "because `use [redacted] and [redacted]`")
}

func TestDraft(t *testing.T) {
	r, f := start(t, gitops.GitHub)
	draft := request()
	draft.Draft = true
	_, err := f.Ensure(t.Context(), draft)
	require.NoError(t, err)
	require.Equal(t, true, r.pull["draft"])

	r, f = start(t, gitops.GitLab)
	_, err = f.Ensure(t.Context(), draft)
	require.NoError(t, err)
	require.Equal(t, "Draft: meshc: prod: 1 connection opened", r.pull["title"])
	draft.Title = "meshc: prod: 1 connection closed"
	_, err = f.Ensure(t.Context(), draft)
	require.NoError(t, err)
	require.Equal(t, "Draft: meshc: prod: 1 connection closed", r.pull["title"])
	r.pull["title"] = "meshc: prod: 1 connection closed" // a person marked it as ready
	_, err = f.Ensure(t.Context(), draft)
	require.NoError(t, err)
	require.Equal(t, "meshc: prod: 1 connection closed", r.pull["title"])
}

// Of two publishers that open a pull request concurrently, the second updates that of the first.
func TestOpenedMeanwhile(t *testing.T) {
	r := &recorded{t: t, refuses: map[string]int{}}
	first := true
	url := r.serve(func(r *recorded, method, path string, body map[string]any) (int, any) {
		if method == "GET" && first {
			first = false
			status, out := github(r, method, path, body)
			github(r, "POST", "/api/v3/repos/acme/env/pulls", map[string]any{"title": "the other's", "body": "", "head": "meshc/prod", "base": "main"})
			return status, out
		}
		return github(r, method, path, body)
	})
	f, err := forge.Open(forge.Options{Repository: url + "/acme/env", Kind: gitops.GitHub, Getenv: at(url)})
	require.NoError(t, err)
	p, err := f.Ensure(t.Context(), request())
	require.NoError(t, err)
	require.False(t, p.Created)
	require.Equal(t, "meshc: prod: 1 connection opened", r.pull["title"])
}

func TestErrors(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		kind  gitops.Kind
		want  string
	}{
		"a bad token": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, `{"message":"Bad credentials: `+token+`"}`, http.StatusUnauthorized)
		}, gitops.Unauthorized, "answered 401: "},
		"not found": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
		}, gitops.NotFound, "answered 404: "},
		"too much": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, `{"message":"slow down"}`, http.StatusUnprocessableEntity)
		}, gitops.Refused, "answered 422: "},
		"a web page": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>"+token) }, gitops.Garbled, "invalid character"},
		"silence":    {func(w http.ResponseWriter, r *http.Request) { <-hang }, gitops.TimedOut, "did not answer in time"},
		"another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://localhost:1/steal", http.StatusFound)
		}, gitops.Garbled, "the forge redirects to localhost:1"},
	} {
		for kind, path := range map[gitops.Forge]string{gitops.GitHub: "/acme/env", gitops.GitLab: "/acme/env", gitops.Gitea: "/acme/env"} {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				server := httptest.NewServer(c.serve)
				t.Cleanup(server.CloseClientConnections)
				f, err := forge.Open(forge.Options{
					Repository: server.URL + path, Kind: kind, Timeout: 300 * time.Millisecond,
					Getenv: at(server.URL),
				})
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				_, err = f.Ensure(ctx, request())
				require.Error(t, err)
				var e *gitops.Error
				require.ErrorAs(t, err, &e)
				require.Contains(t, e.Error(), c.want)
				require.Equal(t, c.kind, e.Kind, e.Error())
				require.NotContains(t, fmt.Sprintf("%+v", *e), "S3cret")
			})
		}
	}
}

// A forge that answers without end does not fill the memory.
func TestAnswerWithoutEnd(t *testing.T) {
	for _, kind := range []gitops.Forge{gitops.GitHub, gitops.GitLab, gitops.Gitea} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			part := strings.Repeat("a", 1<<20)
			for _, err := io.WriteString(w, `[{"title":"`); err == nil; _, err = io.WriteString(w, part) {
			}
		}))
		defer server.Close()
		f, err := forge.Open(forge.Options{Repository: server.URL + "/acme/env", Kind: kind, Timeout: time.Minute, Getenv: at(server.URL)})
		require.NoError(t, err)
		_, err = f.Ensure(t.Context(), request())
		require.ErrorContains(t, err, "answered with more than an answer can have", kind)
	}
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		repository string
		env        []string
		want       string
	}{
		{"/srv/env.git", nil, "a repository on a disk has no pull requests"},
		{"https://git.example.org/acme/env", nil, "the kind of forge at git.example.org is not known"},
		{"https://github.com/acme/env", nil, "there is no token for the pull requests of github.com"},
		{"https://github.com/env", []string{"GITHUB_TOKEN", token}, `"env" is not OWNER/REPOSITORY`},
		{"http://gitea.example.org/acme/env", []string{"GITEA_TOKEN", token, "GITEA_HOST", "gitea.example.org"}, "GITEA_TOKEN would be sent to gitea.example.org unencrypted"},
	} {
		_, err := forge.Open(forge.Options{Repository: c.repository, Getenv: env(c.env...)})
		require.EqualError(t, err, c.want)
	}
	_, err := forge.Open(forge.Options{Repository: "https://git.example.org/acme/env", Getenv: env()})
	var e *gitops.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "set GITHUB_HOST, GITLAB_HOST or GITEA_HOST (for Forgejo too) to git.example.org in the environment", e.Help)
	_, err = forge.Open(forge.Options{Repository: "https://git.example.org/acme/env", Kind: gitops.GitLab, Getenv: env("GITLAB_TOKEN", token)})
	require.ErrorAs(t, err, &e)
	require.Equal(t, "GITLAB_TOKEN is not sent to git.example.org, which only the project names", e.Message)
	require.Equal(t, "set GITLAB_HOST=git.example.org in the environment if the token is for that server", e.Help)
	for _, repository := range []string{"git@github.com:acme/env.git", "ssh://git@gitlab.example.org:2222/a/b/env.git", "https://codeberg.org/acme/env"} {
		_, err := forge.Open(forge.Options{Repository: repository, Getenv: at("gitlab.example.org")})
		require.NoError(t, err, repository)
	}
}
