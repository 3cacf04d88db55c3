package targets

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/meshc/meshc/lang/diag"
)

// The style of a scalar is that of go.yaml.in/yaml/v2, with which sigs.k8s.io/yaml writes: plain if it reads back as
// the same string under YAML 1.1, a literal block if it contains line feeds, else quoted; folded after column 80. The
// functions here are those of its emitter, reduced to strings. Only a string that a CI job would take for a command is
// quoted where it need not be.

const foldAfter = 80

// appendString appends s as a value. Its continuation lines are indented by indent.
func appendString(dst []byte, s string, indent int) []byte {
	if isPlainWord(s) {
		if !readsAsOther(s) {
			return append(dst, s...)
		}
		return append(append(append(dst, '"'), s...), '"')
	}
	return appendScalar(dst, s, indent, false)
}

// appendKey appends s as a simple key, which never folds.
func appendKey(dst []byte, s string) []byte {
	if isPlainWord(s) && !readsAsOther(s) {
		return append(dst, s...)
	}
	return appendScalar(dst, s, 0, true)
}

const maxSimpleKey = 128

// isSimpleKey reports whether a key fits on one line with its colon. Others are written with `? `.
func isSimpleKey(s string) bool {
	return len(s) <= maxSimpleKey && !strings.ContainsAny(s, "\r\n\u0085\u2028\u2029")
}

// inWord holds the bytes that need no quotes inside a word.
var inWord = func() (t [256]bool) {
	for c := '!'; c <= '~'; c++ {
		t[c] = c != ':' && c != '#'
	}
	return t
}()

// isPlainWord reports whether s is printable ASCII without blanks that needs quotes only if it reads as another type.
func isPlainWord(s string) bool {
	if s == "" || s[0] <= '.' && (strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...")) {
		return false
	}
	switch s[0] {
	case ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		return false
	case '-', '?':
		if len(s) == 1 {
			return false
		}
	}
	for i := range len(s) {
		if !inWord[s[i]] {
			return false
		}
	}
	return true
}

// shape is what a string contains that decides which styles can represent it.
type shape struct {
	indicator  bool // has a character with a meaning in a plain scalar
	special    bool // has a character that must be escaped
	breaks     bool
	leading    bool // begins with a space or break
	trailing   bool // ends with one
	endsBlank  bool // ends with a space
	breakSpace bool // has a space after a break
	spaceBreak bool // has a break after a space
}

func shapeOf(s string) (sh shape) {
	sh.indicator = strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...")
	afterBlank, space, brk := true, false, false
	for i := 0; i < len(s); {
		r, w := utf8.DecodeRuneInString(s[i:])
		last := i+w == len(s)
		beforeBlank := last || s[i+w] == ' ' || s[i+w] == '\t'
		switch r {
		case ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
			sh.indicator = sh.indicator || i == 0
		case '?', '-':
			sh.indicator = sh.indicator || i == 0 && beforeBlank
		case '#':
			sh.indicator = sh.indicator || afterBlank
		case ':':
			sh.indicator = sh.indicator || beforeBlank
		}
		if !printable(r) {
			sh.special = true
		}
		isBreak := isBreak(r)
		if r == ' ' || isBreak {
			sh.leading = sh.leading || i == 0
			sh.trailing = sh.trailing || last
		}
		switch {
		case r == ' ':
			sh.endsBlank = sh.endsBlank || last
			sh.breakSpace = sh.breakSpace || brk
		case isBreak:
			sh.breaks = true
			sh.spaceBreak = sh.spaceBreak || space
		}
		space, brk = r == ' ', isBreak
		afterBlank = r == ' ' || r == '\t' || r == 0 || isBreak
		i += w
	}
	return sh
}

func printable(r rune) bool {
	return r == '\n' || r >= ' ' && r <= '~' || r >= 0xA0 && r <= 0xFFFD && r != 0xFEFF
}

func isBreak(r rune) bool {
	return r == '\n' || r == '\r' || r == 0x85 || r == 0x2028 || r == 0x2029
}

// valid returns s with U+FFFD in place of each invalid byte, as in JSON.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

