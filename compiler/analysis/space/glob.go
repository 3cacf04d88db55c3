package space

import (
	"math/bits"
	"slices"
	"strings"
)

// class is a set of bytes.
type class uint16

const (
	anyByte     class = 1 << iota
	noSlash           // [^/]
	segmentByte       // of a path segment that {*} takes: kLiteral in Envoy's uri_template_internal.cc
	textByte          // those and `/`: what {**} takes
	pathByte          // of a path after its first slash, without query and fragment
	labelByte         // of the name of a namespace
	nameByte          // of a Kubernetes name
	domainByte        // of a trust domain
	tokenByte         // of a method: RFC 9110, section 5.6.2
	hostByte          // of an authority in lower case
	visibleByte
	fieldByte // of a header or a claim

	classCount = iota
)

var classes = func() (t [256]class) {
	for i := range t {
		c := byte(i)
		set := func(k class, in bool) {
			if in {
				t[i] |= k
			}
		}
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		alnum := letter || 'A' <= c && c <= 'Z'
		segment := alnum || strings.IndexByte("-._~%!$&'()+,;:@=", c) >= 0
		set(anyByte, true)
		set(noSlash, c != '/')
		set(segmentByte, segment)
		set(textByte, segment || c == '/')
		set(pathByte, c > ' ' && c != 0x7f && c != '?' && c != '#')
		set(labelByte, letter || c == '-')
		set(nameByte, letter || c == '-' || c == '.')
		set(domainByte, letter || c == '-' || c == '.' || c == '_')
		set(tokenByte, alnum || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0)
		set(visibleByte, c > ' ' && c != 0x7f)
		set(fieldByte, c >= ' ' && c != 0x7f)
		set(hostByte, c > ' ' && c != 0x7f && c != '/' && (c < 'A' || c > 'Z'))
	}
	return t
}()

// token is one byte, one byte of a class, or any number of bytes of a class.
type token struct {
	class class // 0: the byte
	byte  byte
	star  bool
}

func (t token) takes(c byte) bool {
	if t.class == 0 {
		return t.byte == c
	}
	return classes[c]&t.class != 0
}

// glob is a sequence of tokens that a whole string must match.
type glob []token

func (g glob) literal(s string) glob {
	g = slices.Grow(g, len(s)+2) // what follows is often short
	for i := range len(s) {
		g = append(g, token{byte: s[i]})
	}
	return g
}

func (g glob) some(c class) glob { return append(g, token{class: c, star: true}) }
func (g glob) many(c class) glob { return append(g, token{class: c}, token{class: c, star: true}) }

// matches follows all ways through the glob at once.
func (g glob) matches(s string) bool {
	for len(g) > 0 && len(s) > 0 && !g[0].star { // most texts differ at their start
		if !g[0].takes(s[0]) {
			return false
		}
		g, s = g[1:], s[1:]
	}
	var few [2][4]uint64 // bits of positions
	now, next := few[0][:], few[1][:]
	if n := len(g)/64 + 1; n > len(now) {
		now, next = make([]uint64, n), make([]uint64, n)
	} else {
		now, next = now[:n], next[:n]
	}
	g.enter(now, 0)
	for i := range len(s) {
		clear(next)
		alive := false
		for w, rest := range now {
			for ; rest != 0; rest &= rest - 1 {
				at := 64*w + bits.TrailingZeros64(rest)
				if at == len(g) || !g[at].takes(s[i]) {
					continue
				}
				alive = true
				if g[at].star {
					g.enter(next, at)
				} else {
					g.enter(next, at+1)
				}
			}
		}
		if !alive {
			return false
		}
		now, next = next, now
	}
	return now[len(g)/64]&(1<<(len(g)%64)) != 0
}

// enter marks a position and those reached from it without a byte.
func (g glob) enter(set []uint64, at int) {
	for ; set[at/64]&(1<<(at%64)) == 0; at++ {
		set[at/64] |= 1 << (at % 64)
		if at == len(g) || !g[at].star {
			return
		}
	}
}

func allOf(s string, k class) bool {
	for i := range len(s) {
		if classes[s[i]]&k == 0 {
			return false
		}
	}
	return true
}

// IsSegmentByte reports whether {*} of a template takes a byte.
func IsSegmentByte(c byte) bool { return classes[c]&segmentByte != 0 }
