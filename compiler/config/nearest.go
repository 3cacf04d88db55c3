package config

// nearest is the word among those known that a typing error may have meant.
func nearest(word string, among []string) (string, bool) {
	best, least := "", len(word)/3+2
	for _, w := range among {
		row := make([]int, len(w)+1)
		for j := range row {
			row[j] = j
		}
		for i := range len(word) {
			diagonal := row[0]
			row[0] = i + 1
			for j := range len(w) {
				cost := 1
				if word[i] == w[j] {
					cost = 0
				}
				diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
			}
		}
		if row[len(w)] < least {
			best, least = w, row[len(w)]
		}
	}
	return best, best != ""
}