func appendScalar(dst []byte, s string, indent int, key bool) []byte {
	s = valid(s)
	sh := shapeOf(s)
	single := !sh.breakSpace && !sh.spaceBreak && !sh.special
	switch {
	case steersRunner(s, key):
		return appendDoubleQuoted(dst, s, indent, key)
	case strings.Contains(s, "\n"):
		if !key && !sh.endsBlank && !sh.spaceBreak && !sh.special {
			return appendLiteral(dst, s, indent)
		}
	case readsAsOther(s):
	case !sh.indicator && !sh.leading && !sh.trailing && !sh.breaks && single:
		return appendPlain(dst, s, indent, key)
	case single && !(key && sh.breaks):
		return appendSingleQuoted(dst, s, indent, key)
	}
	return appendDoubleQuoted(dst, s, indent, key)
}

func appendPlain(dst []byte, s string, indent int, key bool) []byte {
	column, space := columnOf(dst), false
	for i, r := range s {
		if r == ' ' && !key && !space && column > foldAfter && s[i+1] != ' ' {
			dst, column = newLine(dst, indent)
		} else {
			dst = utf8.AppendRune(dst, r)
			column++
		}
		space = r == ' '
	}
	return dst
}

func appendSingleQuoted(dst []byte, s string, indent int, key bool) []byte {
	dst = append(dst, '\'')
	column, space, brk := columnOf(dst), false, false
	for i, r := range s {
		switch {
		case r == ' ':
			if !key && !space && column > foldAfter && i > 0 && i < len(s)-1 && s[i+1] != ' ' {
				dst, column = newLine(dst, indent)
			} else {
				dst = append(dst, ' ')
				column++
			}
			space = true
			continue
		case isBreak(r):
			dst = utf8.AppendRune(dst, r)
			column, brk = 0, true
			continue
		case brk:
			dst = appendSpaces(dst, indent)
			column = indent
		}
		if r == '\'' {
			dst = append(dst, '\'')
			column++
		}
		dst = utf8.AppendRune(dst, r)
		column++
		space, brk = false, false
	}
	return append(dst, '\'')
}

func appendDoubleQuoted(dst []byte, s string, indent int, key bool) []byte {
	dst = append(dst, '"')
	column, space := columnOf(dst), false
	// For every character, the emitter tests for a byte order mark at the start of the string.
	bom := strings.HasPrefix(s, "\uFEFF")
	steers := steersRunner(s, key)
	for i, r := range s {
		switch {
		case bom || !printable(r) || isBreak(r) || r == '"' || r == '\\', steers && beginsCommand(s, i):
			n := len(dst)
			dst = appendEscape(dst, r)
			column += len(dst) - n
			space = false
		case r == ' ':
			if !key && !space && column > foldAfter && i > 0 && i < len(s)-1 {
				dst, column = newLine(dst, indent)
				if s[i+1] == ' ' {
					dst = append(dst, '\\')
					column++
				}
			} else {
				dst = append(dst, ' ')
				column++
			}
			space = true
		default:
			dst = utf8.AppendRune(dst, r)
			column++
			space = false
		}
	}
	return append(dst, '"')
}

// steersRunner reports whether the runner of a CI job that prints a YAML document might take a part of s for a command.
// A key and the first line of a block are at the start of a line.
func steersRunner(s string, key bool) bool {
	return diag.HoldsCommand(s) || strings.HasPrefix(s, "::") && (key || strings.Contains(s, "\n"))
}

// beginsCommand reports whether a command may begin at the byte i.
func beginsCommand(s string, i int) bool {
	return strings.HasPrefix(s[i:], "##") || strings.HasPrefix(s[i:], "::") && (i == 0 || s[i-1] != ':')
}

func appendEscape(dst []byte, r rune) []byte {
	const named = "\x00\a\b\t\n\v\f\r\x1b\"\\\u0085\u00a0\u2028\u2029"
	const names = "0abtnvfre\"\\N_LP"
	dst = append(dst, '\\')
	name := 0
	for _, n := range named {
		if n == r {
			return append(dst, names[name])
		}
		name++
	}
	digits := 2
	switch {
	case r > 0xFFFF:
		dst, digits = append(dst, 'U'), 8
	case r > 0xFF:
		dst, digits = append(dst, 'u'), 4
	default:
		dst = append(dst, 'x')
	}
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789ABCDEF"[r>>shift&0xF])
	}
	return dst
}

