package diag

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// GitLab writes findings as a report of code quality, which GitLab shows in the widget and the diff of a merge request:
// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
func GitLab(w io.Writer, l List) error {
	type lines struct {
		Begin int `json:"begin"`
	}
	type location struct {
		Path  string `json:"path"`
		Lines lines  `json:"lines"`
	}
	type finding struct {
		Description string   `json:"description"`
		Check       Code     `json:"check_name"`
		Fingerprint string   `json:"fingerprint"`
		Severity    string   `json:"severity"`
		Location    location `json:"location"`
	}
	report := make([]finding, 0, len(l))
	seen := map[string]int{}
	for _, d := range l {
		f := finding{Description: d.Plain(), Check: d.Code, Severity: [...]string{"info", "minor", "major"}[d.Severity], Location: location{"meshc.yaml", lines{1}}}
		if s := d.Primary; !s.IsZero() {
			f.Location = location{PrintableLine(s.File.Name), lines{s.StartPosition().Line}}
		}
		// Without the line, so that a finding stays the same when it moves; GitLab drops all but one with the same
		// fingerprint.
		same := string(d.Code) + "\x00" + f.Location.Path + "\x00" + d.Message
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", same, seen[same]))
		seen[same]++
		f.Fingerprint = hex.EncodeToString(sum[:])
		report = append(report, f)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}
