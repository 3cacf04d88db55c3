package targets

import "slices"

// PortRanges returns the ranges of the ports for which a function is true, which changes only at some ports.
func PortRanges(changes []uint16, in func(uint16) bool) (all [][2]uint16) {
	starts := append(make([]int, 0, 16), 1)
	for _, c := range changes {
		starts = append(starts, int(c), int(c)+1)
	}
	slices.Sort(starts)
	starts = append(slices.Compact(starts), 65536)
	for i := range len(starts) - 1 {
		first, last := starts[i], starts[i+1]-1
		switch {
		case first == 0 || first > 65535 || !in(uint16(first)):
		case len(all) > 0 && int(all[len(all)-1][1])+1 == first:
			all[len(all)-1][1] = uint16(last)
		default:
			all = append(all, [2]uint16{uint16(first), uint16(last)})
		}
	}
	return all
}
