package check

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// claim converts a condition on a claim of a token.
func (c *checker) claim(claim *lang.Condition) (w policy.Condition, ok bool) {
	w = policy.Condition{Dimension: policy.TokenDimension, Key: claimPath(claim.Name), Not: claim.No, At: claim.Range}
	ok = true
	for _, v := range claim.Values {
		ok = c.validPattern(v) && c.matchesSome(claim, w.Key, v) && ok
		w.Values = append(w.Values, v.Text)
	}
	slices.Sort(w.Values)
	w.Values = slices.Compact(w.Values)
	return w, ok
}

// claimPath is the path of a claim: dots separate its parts, unless it is in quotes.
func claimPath(n lang.Name) []string {
	if n.Quoted {
		return []string{n.Text}
	}
	return strings.Split(n.Text, ".")
}

// matchesSome reports a value that a claim never has as proxies see it: a text with a space where they see a list, or
// what is no text.
func (c *checker) matchesSome(claim *lang.Condition, path []string, v lang.Name) bool {
	name, no := claim.Name.Written(), ""
	if claim.No {
		no = "no "
	}
	if words := strings.Fields(v.Text); len(path) == 1 && policy.SpaceDelimited(path[0]) && strings.Contains(v.Text, " ") {
		help := "write one of the words between the spaces"
		switch {
		case len(words) > 1 && claim.No:
			help = "write `no " + name + "=" + strings.Join(words, "|") + "` for a token with none of them"
		case len(words) > 1:
			help = "write `" + name + "=" + strings.Join(words, " "+name+"=") + "` for a token with all of them, `" + name + "=" + strings.Join(words, "|") + "` for one of them"
		case len(words) == 1:
			help = "write `" + no + name + "=" + words[0] + "`"
		}
		c.list.Add(diag.InvalidValue, v.Range, "no text of the claim %[2]s matches %[1]s: a proxy splits the claim into words at its spaces", quoted(v.Text), name).
			WithHelp("%s", help)
		return false
	}
	kind := ""
	if _, err := strconv.ParseFloat(v.Text, 64); err == nil {
		kind = "a number"
	} else if v.Text == "true" || v.Text == "false" {
		kind = "a boolean"
	}
	if kind == "" || v.Quoted {
		return true
	}
	d := c.list.Add(diag.NoTextClaim, v.Range, "a token whose claim %s is %s does not match this: proxies compare only text", name, kind)
	if claim.No {
		d.WithNote("so `no %s=%s` holds for it", name, v.Text)
	}
	d.WithHelp("use a claim that is text; quotes around the value state that this one is")
	return true
}
