package gitops

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/mail"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// gitConfig is git's configuration for a folder, by lower-case section and key. The last of several values wins, as in
// git.
type gitConfig map[string]string

// readGitConfig asks git, which resolves includes and scopes. Without git, it reads the user's file.
func readGitConfig(ctx context.Context, dir string, env []string) gitConfig {
	c := gitConfig{}
	out, err := gitCommand(ctx, dir, env, "config", "--list", "--null", "--includes").Output()
	if err == nil {
		for _, item := range strings.Split(string(out), "\x00") {
			key, value, _ := strings.Cut(item, "\n")
			c[canonicalKey(key)] = value
		}
		return c
	}
	if global, err := config.LoadConfig(config.GlobalScope); err == nil {
		c["user.name"], c["user.email"] = global.User.Name, global.User.Email
		for _, s := range global.Raw.Sections {
			for _, o := range s.Options {
				c[canonicalKey(s.Name+"."+o.Key)] = o.Value
			}
		}
	}
	return c
}

// gitCommand returns a command of git in the work tree around a folder, or outside of any. In the folder itself, git
// could find a bare repository among the files of the project, and run the commands in its configuration. Of the work
// tree's own configuration, neither a monitor nor a hook is run on the side.
func gitCommand(ctx context.Context, dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull}, args...)...)
	cmd.Dir, cmd.Env = workTree(dir), env
	if cmd.Dir == "" {
		cmd.Dir, cmd.Env = dir, append(slices.Clip(env), "GIT_DIR="+os.DevNull)
	}
	return cmd
}

// rewritten returns the address that git uses in place of one, by the settings url.BASE.insteadOf.
func (p *publisher) rewritten(address string) string {
	isSet := func(key string) bool { return strings.HasPrefix(key, "url.") && strings.HasSuffix(key, ".insteadof") }
	if !strings.Contains(address, ":") || !slices.ContainsFunc(slices.Collect(maps.Keys(p.config)), isSet) {
		return address
	}
	out, err := gitCommand(p.ctx, p.o.Dir, p.childEnv(), "ls-remote", "--get-url", "--", address).Output()
	if used := strings.TrimSpace(string(out)); err == nil && used != "" {
		return used
	}
	return address
}

// canonicalKey converts section and key to lower case, but not the subsection, which is case-sensitive.
func canonicalKey(key string) string {
	first, last := strings.IndexByte(key, '.'), strings.LastIndexByte(key, '.')
	if first < 0 || first == last {
		return strings.ToLower(key)
	}
	return strings.ToLower(key[:first]) + key[first:last] + strings.ToLower(key[last:])
}

func (c gitConfig) isTrue(key string) bool {
	switch strings.ToLower(c[key]) {
	case "true", "yes", "on", "1":
		return true
	}
	return false
}

// signatures returns the author and the committer of a commit, from the options, else from git's environment variables,
// else from its configuration. The date is that of the options, of git's variables, SOURCE_DATE_EPOCH or the clock.
func (p *publisher) signatures() (author, committer object.Signature, err error) {
	who := func(role string) (object.Signature, error) {
		name := cmp.Or(p.o.Author.Name, p.getenv("GIT_"+role+"_NAME"), p.config["user.name"], "meshc")
		address := cmp.Or(p.o.Author.Email, p.getenv("GIT_"+role+"_EMAIL"), p.config["user.email"], p.getenv("EMAIL"), "meshc@localhost")
		when := p.o.Now
		for _, variable := range []string{"GIT_" + role + "_DATE", "SOURCE_DATE_EPOCH"} {
			if text := p.getenv(variable); when.IsZero() && text != "" {
				t, ok := parseDate(text)
				if !ok {
					return object.Signature{}, fail(Invalid, "write it as 2027-03-31T12:00:00Z or @SECONDS", "%s is not a date: %q", variable, text)
				}
				when = t
			}
		}
		if when.IsZero() {
			when = p.started
		}
		// These characters end a field of a commit.
		clean := strings.NewReplacer("<", "", ">", "", "\n", " ", "\x00", "")
		return object.Signature{Name: clean.Replace(name), Email: clean.Replace(address), When: when.Truncate(time.Second)}, nil
	}
	if author, err = who("AUTHOR"); err != nil {
		return
	}
	committer, err = who("COMMITTER")
	return
}

// parseDate parses the formats that git accepts in GIT_AUTHOR_DATE: its internal format, RFC 2822, and variants of ISO
// 8601 (https://git-scm.com/docs/git-commit#_date_formats). A date without a zone is local, as in git.
func parseDate(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if seconds, zone, _ := strings.Cut(strings.TrimPrefix(text, "@"), " "); seconds != "" {
		if n, err := strconv.ParseInt(seconds, 10, 64); err == nil {
			t := time.Unix(n, 0).UTC()
			if offset, err := time.Parse("-0700", zone); err == nil {
				t = t.In(offset.Location())
			}
			return t, true
		}
	}
	if t, err := mail.ParseDate(text); err == nil {
		return t, true
	}
	cut := strings.IndexAny(text, "T ")
	if cut < 0 {
		return time.Time{}, false
	}
	clock := strings.Replace(text[cut+1:], " ", "", 1)
	for _, day := range []string{"2006-01-02", "2006.01.02", "2006/01/02", "01/02/2006", "02.01.2006"} {
		for _, at := range []string{"15:04:05", "15:04"} {
			for _, zone := range []string{"", "Z07:00", "Z0700", "Z07"} {
				if t, err := time.ParseInLocation(day+" "+at+zone, text[:cut]+" "+clock, time.Local); err == nil {
					return t, true
				}
			}
		}
	}
	return time.Time{}, false
}

// childEnv returns the environment for child processes, which must not prompt.
func (p *publisher) childEnv() []string {
	if p.o.Getenv == nil {
		return append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	}
	env := []string{"GIT_TERMINAL_PROMPT=0"}
	for _, key := range []string{
		"PATH", "HOME", "XDG_CONFIG_HOME", "USER", "LANG", "TMPDIR", "GNUPGHOME", "GPG_TTY", "SSH_AUTH_SOCK",
		"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
	} {
		if v := p.o.Getenv(key); v != "" {
			env = append(env, fmt.Sprintf("%s=%s", key, v))
		}
	}
	return env
}
