package targets

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"
)

// plan is how messages of a type are written: its fields, sorted by key.
type plan struct {
	known  bool // it is a well-known type, which has a JSON form of its own
	fields []field
}

type field struct {
	protoreflect.FieldDescriptor
	key      string
	explicit bool
	access   access
	at       int                          // of the field in the Go struct, or of the oneof that it is one of
	message  *plan                        // of the value, if it is a message
	value    protoreflect.FieldDescriptor // of a map, its value; else the field itself
}

// access is how a field is read: those that nearly all fields have, directly, and of others whether they are set.
type access uint8

const (
	byDescriptor access = iota
	text                // string
	texts               // []string
	message             // *M
	messages            // []*M
	enum                // which is not set where it is zero
	choice              // one of a oneof, which is not set where that is nil
)

func (w *Writer) plan(t reflect.Type) *plan {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.planLocked(t)
}

// planLocked is the plan of a type of messages, which is that of a pointer to a struct.
func (w *Writer) planLocked(t reflect.Type) *plan {
	if p := w.plans[t]; p != nil {
		return p
	}
	d := reflect.Zero(t).Interface().(proto.Message).ProtoReflect().Descriptor()
	p := &plan{known: d.ParentFile().Package() == "google.protobuf"}
	w.plans[t] = p // before its fields, because types may be recursive
	places, choices := places(t.Elem())
	fields := d.Fields()
	for i := range fields.Len() {
		f := field{FieldDescriptor: fields.Get(i)}
		f.key = f.JSONName()
		f.explicit = w.explicit[f.FullName()]
		f.value = f.FieldDescriptor
		if f.IsMap() {
			f.value = f.MapValue()
		}
		if m := f.value.Message(); m != nil {
			f.message = w.planLocked(goType(m))
		}
		f.at = places[f.Number()]
		if f.access = accessOf(f.FieldDescriptor, f.at); f.ContainingOneof() != nil && !f.ContainingOneof().IsSynthetic() {
			f.at, f.access = choices[f.ContainingOneof().Name()], choice
		}
		p.fields = append(p.fields, f)
	}
	slices.SortFunc(p.fields, func(a, b field) int { return compareKeys(a.key, b.key) })
	return p
}

// places is where the fields of a message are in its Go struct, by their numbers, and where its oneofs are.
func places(t reflect.Type) (at map[protoreflect.FieldNumber]int, oneofs map[protoreflect.Name]int) {
	at, oneofs = map[protoreflect.FieldNumber]int{}, map[protoreflect.Name]int{}
	for i := range t.NumField() {
		if tag := strings.Split(t.Field(i).Tag.Get("protobuf"), ","); len(tag) > 1 {
			if number, err := strconv.Atoi(tag[1]); err == nil {
				at[protoreflect.FieldNumber(number)] = i
			}
		}
		if oneof := t.Field(i).Tag.Get("protobuf_oneof"); oneof != "" {
			oneofs[protoreflect.Name(oneof)] = i
		}
	}
	return at, oneofs
}

// goType is the type of pointers to messages that are described.
func goType(d protoreflect.MessageDescriptor) reflect.Type {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		panic(err) // only generated messages are written
	}
	return reflect.TypeOf(t.Zero().Interface())
}

func accessOf(f protoreflect.FieldDescriptor, at int) access {
	isMessage, isText := f.Kind() == protoreflect.MessageKind, f.Kind() == protoreflect.StringKind
	switch {
	case at == 0 || f.IsMap() || f.HasPresence() && !isMessage:
	case isMessage && f.IsList():
		return messages
	case isMessage:
		return message
	case isText && f.IsList():
		return texts
	case isText:
		return text
	case f.Kind() == protoreflect.EnumKind && !f.IsList():
		return enum
	}
	return byDescriptor
}

// appendField appends a message, of which m is a pointer, after the colon of its key; indent is that of the key.
func appendField(dst []byte, p *plan, m reflect.Value, indent int) []byte {
	if p.known {
		return append(appendKnown(append(dst, ' '), p, reflected(m)), '\n')
	}
	n := len(dst)
	dst = append(dst, '\n')
	start := len(dst)
	if dst = appendMessage(dst, p, m, indent+2, false); len(dst) == start {
		dst = append(dst[:n], " {}\n"...)
	}
	return dst
}

// appendItem appends a message after the dash of a sequence item; indent is that of the dash.
func appendItem(dst []byte, p *plan, m reflect.Value, indent int) []byte {
	if p.known {
		return append(appendKnown(dst, p, reflected(m)), '\n')
	}
	start := len(dst)
	if dst = appendMessage(dst, p, m, indent+2, true); len(dst) == start {
		dst = append(dst, "{}\n"...)
	}
	return dst
}

func reflected(m reflect.Value) protoreflect.Message {
	return m.Interface().(proto.Message).ProtoReflect()
}

