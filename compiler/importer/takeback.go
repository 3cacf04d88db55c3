package importer

import (
	"context"
	"slices"
)

// maxTries is how many objects are tried again: each time the whole project is compiled and compared.
const maxTries = 24

// takeBack says objects after all that were accepted because of others, as far as the project is then still proved: one
// may be possible only with another one, so that each is tried again until none is left that can be said. p is the
// draft without them.
func (i *importer) takeBack(ctx context.Context, p *draft) (*draft, error) {
	tries := 0
	for more := true; more; {
		more = false
		for _, o := range i.objects {
			if !o.together || o.Outcome != Accepted || tries == maxTries {
				continue
			}
			tries++
			undo := i.state()
			o.Outcome, o.Reason = Said, ""
			tried, again, err := i.write()
			if err == nil && !again && o.Outcome == Said {
				again, err = i.prove(ctx, tried)
			}
			switch {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case err != nil || again || o.Outcome != Said:
				undo()
			default:
				p, more = tried, true
			}
		}
	}
	return p, nil
}

// state returns a function that takes back what is done from now on.
func (i *importer) state() func() {
	type fate struct {
		outcome      Outcome
		reason       string
		approximated []string
		together     bool
	}
	fates := make([]fate, len(i.objects))
	for k, o := range i.objects {
		fates[k] = fate{o.Outcome, o.Reason, slices.Clone(o.Approximated), o.together}
	}
	services, was := map[*namespace][]*service{}, map[*service]service{}
	for _, n := range i.services {
		services[n] = slices.Clone(n.services)
		for _, s := range n.services {
			was[s] = *s
		}
	}
	declared, signing := i.declared, i.signing
	return func() {
		for k, o := range i.objects {
			o.Outcome, o.Reason, o.Approximated, o.together = fates[k].outcome, fates[k].reason, fates[k].approximated, fates[k].together
		}
		for _, n := range i.services {
			n.services, n.accounts = services[n], nil
			for _, s := range n.services {
				*s = was[s]
			}
		}
		i.declared, i.signing = declared, signing
	}
}
