package diag_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

func TestApply(t *testing.T) {
	l := diag.List{
		diag.New(diag.UnknownService, source.Span{}, "an error"),
		diag.New(diag.SelfEdge, source.Span{}, "a warning"),
		diag.New(diag.SkippedTemplate, source.Span{}, "a note"),
	}
	for name, c := range map[string]struct {
		levels map[diag.Code]diag.Level
		want   []diag.Severity
	}{
		"no levels":                 {nil, []diag.Severity{diag.Error, diag.Warning, diag.Note}},
		"errors cannot be demoted":  {map[diag.Code]diag.Level{diag.UnknownService: diag.Silence}, []diag.Severity{diag.Error, diag.Warning, diag.Note}},
		"a warning is silenced":     {map[diag.Code]diag.Level{diag.SelfEdge: diag.Silence}, []diag.Severity{diag.Error, diag.Note}},
		"a warning fails the build": {map[diag.Code]diag.Level{diag.SelfEdge: diag.Fail}, []diag.Severity{diag.Error, diag.Error, diag.Note}},
		"a warning stays":           {map[diag.Code]diag.Level{diag.SelfEdge: diag.Warn}, []diag.Severity{diag.Error, diag.Warning, diag.Note}},
		"a note is silenced":        {map[diag.Code]diag.Level{diag.SkippedTemplate: diag.Silence}, []diag.Severity{diag.Error, diag.Warning}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []diag.Severity
			for _, d := range l.Apply(c.levels) {
				got = append(got, d.Severity)
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, diag.Warning, l[1].Severity, "the list itself is left as it is")
		})
	}
}

func TestParseLevel(t *testing.T) {
	for word, want := range map[string]diag.Level{"warn": diag.Warn, "silence": diag.Silence, "error": diag.Fail} {
		got, err := diag.ParseLevel(word)
		assert.NoError(t, err)
		assert.Equal(t, want, got)
		assert.Equal(t, word, got.String())
	}
	_, err := diag.ParseLevel("ignore")
	assert.EqualError(t, err, `unknown level "ignore"; want silence, warn or error`)
}
