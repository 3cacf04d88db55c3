package policy

import "github.com/meshc/meshc/lang/source"

// Clients says where a gateway has the addresses of callers outside the mesh, and what shows it.
type Clients struct {
	Address ClientAddress
	Why     string // in words; empty where nothing is known
	At      source.Span

	TrustsNone source.Span // the settings of its proxy, if these trust no proxy in front of it; zero where they are not known
}

// Stated is where the addresses are as meshc.yaml says, which goes before what manifests show.
func (c Clients) Stated(address ClientAddress, at source.Span) Clients {
	if address != AddressUnknown {
		c.Address, c.Why, c.At = address, "meshc.yaml says so", at
	}
	return c
}

// ClientAddress is where a gateway has the address of a client.
type ClientAddress uint8

const (
	AddressUnknown   ClientAddress = iota
	AddressInPackets               // it is the source of its packets
	AddressForwarded               // a proxy in front of the gateway reports it, which the gateway trusts
	AddressOfNode                  // nodes replace it by their own
	AddressOfProxy                 // a proxy in front of the gateway replaces it by its own
)

// String is the word of meshc.yaml for it; empty if it has none.
func (a ClientAddress) String() string {
	switch a {
	case AddressInPackets:
		return "packet"
	case AddressForwarded:
		return "forwarded"
	}
	return ""
}

// Reliable reports whether the addresses that the gateway has are those of clients.
func (c *Clients) Reliable() bool {
	return c.Address == AddressInPackets || c.Address == AddressForwarded
}
