package targets

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	hexA = strings.Repeat("a1", 32)
	hexB = strings.Repeat("b2", 32)
)

func TestLock(t *testing.T) {
	files := []File{{"shop/b.yaml", []byte("b\n")}, {LockName, []byte("old")}, {"a.yaml", nil}}
	for _, environment := range []string{"", "prod"} {
		lock := NewLock(environment, files)
		require.Equal(t, []LockedFile{
			{"a.yaml", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
			{"shop/b.yaml", "sha256:0263829989b6fd954f72baaf2fc64bc2e2f01d692d4de72986ea808f6e99813f"},
		}, lock.Files)
		back, err := ParseLock(lock.Text())
		require.NoError(t, err)
		require.Equal(t, lock, back)
		digest, ok := back.Find("a.yaml")
		require.True(t, ok)
		require.Equal(t, Digest(nil), digest)
		_, ok = back.Find("b.yaml")
		require.False(t, ok)
	}
	require.Equal(t, `# The files here that meshc owns, with their digests. Written by meshc; do not edit.
format 1
environment prod
sha256:0263829989b6fd954f72baaf2fc64bc2e2f01d692d4de72986ea808f6e99813f shop/b.yaml
`, string(NewLock("prod", files[:1]).Text()))
}

// A lock says for which data planes a delivery was made, and what lies between two deliveries is made for those of the
// later one.
func TestLockHasDataplanes(t *testing.T) {
	plain := Layout(manifests("20 AuthorizationPolicy shop/b-ingress\n"), "prod")
	require.Equal(t, plain, WithDataplanes(plain, nil))
	made := WithDataplanes(plain, map[string]string{"shop": "ambient", "*": "sidecar"})
	for _, files := range [][]File{made, Between(plain, made, "prod", func(Named) bool { return true })} {
		for i, f := range files {
			if f.Path != LockName {
				require.Equal(t, plain[i], f)
				continue
			}
			require.Contains(t, string(f.Data), "format 2\nenvironment prod\ndataplane * sidecar\ndataplane shop ambient\nsha256:")
			lock, err := ParseLock(f.Data)
			require.NoError(t, err)
			require.Equal(t, map[string]string{"shop": "ambient", "*": "sidecar"}, lock.Dataplanes)
			require.Equal(t, f.Data, lock.Text())
		}
	}
}

// TestLockRefuses checks that an error names the line and a remedy.
func TestLockRefuses(t *testing.T) {
	restore := "; restore the file from git's history"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ".meshc.lock:1: no `format` line" + restore},
		{"only a comment", "# hello\n", ".meshc.lock:2: no `format` line" + restore},
		{"no format", "environment prod\n", ".meshc.lock:1: no `format` line" + restore},
		{"format of words", "format one\n", ".meshc.lock:1: no `format` line" + restore},
		{"format 0", "format 0\n", ".meshc.lock:1: no `format` line" + restore},
		{"newer", "# later\nformat 3\nwho knows\n", ".meshc.lock:2: format 3 is newer than this meshc, which knows 2; use a newer meshc"},
		{"no data planes", "format 2\nsha256:" + hexA + " a.yaml\n", ".meshc.lock:2: no `dataplane` line" + restore},
		{"early data planes", "format 1\ndataplane a ambient\n", ".meshc.lock:2: not `sha256:HEX PATH`" + restore},
		{"half a data plane", "format 2\ndataplane a\n", ".meshc.lock:2: not `dataplane NAMESPACE SETTING` in order" + restore},
		{"no data plane", "format 2\ndataplane * blah\n", ".meshc.lock:2: blah is not a data plane" + restore},
		{"a data plane in other words", "format 2\ndataplane a {ambient: {}}\n", ".meshc.lock:2: {ambient: {}} is not a data plane" + restore},
		{"data planes", "format 2\ndataplane b ambient\ndataplane a ambient\n", ".meshc.lock:3: not `dataplane NAMESPACE SETTING` in order" + restore},
		{"CRLF", "format 1\r\n", ".meshc.lock:1: line ends were changed to CRLF (`* -text` in .gitattributes keeps git from it)" + restore},
		{"no environment", "format 1\nenvironment \n", ".meshc.lock:2: no name after `environment`" + restore},
		{"cut short", "format 1\nsha256:" + hexA + " a.ya", ".meshc.lock:2: the last line is cut short" + restore},
		{"short digest", "format 1\nsha256:a1 a.yaml\n", ".meshc.lock:2: not `sha256:HEX PATH`" + restore},
		{"upper case", "format 1\nsha256:" + strings.ToUpper(hexA) + " a.yaml\n", ".meshc.lock:2: not `sha256:HEX PATH`" + restore},
		{"other digest", "format 1\nsha512:" + hexA + " a.yaml\n", ".meshc.lock:2: not `sha256:HEX PATH`" + restore},
		{"no path", "format 1\nsha256:" + hexA + "\n", ".meshc.lock:2: not `sha256:HEX PATH`" + restore},
		{"conflict", "format 1\n<<<<<<< HEAD\nsha256:" + hexA + " a.yaml\n", ".meshc.lock:2: not `sha256:HEX PATH`" + restore},
		{"blank line", "format 1\n\nsha256:" + hexA + " a.yaml\n", ".meshc.lock:2: not `sha256:HEX PATH`" + restore},
		{"outside", "format 1\nsha256:" + hexA + " ../a.yaml\n", ".meshc.lock:2: \"../a.yaml\" is not a path below the lock" + restore},
		{"absolute", "format 1\nsha256:" + hexA + " /etc/passwd\n", ".meshc.lock:2: \"/etc/passwd\" is not a path below the lock" + restore},
		{"itself", "format 1\nsha256:" + hexA + " .meshc.lock\n", ".meshc.lock:2: \".meshc.lock\" is not a path below the lock" + restore},
		{"order", "format 1\nsha256:" + hexA + " b.yaml\nsha256:" + hexB + " a.yaml\n", ".meshc.lock:3: a.yaml is not in order" + restore},
		{"twice", "format 1\nsha256:" + hexA + " a.yaml\nsha256:" + hexB + " a.yaml\n", ".meshc.lock:3: a.yaml is not in order" + restore},
		{"late environment", "format 1\nsha256:" + hexA + " a.yaml\nenvironment prod\n", ".meshc.lock:3: not `sha256:HEX PATH`" + restore},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseLock([]byte(c.text))
			require.EqualError(t, err, c.want)
		})
	}
}

// FuzzLock checks that a lock is written back byte for byte, except for comments.
func FuzzLock(f *testing.F) {
	f.Add([]byte("# x\nformat 1\nenvironment prod\nsha256:" + hexA + " a/b.yaml\nsha256:" + hexB + " c.yaml\n"))
	f.Add([]byte("format 1\n"))
	f.Add([]byte("format 2\nenvironment prod\ndataplane * ambient\ndataplane shop {ambient: {waypoint: edge}}\nsha256:" + hexA + " a.yaml\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lock, err := ParseLock(data)
		if err != nil {
			return
		}
		back, err := ParseLock(lock.Text())
		require.NoError(t, err)
		require.Equal(t, lock, back)
		want := string(data)
		for strings.HasPrefix(want, "#") {
			_, want, _ = strings.Cut(want, "\n")
		}
		_, got, _ := strings.Cut(string(lock.Text()), "\n")
		require.Equal(t, want, got)
	})
}
