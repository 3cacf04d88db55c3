package space

import (
	"net/netip"
	"slices"
)

// Addresses is the IP addresses of a dimension, whose patterns are blocks.
type Addresses struct{}

func (Addresses) pattern(written string) Pattern {
	if block, err := netip.ParsePrefix(written); err == nil {
		return BlockPattern(block)
	}
	a, _ := netip.ParseAddr(written)
	return BlockPattern(netip.PrefixFrom(a, a.BitLen()))
}

func (Addresses) value(written string) *Value {
	a, err := netip.ParseAddr(written)
	if err != nil {
		return nil
	}
	return AddressValue(a)
}

// divide partitions by blocks, any two of which are disjoint or nested: an atom is a block without those in it. What is
// in no block is one atom, represented by an address meant for documentation where it can be. A caller who is not known
// to be in a block is looked for there; and in each of the blocks, where they leave out no address of their family.
func (Addresses) divide(p *partition, _ string) error {
	if len(p.patterns) == 0 {
		p.atoms, p.elsewhere, p.absent = append(p.atoms, Value{}), append(p.elsewhere, true), true
		return nil
	}
	blocks := make([]netip.Prefix, 0, len(p.patterns))
	for i := range p.patterns {
		blocks = append(blocks, p.patterns[i].block())
	}
	full4 := !free(netip.AddrFrom4([4]byte{}), netip.Prefix{}, blocks).IsValid()
	full6 := !free(netip.IPv6Unspecified(), netip.Prefix{}, blocks).IsValid()
	for _, within := range blocks {
		if a := free(within.Addr(), within, blocks); a.IsValid() {
			p.addAddress(a, blocks, a.Is4() && full4 || a.Is6() && full6)
		}
	}
	for _, from := range elsewhere {
		if a := free(from, netip.Prefix{}, blocks); a.IsValid() {
			p.addAddress(a, blocks, true)
			break
		}
	}
	return nil
}

// Representatives is an address for each way to meet the conditions of boxes on a dimension of addresses: nil, which
// stands for any, where they say nothing of them.
func (a Addresses) Representatives(d Dimension, boxes []Box) (all []*Value) {
	p := partition{}
	var conditions []Condition
	for _, b := range boxes {
		for _, c := range b {
			if c.Dimension == d {
				conditions = append(conditions, c)
				for _, pattern := range slices.Concat(c.Is, c.Not) {
					p.id(pattern)
				}
			}
		}
	}
	p.members = make([][]int32, len(p.patterns))
	_ = a.divide(&p, "") // it has no error
	met := map[string]bool{}
	for atom := range p.atoms {
		v, holds := p.value(int32(atom)), make([]byte, len(conditions))
		for i := range conditions {
			if conditions[i].holds(v) {
				holds[i] = 1
			}
		}
		if !met[string(holds)] {
			met[string(holds)] = true
			all = append(all, v)
		}
	}
	return all
}

// elsewhere is where an address outside all blocks is looked for: from RFC 5737's and RFC 3849's upwards, then
// anywhere.
var elsewhere = []netip.Addr{
	netip.AddrFrom4([4]byte{192, 0, 2, 1}), netip.MustParseAddr("2001:db8::1"), netip.AddrFrom4([4]byte{}), netip.IPv6Unspecified(),
}

// free is the first address, not before from, that is in a block and in none within it; without a block, in none at
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

// addAddress adds the atom that an address represents.
func (p *partition) addAddress(a netip.Addr, blocks []netip.Prefix, elsewhere bool) {
	for i, b := range blocks {
		if b.Contains(a) {
			p.members[i] = append(p.members[i], int32(len(p.atoms)))
		}
	}
	p.atoms, p.elsewhere = append(p.atoms, Value{address: a}), append(p.elsewhere, elsewhere)
}

func last(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(bytes)
	return a
}
