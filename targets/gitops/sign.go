package gitops

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
)

// signer signs commits as git itself would, with the programs that git would use: keys may live in an agent
// or on a card, where no library reaches them. It is nil where git's configuration does not ask for it.
func (p *publisher) signer() func(context.Context, []byte) (string, error) {
	if !p.config.isTrue("commit.gpgsign") {
		return nil
	}
	key := p.config["user.signingkey"]
	switch format := firstOf(p.config["gpg.format"], "openpgp"); format {
	case "ssh":
		return func(ctx context.Context, text []byte) (string, error) { return p.signSSH(ctx, key, text) }
	case "openpgp":
		if key == "" {
			key = firstOf(p.o.Author.Email, p.getenv("GIT_COMMITTER_EMAIL"), p.config["user.email"])
		}
		program := firstOf(p.config["gpg.openpgp.program"], p.config["gpg.program"], "gpg")
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
		if err := firstError(err, file.Close()); err != nil {
			return "", err
		}
		args = append(args, file.Name(), "-U") // the private half is in the agent
	} else {
		if rest, ok := strings.CutPrefix(key, "~/"); ok {
			key = p.getenv("HOME") + "/" + rest
		}
		args = append(args, key)
	}
	return p.runSigner(ctx, text, firstOf(p.config["gpg.ssh.program"], "ssh-keygen"), args...)
}

// defaultKey is the first key that gpg.ssh.defaultKeyCommand prints, empty where there is none.
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

// runSigner gives the text to a program and takes the signature from its output.
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

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// lines is what a remote or a program said, without blank lines and not more than one reads.
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
