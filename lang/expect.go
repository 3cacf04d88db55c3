package lang

import (
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// expectation is what the parser needs at the token where it stops. Quick fixes depend on it; its wording is chosen
// only when a mistake is reported.
type expectation uint8

const (
	satisfied expectation = iota // the statement may end here
	aCaller
	aService
	anotherService
	aDestination
	aServicePerPort
	anArrow
	aQualifiedService
	aPort
	aValue
	aHeader
	aHeaderName
	anIssuer
	anException
	anExceptPort
	anOperation
	aMethod
	aCommaOrBrace
	aDate
	aReason
	aMeshName
	aServiceName
	anAccount
	anAddress
	aPortNumber
	aLabel
	aLabelSign
	aLabelValue
	anExternalName
	aHost
	aGroupName
	aGroupSign
	aTo
	aGrantee
	anotherGrantee
	aMode
	aProvider
	anIssuerName
	aVerifier
	aURL
	anAudience
	aCarrier
	aQueryParameter
	aCookie
	aPrefix
	aClaim
	aPassedHeader
	expectations
)

// wordings may contain LAST, the token in front, and TOUCHING, which includes the tokens that touch that one.
var wordings = [expectations]string{
	aCaller:           "a caller",
	aService:          "a service after LAST",
	anotherService:    "another service after `,`",
	aDestination:      "a service after `->`",
	aServicePerPort:   "a service after `,`",
	anArrow:           "`->` and a destination",
	aQualifiedService: "a service immediately after TOUCHING",
	aPort:             "a port after TOUCHING",
	aValue:            "a value after LAST",
	aHeader:           "`header` and its name after `no`",
	aHeaderName:       "the name of a header after `header`",
	anIssuer:          "an issuer, or `any`, after LAST",
	anException:       "an operation, a port or a caller after LAST",
	anExceptPort:      "`:` in front of the port",
	anOperation:       "an operation such as `GET /api/*`",
	aMethod:           "a method after `|`",
	aCommaOrBrace:     "`,` or `}` after the operation",
	aDate:             "a date after `until`, such as 2027-03-31",
	aReason:           "a reason in double quotes after `because`",
	aMeshName:         "the name of a mesh after `mesh`",
	aServiceName:      "the name of the service",
	anAccount:         "the name of an account after LAST",
	anAddress:         "an address after `address`, such as 10.0.3.0/24",
	aPortNumber:       "a number after `port`",
	aLabel:            "a label after `label`, such as app=db",
	aLabelSign:        "`=` and a value after TOUCHING",
	aLabelValue:       "a value after TOUCHING",
	anExternalName:    "the name of the external",
	aHost:             "a host name after LAST",
	aGroupName:        "the name of the group",
	aGroupSign:        "`=` after the name of the group",
	aTo:               "`to` and who may call",
	aGrantee:          "a mesh, a service of one, or `*` after `to`",
	anotherGrantee:    "another mesh or service after `,`",
	aMode:             "a mode: strict, permissive or disable",
	aProvider:         "the name of a provider after `ask`",
	anIssuerName:      "the name of the issuer",
	aVerifier:         "`at` and a service after LAST",
	aURL:              "a URL after LAST, such as https://auth.example.com",
	anAudience:        "an audience after LAST",
	aCarrier:          "`header`, `query` or `cookie` after `from`",
	aQueryParameter:   "the name of a query parameter after `query`",
	aCookie:           "the name of a cookie after `cookie`",
	aClaim:            "a claim after `claim`",
	aPassedHeader:     "`to header` and the name of a header after LAST",
	aPrefix:           "a prefix after `prefix`, such as \"Token \"",
}

// expected words what the parser needed at the mistake.
func (m *mistake) expected() string {
	first := m.at - 1
	for first > 0 && m.words[first-1].End == m.words[first].Start {
		first--
	}
	touching := m.span(first).To(m.span(m.at - 1)).Text()
	return strings.NewReplacer("LAST", quoted(m.text(m.at-1)), "TOUCHING", quoted(touching)).Replace(wordings[m.want])
}

// refusal is the error of a part of a statement that reads its tokens itself.
type refusal struct {
	want   expectation
	offset int
}

func (r *refusal) Error() string { return wordings[r.want] }

// refuse returns the error of a part that stopped at the next token, or nil if it is satisfied.
func refuse(lex *lexer.PeekingLexer, want expectation) error {
	if want == satisfied {
		return nil
	}
	return &refusal{want, lex.Peek().Pos.Offset}
}
