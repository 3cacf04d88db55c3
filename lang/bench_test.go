package lang_test

import (
	"testing"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/testdata/synth/mesh"
)

// BenchmarkParse parses the sources of 10,000 services, one file for each of 200 meshes.
func BenchmarkParse(b *testing.B) {
	files := mesh.Generate(mesh.Config{Services: 10_000})
	size, statements := 0, 0
	for _, f := range files {
		size += len(f.Data)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		statements = 0
		for _, f := range files {
			file, list := lang.Parse(f.Path, f.Data)
			if len(list) > 0 {
				b.Fatal(list[0].Error())
			}
			statements += len(file.Stmts)
		}
	}
	b.ReportMetric(float64(statements), "statements/op")
}

// BenchmarkParseOne parses the same text as a single file.
func BenchmarkParseOne(b *testing.B) {
	var text []byte
	for _, f := range mesh.Generate(mesh.Config{Services: 10_000}) {
		text = append(text, f.Data...)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, list := lang.Parse("all.mesh", text); len(list) > 0 {
			b.Fatal(list[0].Error())
		}
	}
}
