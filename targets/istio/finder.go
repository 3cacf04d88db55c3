package istio

// few is how many there may be for a look at each of them to be faster than a map.
const few = 16

// finder finds values that are the same. Keys of them are made only where there are many.
type finder[T any] struct {
	same func(a, b *T) bool
	key  func(*T, []byte) []byte // appends a key that is equal for the same values

	all   []*T // in the order in which they were first looked for
	index map[string]*T
	made  []byte
}

// find is the first value that was the same, which is this one if there was none.
func (f *finder[T]) find(v T) *T {
	if len(f.all) < few {
		for _, other := range f.all {
			if f.same(other, &v) {
				return other
			}
		}
		f.all = append(f.all, &v)
		return &v
	}
	if f.index == nil {
		f.index = map[string]*T{}
		for _, other := range f.all {
			f.index[string(f.keyOf(other))] = other
		}
	}
	key := f.keyOf(&v)
	found, ok := f.index[string(key)]
	if !ok {
		found = &v
		f.all, f.index[string(key)] = append(f.all, found), found
	}
	return found
}

func (f *finder[T]) keyOf(v *T) []byte {
	f.made = f.key(v, f.made[:0])
	return f.made
}
