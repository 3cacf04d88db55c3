package yamldoc

import (
	"encoding/json"
	"iter"
	"strings"

	"github.com/meshc/meshc/lang/source"
)

// Split cuts a stream into its documents without parsing them, so that a broken one leaves the others readable. `---`
// and `...` at the start of a line are markers everywhere, in block scalars and quotes too (YAML 1.2, c-forbidden).
// JSON objects that follow one another without markers are documents too, as in kubectl. Documents without content are
// omitted.
func Split(f *source.File) iter.Seq[*Document] {
	return func(yield func(*Document) bool) {
		begin := 0
		if strings.HasPrefix(f.Text, mark) {
			begin = len(mark)
		}
		start, startLine := begin, 0
		opened, directives, content := false, false, false // has its `---`, has `%` lines, has more than these and comments
		cut := func(end int) bool {
			if !content && !directives {
				return true
			}
			return (&Document{File: f, Text: f.Text[start:end], start: start, line: startLine}).objects(yield)
		}
		for i, line := begin, 0; i < len(f.Text); line++ {
			end := len(f.Text)
			if n := strings.IndexByte(f.Text[i:], '\n'); n >= 0 {
				end = i + n + 1
			}
			if c := f.Text[i]; content && c != '-' && c != '.' && c != mark[0] {
				i = end
				continue
			}
			text := f.Text[i:end]
			if marked, ok := strings.CutPrefix(text, mark); ok && i > 0 && (!content || marker(marked, "---")) { // files that were joined
				if marker(marked, "---") && content && !cut(i) {
					return
				}
				i += len(mark)
				text = marked
				start, startLine, directives, content = i, line, false, false
			}
			switch {
			case marker(text, "---"):
				if opened || content || !directives {
					if !cut(i) {
						return
					}
					start, startLine, directives = i, line, false
				}
				opened, content = true, hasContent(text[3:])
			case marker(text, "..."):
				if !cut(i) {
					return
				}
				start, startLine, opened, directives, content = end, line+1, false, false, false
				if hasContent(text[3:]) { // YAML has nothing here: Parse says so
					start, startLine, content = i, line, true
				}
			case !opened && !content && text[0] == '%':
				directives = true
			case !content:
				content = hasContent(text)
			}
			i = end
		}
		cut(len(f.Text))
	}
}

// mark is the byte order mark, which may precede every document (YAML 1.2, l-document-prefix).
const mark = "\ufeff"

// hasContent reports whether a line may have more than white space and a comment, which ends at any line break of YAML.
func hasContent(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && (line[0] != '#' || linesOf(line) != nil)
}

// objects cuts a document that begins with a JSON object before each further one.
func (d *Document) objects(yield func(*Document) bool) bool {
	for {
		text := strings.TrimLeft(d.Text, " \t\r\n")
		if text == "" || text[0] != '{' {
			return yield(d)
		}
		var object json.RawMessage
		decoder := json.NewDecoder(strings.NewReader(text))
		if decoder.Decode(&object) != nil {
			return yield(d)
		}
		end := len(d.Text) - len(text) + int(decoder.InputOffset())
		end += len(d.Text[end:]) - len(strings.TrimLeft(d.Text[end:], " \t\r\n"))
		if end == len(d.Text) {
			d.json = true
			return yield(d)
		}
		if d.Text[end] != '{' {
			return yield(d)
		}
		if !yield(&Document{File: d.File, Text: d.Text[:end], start: d.start, line: d.line, json: true}) {
			return false
		}
		d = &Document{File: d.File, Text: d.Text[end:], start: d.start + end, line: d.line + strings.Count(d.Text[:end], "\n")}
	}
}

func marker(line, sign string) bool {
	return strings.HasPrefix(line, sign) && (len(line) == len(sign) || strings.IndexByte(" \t\r\n", line[len(sign)]) >= 0)
}
