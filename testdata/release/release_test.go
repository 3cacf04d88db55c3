// Package release tests what `make release-snapshot` built. `make test` does not run it.
package release

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"crypto/x509"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	built = "../../build/release"
	shop  = "../../examples/shop"
)

// one returns the only file of the release that matches a pattern.
func one(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(built, pattern))
	require.NoError(t, err)
	require.Len(t, found, 1, "%s: run make release-snapshot", pattern)
	path, err := filepath.Abs(found[0])
	require.NoError(t, err)
	return path
}

// buildsShop runs a binary on the example of the README, in an empty environment.
func buildsShop(t *testing.T, command ...string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "manifests")
	cmd := exec.Command(command[0], append(command[1:], "build", shop, "-o", out)...)
	cmd.Env = []string{"HOME=/nonexistent"}
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	want, err := exec.Command("diff", "-r", "-x", ".meshc.lock", filepath.Join(shop, "manifests"), out).CombinedOutput()
	require.NoError(t, err, "%s", want)
}

// The archives of all platforms, the packages and the SBOMs are there, and the checksums are theirs.
func TestChecksums(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(built, "checksums.txt"))
	require.NoError(t, err)
	ending := map[string]int{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, ok, line)
		content, err := os.ReadFile(filepath.Join(built, name))
		require.NoError(t, err)
		assert.Equal(t, sum, fmt.Sprintf("%x", sha256.Sum256(content)), name)
		for _, suffix := range []string{".tar.gz", ".deb", ".rpm", ".apk", ".cdx.json"} {
			if strings.HasSuffix(name, suffix) {
				ending[suffix]++
			}
		}
	}
	assert.Equal(t, map[string]int{".tar.gz": 6, ".deb": 2, ".rpm": 2, ".apk": 2, ".cdx.json": 6}, ending)
	for _, recipe := range []string{"homebrew/meshc.rb", "scoop/meshc.json"} {
		text, err := os.ReadFile(one(t, recipe))
		require.NoError(t, err)
		sum := fmt.Sprintf("%x", sha256.Sum256(nil))
		assert.NotContains(t, string(text), sum)
		assert.Contains(t, string(text), "https://github.com/meshc/meshc/releases/download/v")
	}
}

// The archive is as the action wants it: meshc at its top, and man pages and completions beside it.
func TestArchive(t *testing.T) {
	f, err := os.Open(one(t, "meshc_*_linux_amd64.tar.gz"))
	require.NoError(t, err)
	defer f.Close()
	zip, err := gzip.NewReader(f)
	require.NoError(t, err)
	dir := t.TempDir()
	names := map[string]bool{}
	for files := tar.NewReader(zip); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		names[h.Name] = true
		assert.Equal(t, "root root", h.Uname+" "+h.Gname, h.Name)
		if h.Name == "meshc" {
			content, err := io.ReadAll(files)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "meshc"), content, 0o755))
		}
	}
	for _, name := range []string{"meshc", "LICENSE", "README.md", "man/meshc.1", "man/meshc-build.1", "completions/meshc.bash", "completions/meshc.zsh", "completions/meshc.fish", "completions/meshc.ps1"} {
		assert.Contains(t, names, name)
	}
	buildsShop(t, filepath.Join(dir, "meshc"))

	out, err := exec.Command(filepath.Join(dir, "meshc"), "version", "--format", "json").Output()
	require.NoError(t, err)
	var version struct{ Version, Commit, Date string }
	require.NoError(t, json.Unmarshal(out, &version))
	head, err := exec.Command("git", "log", "-1", "--format=%H").Output()
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSpace(string(head)), version.Commit)
	assert.NotEmpty(t, version.Date)
	assert.Contains(t, filepath.Base(one(t, "meshc_*_linux_amd64.tar.gz")), "_"+strings.TrimPrefix(version.Version, "v")+"_")
}

