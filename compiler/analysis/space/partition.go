package space

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// cells is how patterns split the values of one dimension: what each cell is called, and which have a pattern.
type partition struct {
	dimension Dimension
	patterns  []Pattern
	at        map[Pattern]int32 // once there are many of them

	count   int
	members [][]int32 // by pattern, sorted
	other   int32     // the cell of values with no pattern, -1 where there is none

	strings   []string
	addresses []netip.Addr
	elsewhere []bool // by cell of addresses: whether a caller of whom nothing is known may be there
	ports     []uint16

	byCell      [][]int32
	bySignature map[string]int
	places      *slab[int32]
}

// reset forgets everything; members come from places.
func (c *partition) reset(d Dimension, places *slab[int32]) {
	*c = partition{dimension: d, places: places, patterns: c.patterns[:0], members: c.members[:0], strings: c.strings[:0],
		addresses: c.addresses[:0], elsewhere: c.elsewhere[:0], ports: c.ports[:0]}
}

// id is the number of a pattern, which gets one where it has none.
func (c *partition) id(p Pattern) int32 {
	const few = 8
	if c.at == nil {
		for i := range c.patterns {
			if c.patterns[i] == p {
				return int32(i)
			}
		}
		if len(c.patterns) < few {
			c.patterns = append(c.patterns, p)
			return int32(len(c.patterns) - 1)
		}
		c.at = make(map[Pattern]int32, 4*few)
		for i, p := range c.patterns {
			c.at[p] = int32(i)
		}
	}
	i, ok := c.at[p]
	if !ok {
		i = int32(len(c.patterns))
		c.at[p] = i
		c.patterns = append(c.patterns, p)
	}
	return i
}

// divide makes the cells once all patterns are known.
func (c *partition) divide(trustDomain string) (err error) {
	for range c.patterns {
		c.members = append(c.members, nil)
	}
	switch c.dimension {
	case Port:
		c.dividePorts()
	case SourceAddress, RemoteAddress, DestinationAddress:
		c.divideAddresses()
	case Identity:
		err = c.divideIdentities(trustDomain)
	default:
		err = c.divideStrings()
	}
	c.other = -1
	if c.count > 0 {
		c.other = c.without(c.members)
	}
	return err
}

// alone says that a pattern has one cell.
func (c *partition) alone(pattern int, cell int32) {
	c.members[pattern] = c.places.take(1)
	c.members[pattern][0] = cell
}

// without is the cell in none of the lists.
func (c *partition) without(members [][]int32) int32 {
	taken := make([]bool, c.count)
	for _, m := range members {
		for _, cell := range m {
			taken[cell] = true
		}
	}
	return int32(slices.Index(taken, false))
}

func (c *partition) dividePorts() {
	for i, p := range c.patterns {
		c.alone(i, int32(i))
		c.ports = append(c.ports, p.port)
	}
	named := c.ports
	for port := uint16(65535); port > 0; port-- {
		if !slices.Contains(named, port) {
			c.ports = append(c.ports, port)
			break
		}
	}
	c.count = len(c.ports)
}

// divideAddresses splits by blocks, any two of which are apart or one in the other: a cell is a block without those in
// it. What is in no block is one cell, for which an address meant for documentation stands where it can. Who is not
// known to be in a block is looked for there; and in each of the blocks, where they leave no address of their family.
func (c *partition) divideAddresses() {
	if len(c.patterns) == 0 {
		c.addresses, c.elsewhere, c.count = append(c.addresses, netip.Addr{}), append(c.elsewhere, true), 1
		return
	}
	blocks := make([]netip.Prefix, 0, len(c.patterns))
	for _, p := range c.patterns {
		blocks = append(blocks, p.block)
	}
	full4 := !free(netip.AddrFrom4([4]byte{}), netip.Prefix{}, blocks).IsValid()
	full6 := !free(netip.IPv6Unspecified(), netip.Prefix{}, blocks).IsValid()
	for _, within := range blocks {
		if a := free(within.Addr(), within, blocks); a.IsValid() {
			c.addAddress(a, blocks, a.Is4() && full4 || a.Is6() && full6)
		}
	}
	for _, from := range elsewhere {
		if a := free(from, netip.Prefix{}, blocks); a.IsValid() {
			c.addAddress(a, blocks, true)
			break
		}
	}
	c.count = len(c.addresses)
}

// elsewhere is where an address outside all blocks is looked for: from RFC 5737's and RFC 3849's upwards, then anywhere.
var elsewhere = []netip.Addr{
	netip.AddrFrom4([4]byte{192, 0, 2, 1}), netip.MustParseAddr("2001:db8::1"), netip.AddrFrom4([4]byte{}), netip.IPv6Unspecified(),
}

