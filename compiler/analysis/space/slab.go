package space

// slab hands out short slices of a long one, so that one space after another needs no new memory.
type slab[T any] struct {
	page []T
	used int
}

// take gives n zero values.
func (s *slab[T]) take(n int) []T {
	if s.used+n > len(s.page) {
		s.page, s.used = make([]T, max(n, 2*len(s.page), 32)), 0
	}
	t := s.page[s.used : s.used+n : s.used+n]
	s.used += n
	clear(t)
	return t
}

// reset takes back what was handed out.
func (s *slab[T]) reset() { s.used = 0 }