// dpkg installs the package into an empty root that has nothing else, not even dpkg's own files, and removes it without
// a trace.
func TestDeb(t *testing.T) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("needs dpkg")
	}
	root := t.TempDir()
	admin := filepath.Join(root, "var/lib/dpkg")
	for _, dir := range []string{"info", "updates", "triggers"} {
		require.NoError(t, os.MkdirAll(filepath.Join(admin, dir), 0o755))
	}
	for _, file := range []string{"status", "available"} {
		require.NoError(t, os.WriteFile(filepath.Join(admin, file), nil, 0o644))
	}
	dpkg := func(args ...string) string {
		cmd := exec.Command("dpkg", append([]string{"--root=" + root, "--force-not-root", "--force-bad-path", "--log=" + filepath.Join(root, "log")}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	dpkg("--install", one(t, "meshc_*_linux_amd64.deb"))
	assert.Contains(t, dpkg("--status", "meshc"), "install ok installed")
	buildsShop(t, filepath.Join(root, "usr/bin/meshc"))
	for _, file := range []string{"usr/share/man/man1/meshc.1", "usr/share/bash-completion/completions/meshc", "usr/share/zsh/site-functions/_meshc", "usr/share/fish/vendor_completions.d/meshc.fish", "usr/share/doc/meshc/copyright"} {
		assert.FileExists(t, filepath.Join(root, file))
	}
	if os.Geteuid() == 0 {
		out, err := exec.Command("chroot", root, "/usr/bin/meshc", "version").CombinedOutput()
		require.NoError(t, err, "it needs something of the machine: %s", out)
	}
	dpkg("--purge", "meshc")
	assert.NoFileExists(t, filepath.Join(root, "usr/bin/meshc"))
}

// An OCI layout: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
type (
	descriptor struct {
		Digest   string
		Platform struct{ OS, Architecture string }
	}
	manifest struct {
		Manifests, Layers []descriptor
		Config            descriptor
	}
	imageConfig struct {
		Architecture string
		Config       struct {
			Entrypoint, Env  []string
			User, WorkingDir string
		}
	}
)

// The image is unpacked and runs as a container would: in a root that has nothing else, and as its own user.
func TestImage(t *testing.T) {
	layout := one(t, "image")
	blob := func(d descriptor) []byte {
		content, err := os.ReadFile(filepath.Join(layout, "blobs", "sha256", strings.TrimPrefix(d.Digest, "sha256:")))
		require.NoError(t, err)
		require.Equal(t, d.Digest, fmt.Sprintf("sha256:%x", sha256.Sum256(content)))
		return content
	}
	index, err := os.ReadFile(filepath.Join(layout, "index.json"))
	require.NoError(t, err)
	var images manifest
	require.NoError(t, json.Unmarshal(index, &images))
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	require.Len(t, images.Manifests, len(machines))
	for _, image := range images.Manifests {
		t.Run(image.Platform.Architecture, func(t *testing.T) {
			var m manifest
			require.NoError(t, json.Unmarshal(blob(image), &m))
			var c imageConfig
			require.NoError(t, json.Unmarshal(blob(m.Config), &c))
			assert.Equal(t, image.Platform.Architecture, c.Architecture)
			root := t.TempDir()
			require.NoError(t, os.Chmod(root, 0o755))
			for _, layer := range m.Layers {
				unpack(t, root, blob(layer))
			}
			program, err := elf.Open(filepath.Join(root, c.Config.Entrypoint[0]))
			require.NoError(t, err)
			defer program.Close()
			assert.Equal(t, machines[c.Architecture], program.Machine)
			libraries, err := program.ImportedLibraries()
			assert.NoError(t, err)
			assert.Empty(t, libraries)
			for _, p := range program.Progs {
				assert.NotEqual(t, elf.PT_INTERP, p.Type, "it needs a loader")
			}
			authorities, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))
			require.NoError(t, err)
			assert.True(t, x509.NewCertPool().AppendCertsFromPEM(authorities))
			assert.Greater(t, strings.Count(string(authorities), "BEGIN CERTIFICATE"), 100)
			if c.Architecture == runtime.GOARCH {
				c.run(t, root)
			}
		})
	}
}

// The SBOM names the modules that are in the binary.
func TestSBOM(t *testing.T) {
	text, err := os.ReadFile(one(t, "meshc_*_linux_amd64.cdx.json"))
	require.NoError(t, err)
	var bom struct {
		Format     string `json:"bomFormat"`
		Components []struct{ Name string }
	}
	require.NoError(t, json.Unmarshal(text, &bom))
	assert.Equal(t, "CycloneDX", bom.Format)
	names := map[string]bool{}
	for _, c := range bom.Components {
		names[c.Name] = true
	}
	for _, name := range []string{"k8s.io/api", "istio.io/api", "github.com/go-git/go-git/v5", "github.com/spf13/cobra"} {
		assert.Contains(t, names, name)
	}
}
