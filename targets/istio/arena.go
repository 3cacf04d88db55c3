package istio

// arena is memory for many small lists of zero values. It is used again once it is reset.
type arena[T any] struct{ all, free []T }

// take returns a list, which cannot grow into the next one.
func (a *arena[T]) take(n int) []T {
	if len(a.free) < n {
		a.all = make([]T, max(n, 2*len(a.all), 16))
		a.free = a.all
	}
	list := a.free[:n:n]
	a.free = a.free[n:]
	clear(list)
	return list
}

func (a *arena[T]) reset() { a.free = a.all }