func appendLiteral(dst []byte, s string, indent int) []byte {
	dst = append(dst, '|')
	if first, _ := utf8.DecodeRuneInString(s); first == ' ' || isBreak(first) {
		dst = append(dst, '2') // the first line does not show the indentation of the block
	}
	last, w := utf8.DecodeLastRuneInString(s)
	before, w2 := utf8.DecodeLastRuneInString(s[:len(s)-w])
	switch {
	case !isBreak(last):
		dst = append(dst, '-')
	case w2 == 0 || isBreak(before):
		dst = append(dst, '+')
	}
	dst = append(dst, '\n')
	start := true
	for _, r := range s {
		if isBreak(r) {
			start = true
		} else if start {
			dst = appendSpaces(dst, indent)
			start = false
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// endLine ends the line of a value, unless the value is a block, which has ended it.
func endLine(dst []byte) []byte {
	if r, _ := utf8.DecodeLastRune(dst); isBreak(r) {
		return dst
	}
	return append(dst, '\n')
}

func newLine(dst []byte, indent int) ([]byte, int) {
	return appendSpaces(append(dst, '\n'), indent), indent
}

func appendSpaces(dst []byte, n int) []byte {
	const spaces = "                                "
	for ; n > len(spaces); n -= len(spaces) {
		dst = append(dst, spaces...)
	}
	return append(dst, spaces[:n]...)
}

// columnOf returns the number of characters on the last line of dst.
func columnOf(dst []byte) int {
	n := 0
	for len(dst) > 0 {
		r, w := utf8.DecodeLastRune(dst)
		if isBreak(r) {
			break
		}
		dst = dst[:len(dst)-w]
		n++
	}
	return n
}

var (
	// https://yaml.org/type/float.html, as go.yaml.in/yaml/v2 implements it
	floatForm = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	// YAML 1.1 has numbers of base 60: 190:20:30
	base60Form = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`)

	timestampForms = []string{
		"2006-1-2T15:4:5.999999999Z07:00", "2006-1-2t15:4:5.999999999Z07:00", "2006-1-2 15:4:5.999999999", "2006-1-2",
	}
)

// readsAsOther reports whether s without quotes would be read as something other than a string.
func readsAsOther(s string) bool {
	if s == "" {
		return true
	}
	switch c := s[0]; c {
	case 'y', 'Y', 'n', 'N', 't', 'T', 'f', 'F', 'o', 'O', '~':
		return isConstant(s)
	case '.':
		if isConstant(s) {
			return true
		}
		_, err := strconv.ParseFloat(s, 64)
		return err == nil
	default:
		return (c >= '0' && c <= '9' || c == '+' || c == '-') && isNumber(s)
	}
}

func isConstant(s string) bool {
	switch s {
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
		"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
		"~", "null", "Null", "NULL", ".nan", ".NaN", ".NAN",
		".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return true
	}
	return false
}

// isNumber reports whether s, which begins with a digit or a sign, is read as a number or a date.
func isNumber(s string) bool {
	if len(s) < 10 && strings.Trim(s, "0123456789") == "" {
		return true
	}
	if isConstant(s) || isTimestamp(s) || strings.Contains(s, ":") && base60Form.MatchString(s) {
		return true
	}
	s = strings.ReplaceAll(s, "_", "")
	if _, err := strconv.ParseInt(s, 0, 64); err == nil {
		return true
	}
	if _, err := strconv.ParseUint(s, 0, 64); err == nil {
		return true
	}
	if floatForm.MatchString(s) {
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return true
		}
	}
	if bits, ok := strings.CutPrefix(s, "0b"); ok { // `0b-1` too
		_, err := strconv.ParseInt(bits, 2, 64)
		return err == nil
	}
	return false
}

func isTimestamp(s string) bool {
	if digits := len(s) - len(strings.TrimLeft(s, "0123456789")); digits != 4 || len(s) == 4 || s[4] != '-' {
		return false
	}
	for _, form := range timestampForms {
		if _, err := time.Parse(form, s); err == nil {
			return true
		}
	}
	return false
}
