package phrase

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// At is operations, at most so many kinds of them, as they follow the name of a callee with some ports that are
// declared as HTTP. Ports with the same operations share them, operations on one port share it, and nothing that
// follows exceptions can be read as one of them.
func At(callee string, all []Operations, http []uint16, most int) string {
	var text strings.Builder
	listed := 0
	for i, p := range byPort(all, http) {
		if i > 0 && most == 0 {
			fmt.Fprintf(&text, " and %d more kinds of requests", len(all)-listed)
			break
		}
		if i > 0 {
			text.WriteString("; " + callee)
		}
		text.WriteString(p.ports)
		if list := List(p.operations, "", most); list != "" {
			text.WriteString(" " + list)
		}
		most = max(0, most-len(p.operations))
		listed += max(1, len(p.numbers)) * len(p.operations)
	}
	return text.String()
}

// onPorts is operations on some ports, which are as the language writes them.
type onPorts struct {
	ports      string
	numbers    []uint16
	operations []Operations
}

// byPort is the operations by their ports. As in a statement, operations of HTTP without a port are those on all ports
// that are declared as HTTP, and those on every port are on `*`.
func byPort(operations []Operations, http []uint16) (all []onPorts) {
	put := func(ports string, o Operations) {
		i := slices.IndexFunc(all, func(p onPorts) bool { return p.ports == ports })
		if i < 0 {
			i = len(all)
			all = append(all, onPorts{ports: ports})
			if o.Port != 0 {
				all[i].numbers = []uint16{o.Port}
			}
		}
		all[i].operations = append(all[i].operations, o)
	}
	for _, o := range operations {
		switch {
		case o.Port != 0:
			put(":"+strconv.Itoa(int(o.Port)), o)
		case o.OfHTTP() && !o.OtherPorts && len(http) > 0:
			put(":*", o)
		default:
			put("", o)
		}
	}
	byOperations := map[string]int{}
	merged := all[:0]
	for _, p := range all {
		text := List(p.operations, "", len(p.operations))
		i, known := byOperations[text]
		if !known || len(p.numbers) == 0 {
			if len(p.numbers) > 0 {
				byOperations[text] = len(merged)
			}
			merged = append(merged, p)
			continue
		}
		same := &merged[i]
		same.numbers = append(same.numbers, p.numbers...)
		same.ports += "," + strings.TrimPrefix(p.ports, ":")
		if slices.Equal(slices.Sorted(slices.Values(same.numbers)), http) && !slices.ContainsFunc(same.operations, func(o Operations) bool { return !o.OfHTTP() }) {
			same.ports = ""
		}
	}
	return merged
}
