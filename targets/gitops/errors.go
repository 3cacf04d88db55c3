package gitops

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Kind classifies the reasons for a failed publish.
type Kind uint8

const (
	Invalid      Kind = iota + 1 // invalid options
	Unreachable                  // no connection, or a broken one
	TimedOut                     // no answer in time
	Unauthorized                 // missing or rejected credentials
	NotFound                     // no such repository or revision
	Empty                        // the repository has no commit to propose a change to
	NoBranch                     // no such branch
	Refused                      // the remote rejects the commit: a hook, a protected branch
	Garbled                      // the answer is not git's protocol
	Contended                    // too many lost races
	Unusable                     // a path in the repository is not what it must be, such as a folder
	BadLock                      // the lock cannot be read, or belongs to another environment
	NewerLock                    // the lock was written by a later version of meshc
	Taken                        // the review branch holds a proposal for another environment or folder
	Unsupported                  // an unsupported kind of repository or signature
)

// Error is the reason for a failed publish. Its text contains no secrets.
type Error struct {
	Kind    Kind
	Message string   // lower case, no full stop
	Help    string   // a remedy; may be empty
	Remote  []string // the lines that the remote printed

	cause error // for errors.Is only, because its text may contain secrets
}

func (e *Error) Error() string {
	if len(e.Remote) > 0 {
		return e.Message + ": " + strings.Join(e.Remote, "; ")
	}
	return e.Message
}

// Is reports whether the cause is target, without exposing the cause.
func (e *Error) Is(target error) bool { return e.cause != nil && errors.Is(e.cause, target) }

func fail(kind Kind, help, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Help: help}
}

// explain turns any error into an *Error without secrets.
func (p *publisher) explain(err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = p.classify(err)
	}
	clean := *e
	clean.Message = p.secrets.Redact(strings.TrimSpace(e.Message))
	clean.Help = p.secrets.Redact(e.Help)
	clean.Remote = nil
	for _, line := range e.Remote {
		clean.Remote = append(clean.Remote, p.secrets.Redact(line))
	}
	return &clean
}

func (p *publisher) classify(err error) *Error {
	kind, message, help := p.verdict(err)
	return &Error{Kind: kind, Message: message, Help: help, cause: err}
}

func (p *publisher) verdict(err error) (kind Kind, message, help string) {
	where := p.name
	var (
		op      *net.OpError
		dns     *net.DNSError
		status  *githttp.Err
		invalid *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		wait    net.Error
	)
	err = unwrap(err)
	if broken := p.remote.broken(); broken != nil {
		err = broken
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return TimedOut, fmt.Sprintf("%s did not answer within %s", where, p.timeout), "try again, or give it longer with --timeout"
	case errors.Is(err, context.Canceled):
		return TimedOut, "the publish was cancelled", ""
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		if other := p.remote.redirectsTo(); other != "" {
			return Unauthorized, fmt.Sprintf("%s redirects to %s, and credentials are not sent there", where, other), "give the address at " + other + " as the repository"
		}
		if p.user.from == "" {
			return Unauthorized, where + " requires credentials and none were found", p.credentialHelp()
		}
		return Unauthorized, fmt.Sprintf("%s rejects the credentials from %s", where, p.user.from),
			"check that they allow writing to the repository and have not expired"
	case errors.Is(err, transport.ErrRepositoryNotFound), errors.Is(err, git.ErrRepositoryNotExists):
		if p.remote.endpoint.Protocol == "file" {
			return NotFound, "there is no repository at " + where, "check the path, or make one there with `git init --bare`"
		}
		help := "check the address; a private repository looks the same to an account without access"
		if token := p.token(); token.Refusal != "" {
			help += ". " + token.Refusal + ": " + token.Remedy
		}
		return NotFound, "there is no repository at " + where, help
	case errors.Is(err, plumbing.ErrObjectNotFound):
		return Garbled, where + " lacks an object that its commits refer to", "git fsck there shows what is missing"
	case errors.Is(err, exec.ErrNotFound):
		return Unsupported, "a repository on this disk is written by git itself, and there is no git on the PATH", "install git, or give the repository's URL"
	case errors.As(err, &invalid), errors.As(err, &unknown):
		return Unreachable, fmt.Sprintf("the certificate of %s is not trusted: %s", where, brief(err)), "add its authority to this machine, or name a file of authorities in SSL_CERT_FILE"
	case errors.As(err, &dns):
		return Unreachable, fmt.Sprintf("the name %s cannot be resolved", dns.Name), "check the address of the repository"
	case errors.As(err, &status):
		if status.StatusCode() >= http.StatusInternalServerError {
			return Unreachable, fmt.Sprintf("%s answered %d", where, status.StatusCode()), "try again later"
		}
		return Garbled, fmt.Sprintf("%s answered %d", where, status.StatusCode()), "check that the address is that of a git repository"
	case strings.Contains(err.Error(), "knownhosts:"), strings.Contains(err.Error(), "known_hosts"):
		return Unauthorized, fmt.Sprintf("the host key of %s is not known: %s", where, brief(err)), "add it with ssh-keyscan once you have checked it, or name a file of keys in SSH_KNOWN_HOSTS"
	case strings.Contains(err.Error(), "ssh: handshake failed"), strings.Contains(err.Error(), "ssh: unable to authenticate"):
		return Unauthorized, fmt.Sprintf("%s rejects the keys from %s", where, p.user.from), "load the right key with ssh-add, or name it as IdentityFile in ~/.ssh/config"
	case errors.As(err, &wait) && wait.Timeout():
		return TimedOut, where + " did not answer in time", "try again, or give it longer with --timeout"
	case errors.As(err, &op), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, os.ErrClosed):
		return Unreachable, fmt.Sprintf("the connection to %s failed: %s", where, brief(err)), "check the address and try again"
	case errors.Is(err, os.ErrPermission):
		return Refused, fmt.Sprintf("no permission to use %s: %s", where, brief(err)), "check who owns the repository's files"
	}
	return Garbled, fmt.Sprintf("the answer of %s cannot be understood: %s", where, brief(err)), "check that the address is that of a git repository"
}

// unwrap removes the wrappers of go-git that hide an error from errors.Is.
func unwrap(err error) error {
	for {
		var unexpected *plumbing.UnexpectedError
		var permanent *plumbing.PermanentError
		switch {
		case errors.As(err, &unexpected):
			err = unexpected.Err
		case errors.As(err, &permanent):
			err = permanent.Err
		default:
			return err
		}
	}
}

// brief returns the first line of an error, truncated to 200 characters.
func brief(err error) string {
	text, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}
