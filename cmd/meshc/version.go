package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// A release sets these with -ldflags "-X main.version=…". In other builds they are empty, and what the Go toolchain
// recorded counts.
var version, commit, date string

// buildVersion says which meshc this is. Commit and date, those of the commit, are empty if the build did not know
// them.
type buildVersion struct {
	Schema   string `json:"schema"`
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Modified bool   `json:"modified,omitempty"` // there were changes that were not committed
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, commit and date of meshc, and the Go version that built it",
		Args:  few(0, 0, "none"),
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			if format == "json" {
				text, err := answerJSON(thisBuild())
				if err != nil {
					return err
				}
				return writeOut(cmd, text)
			}
			return writeOut(cmd, []byte(versionLine()+"\n"))
		}),
	}
	registerFormat(cmd, &format, answerFormats...)
	return cmd
}

func thisBuild() buildVersion {
	b := buildVersion{Schema: "meshc.dev/version/v1", Version: version, Commit: commit, Date: date, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok && b.Version == "" {
		b.Version = info.Main.Version
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.time":
				b.Date = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	b.Version = cmp.Or(b.Version, "(devel)")
	return b
}

// versionLine is the version on one line, such as `meshc v1.2.3 (commit 6f3a…, 2027-03-15T10:00:00Z) linux/amd64
// go1.26.8`.
func versionLine() string {
	b := thisBuild()
	from := ""
	if b.Commit != "" {
		from = "commit " + b.Commit
		if b.Modified {
			from += " with changes"
		}
		from = fmt.Sprintf(" (%s, %s)", from, b.Date)
	}
	return fmt.Sprintf("meshc %s%s %s %s", b.Version, from, b.Platform, b.Go)
}
