package gitops

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
)

// signer returns a function that signs commits with the programs that git is configured to use, because a key may be in
// an agent or on a smart card. It is nil if git is not configured to sign.
func (p *publisher) signer() func(context.Context, []byte) (string, error) {
	if !p.config.isTrue("commit.gpgsign") {
		return nil
	}
	key := p.config["user.signingkey"]
	switch format := cmp.Or(p.config["gpg.format"], "openpgp"); format {
	case "ssh":
		return func(ctx context.Context, text []byte) (string, error) { return p.signSSH(ctx, key, text) }
	case "openpgp":
		if key == "" {
			key = cmp.Or(p.o.Author.Email, p.getenv("GIT_COMMITTER_EMAIL"), p.config["user.email"])
		}
		program := cmp.Or(p.config["gpg.openpgp.program"], p.config["gpg.program"], "gpg")
		return func(ctx context.Context, text []byte) (string, error) {
			return p.runSigner(ctx, text, program, "--batch", "-bsau", key)
		}
	default:
		return func(context.Context, []byte) (string, error) {
			return "", fail(Unsupported, "sign with gpg.format ssh or openpgp", "git is configured to sign with %s, which meshc does not support", format)
		}
	}
}

func (p *publisher) signSSH(ctx context.Context, key string, text []byte) (string, error) {
	if key == "" {
		key = p.defaultKey(ctx)
	}
	if key == "" {
		return "", fail(Invalid, "set user.signingkey to the file of the key, or gpg.ssh.defaultKeyCommand", "git is configured to sign with SSH, but names no key")
	}
	args := []string{"-Y", "sign", "-n", "git", "-f"}
	literal, isLiteral := strings.CutPrefix(key, "key::")
	if isLiteral || strings.HasPrefix(key, "ssh-") {
		file, err := os.CreateTemp("", "meshc-key-*.pub")
		if err != nil {
			return "", err
		}
		defer os.Remove(file.Name())
		_, err = file.WriteString(literal + "\n")
		if err := errors.Join(err, file.Close()); err != nil {
			return "", err
		}
		args = append(args, file.Name(), "-U") // the private key is in the agent
	} else {
		if rest, ok := strings.CutPrefix(key, "~/"); ok {
			key = p.getenv("HOME") + "/" + rest
		}
		args = append(args, key)
	}
	return p.runSigner(ctx, text, cmp.Or(p.config["gpg.ssh.program"], "ssh-keygen"), args...)
}

// defaultKey returns the first key that gpg.ssh.defaultKeyCommand prints, if any.
func (p *publisher) defaultKey(ctx context.Context) string {
	command := p.config["gpg.ssh.defaultkeycommand"]
	if command == "" {
		return ""
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env = p.o.Dir, p.childEnv()
	out, err := cmd.Output()
	first, _, _ := strings.Cut(string(out), "\n")
	if first = strings.TrimSpace(first); err == nil && (strings.HasPrefix(first, "key::") || strings.HasPrefix(first, "ssh-")) {
		return first
	}
	return ""
}

// runSigner writes the text to a program and returns the signature that it prints.
func (p *publisher) runSigner(ctx context.Context, text []byte, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = p.o.Dir, p.childEnv(), bytes.NewReader(text)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err == nil && !bytes.Contains(out, []byte("-----BEGIN ")) {
		err = errors.New("it produced no signature")
	}
	if err != nil {
		e := fail(Invalid, "check that `git commit -S` works here, or turn commit.gpgsign off", "the commit cannot be signed with %s: %v", program, err)
		e.Remote = lines(said.String())
		return "", e
	}
	return string(out), nil
}

// lines splits the output of a remote or a program, without blank lines, and truncates it.
func lines(text string) []string {
	const most = 12
	var out []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", "\n")) {
		if line = strings.TrimSpace(line); line != "" && len(out) < most {
			if len(line) > 400 {
				line = strings.ToValidUTF8(line[:400], "") + "…"
			}
			out = append(out, line)
		}
	}
	return out
}
