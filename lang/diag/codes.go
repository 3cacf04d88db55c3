package diag

// Code names a kind of finding. Codes are never renumbered.
type Code string

// The codes. What each means, with an example, stands in the table of explain.go.
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

	// Targets: MESH3xxx
	Inexpressible Code = "MESH3001"
	ManifestLimit Code = "MESH3002"

	// Delivery: MESH4xxx
	ForeignFile Code = "MESH4001"
	ChangedFile Code = "MESH4002"
)
