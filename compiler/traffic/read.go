package traffic

import (
	"bufio"
	"bytes"
	"io"
)

// Seen is what there was in logs, metrics and graphs besides calls.
type Seen struct {
	Log
	Metrics
}

// Read reads a log, metrics or a graph, whichever it is, and hands each call on.
func (x *Seen) Read(r io.Reader, do func(*Call)) error {
	in := bufio.NewReaderSize(r, maxLine)
	head, err := in.Peek(4096)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) && bytes.Contains(head, []byte(`"resultType"`)):
		return x.ReadMetrics(in, do)
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) && bytes.Contains(head, []byte(`"elements"`)) && bytes.Contains(head, []byte(`"graphType"`)):
		return ReadGraph(in, do)
	}
	return x.Log.Read(in, do)
}
