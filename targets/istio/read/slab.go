package read

// slab is memory that many small lists of one kind are in, which live as long as each other.
type slab[T any] struct{ free []T }

// take returns a list of zero values, which cannot grow into the next one.
func (s *slab[T]) take(n int) []T {
	if len(s.free) < n {
		s.free = make([]T, max(n, slabSize))
	}
	list := s.free[:n:n]
	s.free = s.free[n:]
	return list
}

const slabSize = 64

// kept copies a list; an empty one is nil.
func (s *slab[T]) kept(list []T) []T {
	if len(list) == 0 {
		return nil
	}
	all := s.take(len(list))
	copy(all, list)
	return all
}
