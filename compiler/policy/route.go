package policy

import "github.com/meshc/meshc/lang/source"

// Route is where an object of the manifests has a gateway pass calls on to.
type Route struct {
	To   *Service
	Port uint16      // of its containers; 0 where it is not known which
	By   string      // the object, in words: `VirtualService shop/web`
	At   source.Span // of the destination in it
}

// RouteTo returns the first route of a gateway along which some requests to a service may go; nil where it has none.
func (s *Service) RouteTo(to *Service, q *Requests) *Route {
	for i := range s.Routes {
		if r := &s.Routes[i]; r.To == to && (r.Port == 0 || q.Leads(r.Port)) {
			return r
		}
	}
	return nil
}
