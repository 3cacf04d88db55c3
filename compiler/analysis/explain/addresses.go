package explain

import (
	"net/netip"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// caller is callers that only their addresses distinguish.
type caller struct {
	identity int
	facts    string
}

// spot is where callers of one identity are: by the block of their own address and that of the client they call for,
// which are not valid for wherever else.
type spot struct {
	caller       caller
	peer, client netip.Prefix
}

func spotOf(split *enforce.Classes, class int) spot {
	return spot{caller{split.Identity(class), split.Facts(split.Sources[class])}, split.Block(class, space.SourceAddress), split.Block(class, space.RemoteAddress)}
}

// places is how callers are answered by where they are.
type places struct {
	answers        map[spot]string
	anywhere       map[caller]string // by identity: the answer wherever nothing is said of the place; empty where that depends
	peers, clients map[netip.Prefix]bool
}

func newPlaces() *places {
	return &places{map[spot]string{}, map[caller]string{}, map[netip.Prefix]bool{}, map[netip.Prefix]bool{}}
}

func (p *places) add(s spot, answer string, usual bool) {
	p.answers[s] = answer
	p.peers[s.peer], p.clients[s.client] = true, true
	if !usual {
		return
	}
	if known, ok := p.anywhere[s.caller]; ok && known != answer {
		answer = ""
	}
	p.anywhere[s.caller] = answer
}

// follows tells whether the answer at a place is the one that those for the wider places around it leave one to expect: of
// two such that differ, the one that is itself an exception.
func (p *places) follows(s spot) bool {
	byPeer, byClient, both := s, s, s
	byPeer.peer, byClient.client = wider(s.peer, p.peers), wider(s.client, p.clients)
	both.peer, both.client = byPeer.peer, byClient.client
	answer := p.answers[s]
	switch {
	case !s.peer.IsValid() && !s.client.IsValid():
		return answer == p.anywhere[s.caller]
	case !s.client.IsValid():
		return answer == p.at(byPeer)
	case !s.peer.IsValid():
		return answer == p.at(byClient)
	}
	one, other := p.at(byPeer), p.at(byClient)
	switch p.at(both) {
	case one:
		return answer == other
	case other:
		return answer == one
	}
	return answer == one && answer == other
}

func (p *places) at(s spot) string {
	if answer, ok := p.answers[s]; ok {
		return answer
	}
	return p.anywhere[s.caller]
}

// wider is the narrowest block around one; not valid where there is none.
func wider(block netip.Prefix, among map[netip.Prefix]bool) (around netip.Prefix) {
	for b := range among {
		if b.IsValid() && block.IsValid() && b.Bits() < block.Bits() && b.Contains(block.Addr()) && (!around.IsValid() || b.Bits() > around.Bits()) {
			around = b
		}
	}
	return around
}

// outsideAt is the service without a proxy whose address a block is; nil where there is none.
func outsideAt(m *model.Model, block netip.Prefix) *policy.Service {
	for _, mesh := range m.Policy.Meshes {
		for _, s := range mesh.Services {
			for _, a := range s.Addresses {
				if !s.Proxied() && a == block {
					return s
				}
			}
		}
	}
	return nil
}
