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

	Formats []*Format // that access logs have beside those of Istio

	debug map[string]*debugLines // by pod, where the log says of which
	seen  recent
	held  held
}

// maxLine is the length of the longest line that is read.
const maxLine = 1 << 20

// Read reads a log line by line and hands each call on. A call is valid until the function returns. The log may be of
// any length, and the lines in it of several proxies.
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
			if tooLong || !l.parse(text, do) {
				l.unknown(number, text)
			}
		}
		if errors.Is(err, io.EOF) {
			l.held.flush(do)
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

// parse reads one line, and reports whether it is understood.
func (l *Log) parse(line string, do func(*Call)) bool {
	line, pod := withoutPrefix(line)
	var c Call
	id, ok := "", false
	formats := l.Formats
	if line[0] == '[' {
		formats = append(formats[:len(formats):len(formats)], istioText)
	}
	for _, f := range formats {
		var e accessEntry
		if e, ok = f.entry(line); ok {
			if c, ok = e.call(); ok {
				id = e.id()
				break
			}
		}
	}
	switch {
	case ok || line[0] == '[':
	case line[0] == '{':
		c, id, ok = jsonEntry(line)
	default:
		if z, isTunnel := tunnelText(line); isTunnel {
			c, ok = z.call()
			break
		}
		if text, isGRPC := grpcMessage(line); isGRPC {
			done, understood := l.debugOf(pod).grpc.take(text, pod)
			if done == nil {
				return understood
			}
			c, ok = *done, true
			break
		}
		done, isDebug := l.debugOf(pod).take(line)
		if done == nil {
			return isDebug
		}
		c, ok = done.Call, true
		l.seen.add(done.request)
		l.seen.add(done.peers)
	}
	switch {
	case !ok:
		return false
	case id != "" && l.seen.has(id): // the RBAC filter has told of it
		return true
	}
	if c.To.Pod == "" && c.To.Address.IsValid() && !c.outbound {
		c.To.Pod = pod
	}
	if c.Outcome != Aside {
		c.clean()
		l.held.pass(&c, do)
	}
	return true
}

// held is connections of which requests may be seen yet. Hubble tells of a connection at each place that it passes, and
// of the requests in it where a proxy reads them: then these are the calls.
type held struct {
	calls map[string]*Call // by connection; nil where there is nothing more to be said of it
	order []string
}

// pass hands a call on, or holds it.
func (h *held) pass(c *Call, do func(*Call)) {
	if c.connection == "" {
		do(c)
		return
	}
	_, known := h.calls[c.connection]
	if !known {
		h.add(c.connection, do)
	}
	switch {
	case c.HTTP:
		h.calls[c.connection] = nil
		do(c)
	case !known:
		kept := *c
		h.calls[c.connection] = &kept
	}
}

// maxHeld bounds the connections that are remembered.
const maxHeld = 4096

func (h *held) add(connection string, do func(*Call)) {
	if h.calls == nil {
		h.calls = map[string]*Call{}
	}
	if len(h.order) >= maxHeld {
		h.done(h.order[0], do)
		h.order = h.order[1:]
	}
	h.order = append(h.order, connection)
}

func (h *held) done(connection string, do func(*Call)) {
	if c := h.calls[connection]; c != nil {
		do(c)
	}
	delete(h.calls, connection)
}

// flush hands on what is held.
func (h *held) flush(do func(*Call)) {
	for _, connection := range h.order {
		h.done(connection, do)
	}
	h.order = nil
}

// maxPods bounds the pods whose messages are put together at once.
const maxPods = 1024

func (l *Log) debugOf(pod string) *debugLines {
	d := l.debug[pod]
	if d == nil {
		if l.debug == nil || len(l.debug) >= maxPods {
			l.debug = map[string]*debugLines{}
		}
		d = new(debugLines)
		l.debug[strings.Clone(pod)] = d
	}
	return d
}

// recent is the last of some texts.
type recent struct {
	texts map[string]bool
	ring  [4096]string
	next  int
}

func (r *recent) add(text string) {
	if text == "" || r.texts[text] {
		return
	}
	if r.texts == nil {
		r.texts = map[string]bool{}
	}
	delete(r.texts, r.ring[r.next])
	text = strings.Clone(text)
	r.ring[r.next], r.texts[text] = text, true
	r.next = (r.next + 1) % len(r.ring)
}

func (r *recent) has(text string) bool { return r.texts[text] }

// withoutPrefix takes away what kubectl writes before a line: `[pod/NAME/CONTAINER] ` with --prefix, and the time with
// --timestamps.
// https://kubernetes.io/docs/reference/kubectl/generated/kubectl_logs/
func withoutPrefix(line string) (rest, pod string) {
	if after, ok := strings.CutPrefix(line, "[pod/"); ok {
		if name, after, ok := strings.Cut(after, "] "); ok {
			pod, _, _ = strings.Cut(name, "/")
			line = after
		}
	}
	if at, after, ok := strings.Cut(line, " "); ok && stamp(at) != "" && after != "" && (after[0] == '[' || after[0] == '{') {
		line = after
	}
	return line, pod
}
