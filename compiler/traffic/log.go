package traffic

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// Log is what there was in a log besides calls.
type Log struct {
	Lines   int    // that are not empty
	Unknown int    // of them, that are not understood
	First   string // of these
	FirstAt int    // its number, from 1
}

// maxLine is the length of the longest line that is read.
const maxLine = 1 << 20

// Read reads a log line by line and hands each call on. A call is valid until the function returns. The log may be of any
// length, and the lines in it of several proxies.
func (l *Log) Read(r io.Reader, do func(*Call)) error {
	in := bufio.NewReaderSize(r, maxLine)
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		tooLong := errors.Is(err, bufio.ErrBufferFull)
		text := strings.TrimSpace(string(line))
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if text != "" {
			l.Lines++
			if c, ok := parse(text); ok && !tooLong {
				do(&c)
			} else {
				l.unknown(number, text)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// longest is how much of a line that is not understood is shown.
const longest = 300

func (l *Log) unknown(number int, line string) {
	if l.Unknown++; l.Unknown > 1 {
		return
	}
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest], "") + "…"
	}
	l.First, l.FirstAt = line, number
}

// parse reads one line.
func parse(line string) (Call, bool) {
	line, pod := withoutPrefix(line)
	e, ok := textEntry(line)
	if !ok {
		return Call{}, false
	}
	c, ok := e.call()
	if ok && c.To.Pod == "" && c.To.Address.IsValid() {
		c.To.Pod = pod
	}
	return c, ok
}

// withoutPrefix takes away what kubectl writes before a line: `[pod/NAME/CONTAINER] ` with --prefix, and the time with --timestamps.
// https://kubernetes.io/docs/reference/kubectl/generated/kubectl_logs/
func withoutPrefix(line string) (rest, pod string) {
	if after, ok := strings.CutPrefix(line, "[pod/"); ok {
		if name, after, ok := strings.Cut(after, "] "); ok {
			pod, _, _ = strings.Cut(name, "/")
			line = after
		}
	}
	if at, after, ok := strings.Cut(line, " "); ok && stamp(at) != "" && strings.HasPrefix(after, "[") {
		line = after
	}
	return line, pod
}
