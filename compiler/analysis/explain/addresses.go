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

// location is where the callers of one identity call from: the block of their own address, and that of the client they
// call for. A block that is not valid is every address without a block of its own.
type location struct {
	caller       caller
	peer, client netip.Prefix
}

func locationOf(split *enforce.Classes, class int) location {
	return location{caller{split.Identity(class), split.Facts(split.Sources[class])}, split.Block(class, space.SourceAddress), split.Block(class, space.RemoteAddress)}
}

// answersByLocation has the answers for callers, as text, by their location.
type answersByLocation struct {
	answers        map[location]string
	anywhere       map[caller]string // by identity: the answer at addresses that no policy names; empty where they have several
	peers, clients map[netip.Prefix]bool
}

func newAnswersByLocation() *answersByLocation {
	return &answersByLocation{map[location]string{}, map[caller]string{}, map[netip.Prefix]bool{}, map[netip.Prefix]bool{}}
}

func (p *answersByLocation) add(l location, answer string, usual bool) {
	p.answers[l] = answer
	p.peers[l.peer], p.clients[l.client] = true, true
	if !usual {
		return
	}
	if known, ok := p.anywhere[l.caller]; ok && known != answer {
		answer = ""
	}
	p.anywhere[l.caller] = answer
}

// expects reports whether the answer at a location goes without saying, because the wider locations around it have it,
// too. Where the wider block of the peer and that of the client disagree, the one that is itself an exception decides.
func (p *answersByLocation) expects(l location) bool {
	byPeer, byClient, both := l, l, l
	byPeer.peer, byClient.client = wider(l.peer, p.peers), wider(l.client, p.clients)
	both.peer, both.client = byPeer.peer, byClient.client
	answer := p.answers[l]
	switch {
	case !l.peer.IsValid() && !l.client.IsValid():
		return answer == p.anywhere[l.caller]
	case !l.client.IsValid():
		return answer == p.at(byPeer)
	case !l.peer.IsValid():
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

func (p *answersByLocation) at(l location) string {
	if answer, ok := p.answers[l]; ok {
		return answer
	}
	return p.anywhere[l.caller]
}

// wider returns the narrowest of the blocks that contain another; not valid where none does.
func wider(block netip.Prefix, among map[netip.Prefix]bool) netip.Prefix {
	for bits := block.Bits() - 1; bits >= 0; bits-- {
		if around, err := block.Addr().Prefix(bits); err == nil && among[around] {
			return around
		}
	}
	return netip.Prefix{}
}

// outside is the services without a proxy by each of their addresses; the first of several that have the same one.
func outside(m *model.Model) map[netip.Prefix]*policy.Service {
	all := map[netip.Prefix]*policy.Service{}
	for _, mesh := range m.Policy.Meshes {
		for _, s := range mesh.Services {
			for _, a := range s.Addresses {
				if !s.Proxied() && all[a] == nil {
					all[a] = s
				}
			}
		}
	}
	return all
}