// appendMessage appends the fields of a message that are set, one per line. With inline the first one is not indented.
func appendMessage(dst []byte, p *plan, m reflect.Value, indent int, inline bool) []byte {
	if m.IsNil() {
		return dst
	}
	fields := m.Elem()
	key := func(f *field) {
		if !inline {
			dst = appendSpaces(dst, indent)
		}
		inline = false
		dst = append(append(dst, f.key...), ':')
	}
	for i := range p.fields {
		f := &p.fields[i]
		switch f.access {
		case text:
			if s := fields.Field(f.at).String(); s != "" {
				key(f)
				dst = endLine(appendString(append(dst, ' '), s, indent+2))
			}
		case texts:
			if all := fields.Field(f.at); all.Len() > 0 {
				key(f)
				dst = append(dst, '\n')
				for j := range all.Len() {
					dst = append(appendSpaces(dst, indent), "- "...)
					dst = endLine(appendString(dst, all.Index(j).String(), indent+2))
				}
			}
		case message:
			if v := fields.Field(f.at); !v.IsNil() {
				key(f)
				dst = appendField(dst, f.message, v, indent)
			}
		case messages:
			if all := fields.Field(f.at); all.Len() > 0 {
				key(f)
				dst = append(dst, '\n')
				for j := range all.Len() {
					dst = append(appendSpaces(dst, indent), "- "...)
					dst = appendItem(dst, f.message, all.Index(j), indent)
				}
			}
		case enum:
			if v := fields.Field(f.at).Int(); v != 0 || f.explicit {
				key(f)
				dst = endLine(appendEnum(append(dst, ' '), f.value, protoreflect.EnumNumber(v), indent+2))
			}
		case choice:
			if fields.Field(f.at).IsNil() {
				continue
			}
			fallthrough
		default:
			if m := reflected(m); m.Has(f.FieldDescriptor) || f.explicit {
				key(f)
				dst = appendDescribed(dst, f, m.Get(f.FieldDescriptor), indent)
			}
		}
	}
	return dst
}

// appendDescribed appends the value of a field of any kind after the colon of its key; indent is that of the key.
func appendDescribed(dst []byte, f *field, v protoreflect.Value, indent int) []byte {
	switch {
	case f.IsList():
		dst = append(dst, '\n')
		list := v.List()
		for j := range list.Len() {
			dst = append(appendSpaces(dst, indent), "- "...)
			dst = endLine(appendValue(dst, f.value, list.Get(j), indent+2))
		}
		return dst
	case f.IsMap():
		return appendMap(append(dst, '\n'), f, v.Map(), indent+2)
	case f.message != nil:
		return appendField(dst, f.message, reflect.ValueOf(v.Message().Interface()), indent)
	}
	return endLine(appendValue(append(dst, ' '), f.value, v, indent+2))
}

func appendMap(dst []byte, f *field, m protoreflect.Map, indent int) []byte {
	type entry struct {
		key   string
		value protoreflect.Value
	}
	entries := make([]entry, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		entries = append(entries, entry{k.String(), v})
		return true
	})
	// compareKeys is not always transitive. Sorting by bytes first keeps the order of the map out of the result.
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	slices.SortStableFunc(entries, func(a, b entry) int { return compareKeys(a.key, b.key) })
	for _, e := range entries {
		dst = appendMapKey(appendSpaces(dst, indent), e.key, indent)
		if f.message != nil {
			dst = appendField(dst, f.message, reflect.ValueOf(e.value.Message().Interface()), indent)
		} else {
			dst = endLine(appendValue(append(dst, ' '), f.value, e.value, indent+2))
		}
	}
	return dst
}

func appendEnum(dst []byte, f protoreflect.FieldDescriptor, v protoreflect.EnumNumber, indent int) []byte {
	if e := f.Enum().Values().ByNumber(v); e != nil {
		return appendString(dst, string(e.Name()), indent)
	}
	return strconv.AppendInt(dst, int64(v), 10)
}

// appendValue appends a scalar in its JSON form (https://protobuf.dev/programming-guides/json/).
func appendValue(dst []byte, f protoreflect.FieldDescriptor, v protoreflect.Value, indent int) []byte {
	switch f.Kind() {
	case protoreflect.StringKind:
		return appendString(dst, v.String(), indent)
	case protoreflect.BoolKind:
		return strconv.AppendBool(dst, v.Bool())
	case protoreflect.EnumKind:
		return appendEnum(dst, f, v.Enum(), indent)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return strconv.AppendInt(dst, v.Int(), 10)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return strconv.AppendUint(dst, v.Uint(), 10)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return append(append(append(dst, '"'), v.String()...), '"')
	case protoreflect.FloatKind:
		// The shortest decimal that reads back as this float32.
		short, _ := strconv.ParseFloat(strconv.FormatFloat(v.Float(), 'g', -1, 32), 64)
		return appendFloat(dst, short)
	case protoreflect.DoubleKind:
		return appendFloat(dst, v.Float())
	}
	return appendString(dst, base64.StdEncoding.EncodeToString(v.Bytes()), indent)
}

func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == math.Trunc(f) && math.Abs(f) < 1<<63:
		return strconv.AppendInt(dst, int64(f), 10)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// appendKnown appends a message with a scalar JSON form: a duration, or a wrapper of one value.
func appendKnown(dst []byte, p *plan, m protoreflect.Message) []byte {
	if d, ok := m.Interface().(*durationpb.Duration); ok {
		return appendDuration(dst, d)
	}
	f := &p.fields[0]
	return appendValue(dst, f.value, m.Get(f.FieldDescriptor), 0)
}

// appendDuration appends seconds with no, three, six or nine decimals, whichever suffices.
func appendDuration(dst []byte, d *durationpb.Duration) []byte {
	seconds, nanos := d.GetSeconds(), d.GetNanos()
	if seconds < 0 || nanos < 0 {
		dst = append(dst, '-')
		seconds, nanos = -seconds, -nanos
	}
	dst = strconv.AppendInt(dst, seconds, 10)
	if nanos != 0 {
		digits := strconv.Itoa(1_000_000_000 + int(nanos))[1:]
		for len(digits) > 3 && digits[len(digits)-3:] == "000" {
			digits = digits[:len(digits)-3]
		}
		dst = append(append(dst, '.'), digits...)
	}
	return append(dst, 's')
}
