package traffic

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"strings"
)

// Seen is what there was in logs, metrics and graphs besides calls.
type Seen struct {
	Log
	Metrics
}

// Read reads a log, metrics or a graph, whichever it is, and hands each call on.
func (x *Seen) Read(r io.Reader, do func(*Call)) error {
	size := sizeOf(r)
	in := bufio.NewReaderSize(r, maxLine)
	head, err := in.Peek(4096)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) && bytes.Contains(head, []byte(`"resultType"`)):
		return x.readMetrics(in, size, do)
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) && bytes.Contains(head, []byte(`"elements"`)) && bytes.Contains(head, []byte(`"graphType"`)):
		return readGraph(in, size, do)
	}
	return x.Log.Read(in, do)
}

// sizeOf is the size of what is read, if it is a file; else 0.
func sizeOf(r io.Reader) int {
	if f, ok := r.(fs.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return int(info.Size())
		}
	}
	return 0
}

// textOf reads all of a text of a size that may be known.
func textOf(r io.Reader, size int) (string, error) {
	var b strings.Builder
	b.Grow(size)
	_, err := io.Copy(&b, r)
	return b.String(), err
}