// free is the first address at or behind from that is in a block and in none within it; without a block, in none at
// all. It is not valid where there is no such address.
func free(from netip.Addr, block netip.Prefix, blocks []netip.Prefix) netip.Addr {
	for from.IsValid() && (!block.IsValid() || block.Contains(from)) {
		inner := slices.IndexFunc(blocks, func(b netip.Prefix) bool {
			return b.Contains(from) && (!block.IsValid() || b.Bits() > block.Bits())
		})
		if inner < 0 {
			return from
		}
		from = last(blocks[inner]).Next()
	}
	return netip.Addr{}
}

// addAddress makes the cell that an address stands for.
func (c *partition) addAddress(a netip.Addr, blocks []netip.Prefix, elsewhere bool) {
	for i, b := range blocks {
		if b.Contains(a) {
			c.members[i] = append(c.members[i], int32(len(c.addresses)))
		}
	}
	c.addresses, c.elsewhere = append(c.addresses, a), append(c.elsewhere, elsewhere)
}

func last(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(bytes)
	return a
}

var methods = []string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}

func (c *partition) divideStrings() error {
	if c.divideByPrefix() {
		return nil
	}
	var a automaton
	for i, g := range domains[c.dimension] {
		a.add(g, int32(-1-i))
	}
	return c.automatic(&a)
}

// divideByPrefix makes the cells where they can be seen without an automaton: exact values are cells, and so is each
// prefix without the longer ones. It is false where the patterns are not of these kinds, or too many.
func (c *partition) divideByPrefix() bool {
	const many = 256
	if len(c.patterns) > many || slices.ContainsFunc(c.patterns, func(p Pattern) bool { return p.kind > present || p.kind == suffix }) {
		return false
	}
	// A value is in the cell of a prefix, or in that of no pattern, where nothing longer matches it.
	free := func(s string, length int) bool {
		return c.inDomain(s) && !slices.ContainsFunc(c.patterns, func(p Pattern) bool {
			return p.kind == exact && p.text == s || p.kind == prefix && len(p.text) > length && strings.HasPrefix(s, p.text)
		})
	}
	for _, p := range c.patterns {
		switch p.kind {
		case exact:
			if c.inDomain(p.text) {
				c.strings = append(c.strings, p.text)
			}
		case prefix:
			if !c.mayBegin(p.text) {
				continue
			}
			s, ok := p.text, free(p.text, len(p.text))
			for i := 0; !ok && i < len(preferred); i++ {
				s = p.text + string(preferred[i:i+1])
				ok = free(s, len(p.text))
			}
			if !ok {
				return false
			}
			c.strings = append(c.strings, s)
		}
	}
	found := false
	for n := 0; n < 2*many && !found; n++ {
		if s := c.candidate(n); free(s, -1) {
			c.strings = append(c.strings, s)
			found = true
		}
	}
	if !found {
		return false
	}
	c.count = len(c.strings)
	for i := range c.patterns {
		c.members[i] = c.places.take(c.count)[:0]
		for cell, s := range c.strings {
			if c.patterns[i].Matches(c.dimension, s) {
				c.members[i] = append(c.members[i], int32(cell))
			}
		}
	}
	return true
}

// domains are what a value can be.
var domains = map[Dimension][]glob{
	Method: {glob(nil).many(tokenByte)},
	Path:   {glob(nil).literal("/").some(pathByte), glob(nil).literal("*")},
	Host:   {glob(nil).many(hostByte)},
}

// inDomain is the same without an automaton.
func (c *partition) inDomain(s string) bool {
	if c.dimension == Path {
		return s == "*" || strings.HasPrefix(s, "/") && allOf(s, pathByte)
	}
	return s != "" && c.mayBegin(s)
}

// mayBegin tells whether a value may begin so.
func (c *partition) mayBegin(s string) bool {
	switch c.dimension {
	case Path:
		return s[0] == '/' && allOf(s, pathByte)
	case Method:
		return allOf(s, tokenByte)
	}
	return allOf(s, hostByte)
}

func allOf(s string, k class) bool {
	for i := range len(s) {
		if classes[s[i]]&k == 0 {
			return false
		}
	}
	return true
}

// candidate counts through values that nobody is likely to have named.
func (c *partition) candidate(n int) string {
	switch {
	case c.dimension == Method && n < len(methods):
		return methods[n]
	case c.dimension == Method:
		return "METHOD" + strconv.Itoa(n)
	case c.dimension == Host:
		return "other" + letters(n)
	case n == 1:
		return "*"
	}
	return "/" + letters(n)
}

// letters counts: nothing, a, b, …, z, aa, ab, …
func letters(n int) string {
	s := ""
	for ; n > 0; n = (n - 1) / 26 {
		s = string(rune('a'+(n-1)%26)) + s
	}
	return s
}

