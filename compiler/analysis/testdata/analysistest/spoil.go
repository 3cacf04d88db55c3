package analysistest

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"github.com/meshc/meshc/targets"
)

// Swap is a change of manifests that one line does not come to.
type Swap struct {
	Old *regexp.Regexp
	New string
}

// Spoiler changes manifests at random, as a fault of what writes them would.
type Spoiler struct {
	Rand  *rand.Rand
	Swaps []Swap

	words []string // the values of all lines
}

// Learn takes the values that a line may get from manifests.
func (s *Spoiler) Learn(manifests []targets.Manifest) {
	for _, m := range manifests {
		for line := range strings.Lines(m.YAML) {
			s.words = append(s.words, strings.TrimLeft(line[value(line):], " "))
		}
	}
}

// Spoil changes one line of an object, which is lost or has the value of another line, or something that many objects
// have.
func (s *Spoiler) Spoil(text string) string {
	if s.Rand.IntN(3) == 0 {
		swap := s.Swaps[s.Rand.IntN(len(s.Swaps))]
		return swap.Old.ReplaceAllString(text, swap.New)
	}
	lines := slices.Collect(strings.Lines(text))
	i := s.Rand.IntN(len(lines))
	if s.Rand.IntN(4) == 0 {
		return strings.Join(slices.Delete(lines, i, i+1), "")
	}
	lines[i] = lines[i][:value(lines[i])] + s.words[s.Rand.IntN(len(s.words))]
	return strings.Join(lines, "")
}

// value is where the value of a line begins.
func value(line string) int {
	if at := strings.Index(line, ": "); at >= 0 {
		return at + len(": ")
	}
	return strings.LastIndex(line[:len(line)-1], " ") + 1
}
