package diag

import (
	"cmp"
	"slices"
)

// Code names a kind of finding. Codes are never renumbered.
type Code string

// The codes. What each means, with an example, stands in Table.
const (

	// Syntax: MESH0xxx
	InvalidCharacter    Code = "MESH0001"
	NotText             Code = "MESH0002"
	UnexpectedToken     Code = "MESH0003"
	UnknownStatement    Code = "MESH0004"
	UnterminatedString  Code = "MESH0005"
	IncompleteStatement Code = "MESH0006"
	SourceTooLarge      Code = "MESH0007"
	UnbalancedBraces    Code = "MESH0008"
	DrawnIn             Code = "MESH0009"

	// Names and types: MESH1xxx
	UnknownService       Code = "MESH1001"
	UnknownMesh          Code = "MESH1002"
	UnknownAccount       Code = "MESH1003"
	UnknownPort          Code = "MESH1004"
	DuplicateDeclaration Code = "MESH1005"
	DuplicateMode        Code = "MESH1006"
	InvalidName          Code = "MESH1007"
	InvalidValue         Code = "MESH1008"
	NoSection            Code = "MESH1009"
	AmbiguousName        Code = "MESH1010"
	ServicePort          Code = "MESH1011"
	RepeatedClause       Code = "MESH1012"
	AccountMismatch      Code = "MESH1013"
	NotHTTP              Code = "MESH1014"
	InvalidOperation     Code = "MESH1015"
	NotADestination      Code = "MESH1016"
	MisplacedClause      Code = "MESH1017"
	NoIdentitySource     Code = "MESH1018"
	MalformedManifest    Code = "MESH1101"
	DuplicateManifest    Code = "MESH1102"
	ManifestTooLarge     Code = "MESH1103"
	NoNamespace          Code = "MESH1104"
	SkippedTemplate      Code = "MESH1105"
	NothingRead          Code = "MESH1106"
	UnknownField         Code = "MESH1107"
	MalformedConfig      Code = "MESH1201"
	UnknownKey           Code = "MESH1202"
	InvalidSetting       Code = "MESH1203"

	// Policy: MESH2xxx
	SharedAccount        Code = "MESH2001"
	OverlappingSelectors Code = "MESH2002"
	NotExported          Code = "MESH2003"
	NotOwner             Code = "MESH2004"
	NoIdentity           Code = "MESH2005"
	OutsideIntoStrict    Code = "MESH2006"
	ExternalSource       Code = "MESH2007"
	ExternalMode         Code = "MESH2008"
	RootNamespace        Code = "MESH2009"
	Expired              Code = "MESH2010"
	NeverBroken          Code = "MESH2011"
	AlwaysBroken         Code = "MESH2012"
	OnlyBroken           Code = "MESH2013"
	SelectorMismatch     Code = "MESH2014"
	SharedAddress        Code = "MESH2015"
	ProxiedOutside       Code = "MESH2016"
	NoProxy              Code = "MESH2101"
	PermissiveCallee     Code = "MESH2102"
	WorldIntoStrict      Code = "MESH2103"
	OutsideCallee        Code = "MESH2104"
	DuplicateEdge        Code = "MESH2105"
	CoveredByDeny        Code = "MESH2106"
	SelfEdge             Code = "MESH2107"
	IdleService          Code = "MESH2108"
	UnusedAccount        Code = "MESH2109"
	DefaultAccount       Code = "MESH2110"
	UnusedExternal       Code = "MESH2111"
	SmallGroup           Code = "MESH2112"
	UnusedExport         Code = "MESH2113"
	NoMode               Code = "MESH2114"
	UncoveredScrape      Code = "MESH2115"
	Expiring             Code = "MESH2116"
	AroundDeny           Code = "MESH2117"
	BareMethod           Code = "MESH2118"
	AlsoServicePort      Code = "MESH2119"
	UnknownOwned         Code = "MESH2120"
	Unmanifested         Code = "MESH2121"
	LastOnly             Code = "MESH2124"
	AboutNothing         Code = "MESH2125"

	// Targets: MESH3xxx
	Inexpressible Code = "MESH3001"
	ManifestLimit Code = "MESH3002"
	Unevaluable   Code = "MESH3003"
	Ineffective   Code = "MESH3004"
	Undecided     Code = "MESH3005"
	NotJudged     Code = "MESH3006"
	Misleading    Code = "MESH3007"
	Unjudged      Code = "MESH3008"

	// Delivery: MESH4xxx
	ForeignFile      Code = "MESH4001"
	ChangedFile      Code = "MESH4002"
	OtherEnvironment Code = "MESH4003"
	LeftOut          Code = "MESH4004"
)

// Entry is what there is to know about a code. Bad and Good are a whole project each: intents alone, or a
// txtar archive with workload manifests (k8s/), meshc.yaml and an output folder (out/) beside them. A test
// builds every Bad, as of ExampleDay, and wants exactly this code of it, and every Good and wants no finding.
type Entry struct {
	Code     Code
	Severity Severity
	Follows  Follows
	Title    string // lower case, no full stop
	Text     string // why it is so and what to do, in a few plain sentences
	Bad      string
	Good     string
}

// Follows is what a finding of the checks may only follow from. Whoever mends that sees what is left, so a code
// that says nothing of itself waits for the inputs to be read.
type Follows uint8

const (
	FromUnread  Follows = iota // an input that could not be read
	FromUnknown                // that, or a name that leads nowhere: what it was meant for looks unused
	UnknownName                // it is the name that leads nowhere: it may stand in an input that could not be read, unless a near one shows a typo
	FromNothing                // it is so whatever the other inputs say
)

// ExampleDay is the day that the examples with a date are written for.
const ExampleDay = "2027-03-15"

// Table is every code there is, sorted. `meshc explain`, the SARIF rules and the reference page come from it.
var Table = slices.Concat(syntaxCodes, nameCodes, inputCodes, policyCodes, warningCodes, outputCodes)

// Explain finds the entry of a code; nil where there is none.
func Explain(c Code) *Entry {
	i, ok := slices.BinarySearchFunc(Table, c, func(e Entry, c Code) int { return cmp.Compare(e.Code, c) })
	if !ok {
		return nil
	}
	return &Table[i]
}

// Severity is what a finding of this code does to a build unless it is told otherwise.
func (c Code) Severity() Severity {
	if e := Explain(c); e != nil {
		return e.Severity
	}
	return Error
}

func (c Code) follows() Follows {
	if e := Explain(c); e != nil {
		return e.Follows
	}
	return FromUnread
}
