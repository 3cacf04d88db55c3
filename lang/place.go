package lang

import "github.com/meshc/meshc/lang/source"

func (n *Node) setRange(s source.Span) { n.Range = s }

func (m *Mesh) place(f *source.File) {
	place(&m.Name.Range, f)
	place(&m.Mode.Range, f)
}

func (s *Service) place(f *source.File) {
	place(&s.Name.Range, f)
	placeNames(s.Accounts, f)
	for i := range s.Labels {
		place(&s.Labels[i].Key.Range, f)
		place(&s.Labels[i].Value.Range, f)
	}
	placePorts(s.Ports, f)
	place(&s.Outside.Range, f)
	placeNames(s.Addresses, f)
}

func (e *External) place(f *source.File) {
	place(&e.Name.Range, f)
	placeNames(e.Hosts, f)
	placePorts(e.Ports, f)
}

func (g *Group) place(f *source.File) {
	place(&g.Name.Range, f)
	placeRefs(g.Members, f)
}

func (e *Edge) place(f *source.File) {
	placeHops(e.Hops, f)
	e.Tail.place(f)
}

func (d *Deny) place(f *source.File) {
	placeHops(d.Hops, f)
	d.Tail.place(f)
}

func (g *Guard) place(f *source.File) {
	placeHops(g.Hops, f)
	placeRefs(g.Except, f)
	g.Tail.place(f)
}

func (e *Export) place(f *source.File) {
	placeTargets(e.What, f)
	placeRefs(e.To, f)
	placeOperations(e.Ops, f)
	e.Tail.place(f)
}

func (m *MTLS) place(f *source.File) {
	placeTargets(m.Targets, f)
	place(&m.Mode.Range, f)
}

// place gives a span that was read its file: participle hands tokens on without it. A token ends behind the start of its file, so a span that
// ends there is absent.
func place(s *source.Span, f *source.File) {
	if s.End != 0 {
		s.File = f
	}
}

func (r *Ref) place(f *source.File) {
	place(&r.Namespace.Range, f)
	place(&r.Name.Range, f)
	place(&r.Range, f)
}

func placeTargets(targets []Target, f *source.File) {
	for i := range targets {
		targets[i].Ref.place(f)
		place(&targets[i].Port.Range, f)
		placeOperations(targets[i].Ops, f)
	}
}

func placeOperations(ops []Operation, f *source.File) {
	for i := range ops {
		for j := range ops[i].Methods {
			place(&ops[i].Methods[j].Range, f)
		}
		place(&ops[i].Path.Range, f)
		place(&ops[i].Range, f)
	}
}

func placeNames(names []Name, f *source.File) {
	for i := range names {
		place(&names[i].Range, f)
	}
}

func placeRefs(refs []Ref, f *source.File) {
	for i := range refs {
		refs[i].place(f)
	}
}

func placePorts(ports []Port, f *source.File) {
	for i := range ports {
		place(&ports[i].Number.Range, f)
		place(&ports[i].Protocol.Range, f)
		place(&ports[i].TLS.Range, f)
	}
}

func (t *Tail) place(f *source.File) {
	place(&t.Until.Range, f)
	place(&t.Because.Range, f)
}

func placeHops(hops [][]Target, f *source.File) {
	for _, h := range hops {
		placeTargets(h, f)
	}
}