func upTo(n int) []int32 {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

func (c *partition) automatic(a *automaton) (err error) {
	a.domains = int32(len(a.tokens))
	for i := range c.patterns {
		for _, g := range c.patterns[i].globs(c.dimension) {
			a.add(g, int32(i))
		}
	}
	c.strings, c.members, err = a.cells(len(c.patterns))
	c.count = len(c.strings)
	return err
}

// divideIdentities makes cell 0 that of callers without identity. Identities are those that Istio gives out,
// spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT.
func (c *partition) divideIdentities(trustDomain string) error {
	if !c.plainIdentities(trustDomain) {
		var a automaton
		a.add(identity(glob(nil).literal(scheme+trustDomain)), -1)
		a.add(identity(glob(nil).literal(scheme).many(domainByte)), -2)
		if err := c.automatic(&a); err != nil {
			return err
		}
	}
	c.strings = slices.Insert(c.strings, 0, "")
	for _, m := range c.members {
		for i := range m {
			m[i]++
		}
	}
	c.count++
	return nil
}

func identity(domain glob) glob {
	return domain.literal("/ns/").many(nameByte).literal("/sa/").many(nameByte)
}

// isIdentity is the same without an automaton.
func isIdentity(principal string) bool {
	domain, rest, _ := strings.Cut(principal, "/")
	rest, ok := strings.CutPrefix(rest, "ns/")
	namespace, account, within := strings.Cut(rest, "/sa/")
	return ok && within && domain != "" && allOf(domain, domainByte) && isName(namespace) && isName(account)
}

// plainIdentities makes the cells where they can be seen without an automaton: accounts and namespaces as they are.
func (c *partition) plainIdentities(trustDomain string) bool {
	for i := range c.patterns {
		p := &c.patterns[i]
		switch p.kind {
		case exact, present:
		case inNamespace:
			// In `/ns/ns/sa/` Istio's expression finds the namespaces ns and sa.
			if strings.Contains(p.text, "*") || p.text == "ns" || p.text == "sa" {
				return false
			}
		default:
			return false
		}
	}
	for i := range c.patterns {
		p := &c.patterns[i]
		if p.kind != exact {
			continue
		}
		uri := scheme + p.text
		if !isIdentity(p.text) {
			continue
		}
		c.strings = append(c.strings, uri)
		c.alone(i, int32(len(c.strings)-1))
	}
	for i := range c.patterns {
		p := &c.patterns[i]
		if p.kind == inNamespace {
			if !isName(p.text) {
				continue
			}
			within := "/ns/" + p.text + "/sa/"
			for cell, uri := range c.strings[:len(c.strings):len(c.strings)] {
				if strings.Contains(uri, within) {
					c.members[i] = append(c.members[i], int32(cell))
				}
			}
			c.members[i] = append(c.members[i], int32(len(c.strings)))
			c.strings = append(c.strings, c.unusedIdentity(scheme+trustDomain+within))
		}
	}
	namespace := "other"
	for n := 0; slices.ContainsFunc(c.patterns, func(p Pattern) bool { return p.kind == inNamespace && p.text == namespace }); n++ {
		namespace = "other" + letters(n+1)
	}
	c.strings = append(c.strings, c.unusedIdentity(scheme+trustDomain+"/ns/"+namespace+"/sa/"))
	for i := range c.patterns {
		if c.patterns[i].kind == present {
			c.members[i] = upTo(len(c.strings))
		}
	}
	c.count = len(c.strings)
	return true
}

func (c *partition) unusedIdentity(before string) string {
	for n := 0; ; n++ {
		if s := before + "other" + letters(n); !slices.Contains(c.strings, s) {
			return s
		}
	}
}

func isName(s string) bool { return s != "" && allOf(s, nameByte) }

// of is the patterns of each cell.
func (c *partition) of(cell int) []int32 {
	if c.byCell == nil {
		c.byCell = make([][]int32, c.count)
		for i, m := range c.members {
			for _, cell := range m {
				c.byCell[cell] = append(c.byCell[cell], int32(i))
			}
		}
	}
	return c.byCell[cell]
}

// find is the cell of a value, given which patterns it has; -1 where there is none. Of identities cell 0 is not looked at.
func (c *partition) find(has func(p *Pattern) bool) int {
	var key []byte
	if c.bySignature == nil {
		c.bySignature = make(map[string]int, c.count)
		for cell := range c.count {
			key = key[:0]
			for _, i := range c.of(cell) {
				key = binary.AppendUvarint(key, uint64(i))
			}
			if c.dimension != Identity || cell > 0 {
				c.bySignature[string(key)] = cell
			}
		}
		key = key[:0]
	}
	for i := range c.patterns {
		if has(&c.patterns[i]) {
			key = binary.AppendUvarint(key, uint64(i))
		}
	}
	if cell, ok := c.bySignature[string(key)]; ok {
		return cell
	}
	return -1
}
