package targets

import "strconv"

// Fields is a mapping to write. Its values are Fields, lists of Fields or of strings, strings, and numbers.
type Fields []Field

// Field is a key of a mapping with its value.
type Field struct {
	Key   string
	Value any
}

// appendFields appends the entries of a mapping, one per line. With inline the first one is not indented.
func appendFields(dst []byte, fields Fields, indent int, inline bool) []byte {
	for _, f := range fields {
		if !inline {
			dst = appendSpaces(dst, indent)
		}
		inline = false
		dst = appendMapKey(dst, f.Key, indent)
		switch v := f.Value.(type) {
		case Fields:
			if len(v) == 0 {
				dst = append(dst, " {}\n"...)
				continue
			}
			dst = appendFields(append(dst, '\n'), v, indent+2, false)
		case []Fields:
			if len(v) == 0 {
				dst = append(dst, " []\n"...)
				continue
			}
			dst = append(dst, '\n')
			for _, item := range v {
				dst = append(appendSpaces(dst, indent), "- "...)
				if len(item) == 0 {
					dst = append(dst, "{}\n"...)
					continue
				}
				dst = appendFields(dst, item, indent+2, true)
			}
		case []string:
			dst = append(dst, '\n')
			for _, item := range v {
				dst = endLine(appendString(append(appendSpaces(dst, indent), "- "...), item, indent+2))
			}
		case string:
			dst = endLine(appendString(append(dst, ' '), v, indent+2))
		case uint16:
			dst = append(strconv.AppendUint(append(dst, ' '), uint64(v), 10), '\n')
		case bool:
			dst = append(strconv.AppendBool(append(dst, ' '), v), '\n')
		}
	}
	return dst
}
