package istio

// few is how many there may be for a look at each of them to be faster than a map.
const few = 16

// finder finds values in a list that only grows, by which of them are the same. Keys of them are made only where there
// are many.
type finder[T any] struct {
	same func(a, b *T) bool
	key  func(*T, []byte) []byte // appends a key that is equal for the same values

	index map[string]int
	made  []byte
}

// in is where the list has the same value; negative where it has none.
func (f *finder[T]) in(all []T, v *T) int {
	if len(all) <= few {
		for i := range all {
			if f.same(&all[i], v) {
				return i
			}
		}
		return -1
	}
	if f.index == nil {
		f.index = map[string]int{}
	}
	for n := len(f.index); n < len(all); n++ {
		f.index[string(f.keyOf(&all[n]))] = n
	}
	if i, ok := f.index[string(f.keyOf(v))]; ok {
		return i
	}
	return -1
}

func (f *finder[T]) keyOf(v *T) []byte {
	f.made = f.key(v, f.made[:0])
	return f.made
}
