package explain

import "github.com/meshc/meshc/compiler/analysis/model"

// RemedyFor is the remedy of a query, also where only some of its requests are denied.
func RemedyFor(m *model.Model, q Query) (Remedy, error) {
	a, err := answer(m, question{From: q.From, To: q.To, Port: q.Port, Ops: q.Ops})
	if err != nil {
		return Remedy{}, err
	}
	return remedyOf(m, a), nil
}
