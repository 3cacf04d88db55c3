package diag

import (
	"cmp"
	"slices"
)

// Code identifies a kind of finding. Codes are never renumbered.
type Code string

// The codes. Table has their meanings.
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
	JoinedEdges         Code = "MESH0009"

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
	UnclearAnnotation    Code = "MESH1108"
	UnreadPods           Code = "MESH1109"
	TwoAccounts          Code = "MESH1110"
	SeveralNamespaces    Code = "MESH1111"
	PatchedManifest      Code = "MESH1112"
	Unrendered           Code = "MESH1113"
	MalformedConfig      Code = "MESH1201"
	UnknownKey           Code = "MESH1202"
	InvalidSetting       Code = "MESH1203"

	// Policy: MESH2xxx
	SharedAccount         Code = "MESH2001"
	OverlappingSelectors  Code = "MESH2002"
	NotExported           Code = "MESH2003"
	NotOwner              Code = "MESH2004"
	NoIdentity            Code = "MESH2005"
	OutsideIntoStrict     Code = "MESH2006"
	ExternalSource        Code = "MESH2007"
	ExternalMode          Code = "MESH2008"
	RootNamespace         Code = "MESH2009"
	Expired               Code = "MESH2010"
	NeverBroken           Code = "MESH2011"
	AlwaysBroken          Code = "MESH2012"
	OnlyBroken            Code = "MESH2013"
	SelectorMismatch      Code = "MESH2014"
	SharedAddress         Code = "MESH2015"
	ProxiedOutside        Code = "MESH2016"
	NoGateway             Code = "MESH2017"
	ShutOut               Code = "MESH2018"
	Elsewhere             Code = "MESH2021"
	SharedIssuer          Code = "MESH2024"
	NoProxy               Code = "MESH2101"
	PermissiveCallee      Code = "MESH2102"
	WorldIntoStrict       Code = "MESH2103"
	OutsideCallee         Code = "MESH2104"
	DuplicateEdge         Code = "MESH2105"
	CoveredByDeny         Code = "MESH2106"
	SelfEdge              Code = "MESH2107"
	IsolatedService       Code = "MESH2108"
	UnusedAccount         Code = "MESH2109"
	DefaultAccount        Code = "MESH2110"
	UnusedExternal        Code = "MESH2111"
	SmallGroup            Code = "MESH2112"
	UnusedExport          Code = "MESH2113"
	NoMode                Code = "MESH2114"
	UncoveredScrape       Code = "MESH2115"
	Expiring              Code = "MESH2116"
	BypassedDeny          Code = "MESH2117"
	BareMethod            Code = "MESH2118"
	AlsoServicePort       Code = "MESH2119"
	UnknownOwnedMesh      Code = "MESH2120"
	NoManifest            Code = "MESH2121"
	LastDestinationOnly   Code = "MESH2124"
	VacuousGuard          Code = "MESH2125"
	RefusedProbe          Code = "MESH2126"
	ClosedRoute           Code = "MESH2127"
	UnroutedEdge          Code = "MESH2128"
	TokenEverywhere       Code = "MESH2130"
	OpenMesh              Code = "MESH2131"
	OpenedForMove         Code = "MESH2132"
	MovedAccount          Code = "MESH2133"
	DenyWidened           Code = "MESH2134"
	EveryPod              Code = "MESH2135"
	UnledPort             Code = "MESH2138"
	MeshConfigDiffers     Code = "MESH2142"
	HiddenClient          Code = "MESH2150"
	UntrustedProxy        Code = "MESH2151"
	UnknownGateway        Code = "MESH2152"
	RefusedOutside        Code = "MESH2153"
	NoTextClaim           Code = "MESH2155"
	OtherSpelling         Code = "MESH2156"
	ForgedClaim           Code = "MESH2157"
	ProviderWrites        Code = "MESH2158"
	PolicyBeside          Code = "MESH2160"
	UnclearDeparture      Code = "MESH2161"
	TwinMesh              Code = "MESH2164"
	ContradictedDataplane Code = "MESH2180"
	GuessedWaypoint       Code = "MESH2181"
	AssumedService        Code = "MESH2182"
	RestartCycle          Code = "MESH2183"
	EarlyCall             Code = "MESH2190"
	EarlyUnlessNative     Code = "MESH2191"
	ClosedSolver          Code = "MESH2192"
	ShutControl           Code = "MESH2193"
	HelmTest              Code = "MESH2196"
	RedundantVerify       Code = "MESH2200"
	NothingVerified       Code = "MESH2201"
	ClosesMesh            Code = "MESH2202"
	UnprotectedKeys       Code = "MESH2203"
	UnreachableKeys       Code = "MESH2204"
	SecretKey             Code = "MESH2207"

	// Targets: MESH3xxx
	Inexpressible Code = "MESH3001"
	ManifestLimit Code = "MESH3002"
	Unevaluable   Code = "MESH3003"
	Ineffective   Code = "MESH3004"
	Undecided     Code = "MESH3005"
	SkippedObject Code = "MESH3006"
	Misleading    Code = "MESH3007"
	UnknownEffect Code = "MESH3008"
	WiderNetwork  Code = "MESH3040"
	LikePods      Code = "MESH3041"
	UnknownPods   Code = "MESH3042"
	ShutByNetwork Code = "MESH3043"
	HiddenPorts   Code = "MESH3044"
	OpenedAmbient Code = "MESH3046"
	ShutAmbient   Code = "MESH3047"
	AmbientMode   Code = "MESH3048"
	UnprovedMove  Code = "MESH3049"
	DividedPods   Code = "MESH3050"
	OpenEgress    Code = "MESH3060"

	RevisionsDiffer Code = "MESH3070"

	// Delivery: MESH4xxx
	ForeignFile      Code = "MESH4001"
	ChangedFile      Code = "MESH4002"
	OtherEnvironment Code = "MESH4003"
	OmittedManifest  Code = "MESH4004"
	DepartedMesh     Code = "MESH4005"
	MissingNamespace Code = "MESH4006"
	IgnoredDryRun    Code = "MESH4007"
)

// Entry describes a code.
type Entry struct {
	Code     Code
	Severity Severity
	Follows  Follows
	Title    string // lower case, no full stop
}

// Follows says from which other faults a finding of the checks may follow. Such a finding is held back until the other
// fault is fixed.
type Follows uint8

const (
	FromUnread  Follows = iota // an input that could not be read
	FromUnknown                // that, or an unknown name: what the name was meant for looks unused
	UnknownName                // an unread input, which may declare the name
	FromNothing                // none
)

// Table lists all codes in ascending order. The text and the examples of a code are in codes/CODE.txtar.
var Table = []Entry{
	{InvalidCharacter, Error, FromUnread, "a character that is not part of the language"},
	{NotText, Error, FromUnread, "a file that is not UTF-8 text"},
	{UnexpectedToken, Error, FromUnread, "an unexpected word or sign"},
	{UnknownStatement, Error, FromUnread, "a line that is not a statement"},
	{UnterminatedString, Error, FromUnread, "a string without a closing quote"},
	{IncompleteStatement, Error, FromNothing, "an incomplete statement"},
	{SourceTooLarge, Error, FromUnread, "a source file or a name that is too large"},
	{UnbalancedBraces, Error, FromUnread, "an unbalanced brace"},
	{JoinedEdges, Error, FromUnread, "a trailing comma that joins two edges"},
	{UnknownService, Error, UnknownName, "an unknown service, group or external"},
	{UnknownMesh, Error, UnknownName, "an unknown mesh"},
	{UnknownAccount, Warning, FromUnread, "an unknown service account"},
	{UnknownPort, Error, FromUnread, "a port that the service does not declare"},
	{DuplicateDeclaration, Error, FromNothing, "a name that is declared twice"},
	{DuplicateMode, Error, FromNothing, "an mTLS mode that is set twice"},
	{InvalidName, Error, FromNothing, "a name that Kubernetes would reject"},
	{InvalidValue, Error, FromNothing, "an invalid value"},
	{NoSection, Error, FromUnread, "a statement outside of any mesh"},
	{AmbiguousName, Error, FromNothing, "an ambiguous name"},
	{ServicePort, Error, FromNothing, "a Service port where a container port is needed"},
	{RepeatedClause, Error, FromNothing, "a repeated clause"},
	{AccountMismatch, Error, FromUnread, "an account that differs from serviceAccountName"},
	{NotHTTP, Error, FromUnread, "HTTP operations on a port that is not HTTP"},
	{InvalidOperation, Error, FromNothing, "a method or path that Istio does not support"},
	{NotADestination, Error, FromNothing, "a destination that cannot be called"},
	{MisplacedClause, Error, FromNothing, "a clause in the wrong place"},
	{NoIdentitySource, Error, FromUnread, "a service without an account"},
	{MalformedManifest, Error, FromUnread, "an invalid workload manifest"},
	{DuplicateManifest, Error, FromUnread, "two manifests for the same object"},
	{ManifestTooLarge, Error, FromUnread, "a workload manifest that is too large"},
	{NoNamespace, Warning, FromUnread, "a manifest without a namespace"},
	{SkippedTemplate, Note, FromUnread, "a Helm template"},
	{NothingRead, Warning, FromUnread, "manifests without any relevant object"},
	{UnknownField, Warning, FromUnread, "an unknown kind, field, label or value in a manifest"},
	{UnclearAnnotation, Warning, FromUnread, "a pod annotation that cannot be interpreted"},
	{UnreadPods, Note, FromUnread, "a kind that creates pods and is not supported"},
	{TwoAccounts, Warning, FromUnread, "a workload left out because its pods have two accounts"},
	{SeveralNamespaces, Error, FromUnread, "a manifest that is applied in several namespaces"},
	{PatchedManifest, Error, FromUnread, "a manifest that Kustomize changes before it is applied"},
	{Unrendered, Warning, FromUnread, "a kustomization that does more than meshc follows"},
	{MalformedConfig, Error, FromUnread, "an invalid meshc.yaml"},
	{UnknownKey, Error, FromUnread, "an unknown key in meshc.yaml"},
	{InvalidSetting, Error, FromUnread, "an invalid setting"},
	{SharedAccount, Error, FromNothing, "two services that share an account but not their edges"},
	{OverlappingSelectors, Error, FromNothing, "two services whose selectors match the same pods"},
	{NotExported, Error, FromUnread, "an edge into another mesh without an export"},
	{NotOwner, Error, FromNothing, "a file that opens a mesh which it does not own"},
	{NoIdentity, Error, FromNothing, "a caller without an identity"},
	{OutsideIntoStrict, Error, FromUnread, "an edge from outside the mesh to a strict port"},
	{ExternalSource, Error, FromNothing, "an external that is used as a caller"},
	{ExternalMode, Error, FromNothing, "an mTLS mode for an external"},
	{RootNamespace, Error, FromNothing, "a mode of the root namespace, or a policy there that also binds others"},
	{Expired, Error, FromNothing, "an expired intent"},
	{NeverBroken, Error, FromUnread, "a violated never"},
	{AlwaysBroken, Error, FromUnread, "a violated always"},
	{OnlyBroken, Error, FromUnread, "a violated only"},
	{SelectorMismatch, Error, FromNothing, "a selector that matches none of the service's pods"},
	{SharedAddress, Error, FromNothing, "two services that share an address but not their edges"},
	{ProxiedOutside, Error, FromNothing, "a service declared outside the mesh that has a proxy by its manifest"},
	{NoGateway, Error, FromNothing, "a service declared as a gateway that is not one by its manifest"},
	{ShutOut, Error, FromUnread, "a gateway, scraped port or webhook that a closed mesh shuts off"},
	{Elsewhere, Error, FromNothing, "a statement about the pods of another Istio mesh"},
	{SharedIssuer, Error, FromNothing, "tokens of two issuers that a service cannot distinguish"},
	{NoProxy, Warning, FromUnread, "a workload without a proxy"},
	{PermissiveCallee, Warning, FromUnread, "edges into a permissive mesh"},
	{WorldIntoStrict, Warning, FromUnread, "world as a caller of a strict port"},
	{OutsideCallee, Warning, FromUnread, "an edge to a service outside the mesh"},
	{DuplicateEdge, Warning, FromUnread, "a duplicate edge"},
	{CoveredByDeny, Warning, FromUnread, "an edge that a deny overrides completely"},
	{SelfEdge, Warning, FromUnread, "an edge from a service to itself"},
	{IsolatedService, Warning, FromUnknown, "a service without any calls"},
	{UnusedAccount, Warning, FromUnknown, "an unused service account"},
	{DefaultAccount, Warning, FromUnread, "a service that runs as the default account"},
	{UnusedExternal, Warning, FromUnknown, "an unused external"},
	{SmallGroup, Warning, FromUnread, "a group with one member"},
	{UnusedExport, Warning, FromUnknown, "an unused export"},
	{NoMode, Warning, FromUnread, "a mesh without an mTLS mode"},
	{UncoveredScrape, Warning, FromUnread, "a scraped port that no edge covers"},
	{Expiring, Warning, FromUnread, "an intent that expires within thirty days"},
	{BypassedDeny, Warning, FromUnread, "a deny that callers can bypass"},
	{BareMethod, Warning, FromUnread, "a method without a path next to one with a path"},
	{AlsoServicePort, Warning, FromUnread, "a container port that is also the port of a Service"},
	{UnknownOwnedMesh, Warning, FromUnread, "an owners entry for an unknown mesh"},
	{NoManifest, Warning, FromUnread, "a declared service or mesh without a manifest"},
	{LastDestinationOnly, Warning, FromUnread, "operations after the last of several destinations"},
	{VacuousGuard, Warning, FromUnknown, "a never, always or only that applies to nothing"},
	{RefusedProbe, Warning, FromUnread, "a probe that policies refuse"},
	{ClosedRoute, Warning, FromUnread, "a route or webhook to a service that refuses it"},
	{UnroutedEdge, Warning, FromUnread, "an edge of a gateway that no route uses"},
	{TokenEverywhere, Note, FromUnread, "an edge without a token to a service that verifies tokens"},
	{OpenMesh, Warning, FromUnread, "a mesh that is not closed"},
	{OpenedForMove, Warning, FromUnread, "calls that only an earlier account allows"},
	{MovedAccount, Warning, FromUnread, "an earlier account that no workload runs as"},
	{DenyWidened, Note, FromUnread, "a deny of every port that denies whole connections"},
	{EveryPod, Note, FromUnread, "a statement about every pod of a namespace"},
	{UnledPort, Warning, FromUnread, "an edge to a port that no Service exposes"},
	{MeshConfigDiffers, Warning, FromNothing, "a MeshConfig that contradicts meshc.yaml"},
	{HiddenClient, Error, FromUnread, "an address at a gateway that may not be the client's"},
	{UntrustedProxy, Warning, FromUnread, "forwarded addresses that a gateway does not trust"},
	{UnknownGateway, Warning, FromUnread, "gateway settings for something that is not a gateway"},
	{RefusedOutside, Note, FromUnread, "a port exposed outside the cluster that refuses everyone there"},
	{NoTextClaim, Warning, FromUnread, "a claim that is a boolean or a number"},
	{OtherSpelling, Warning, FromUnread, "a path that other spellings bypass"},
	{ForgedClaim, Warning, FromUnread, "a claim header that holders of other tokens can forge"},
	{ProviderWrites, Warning, FromUnread, "a header that a provider may set before rules are evaluated"},
	{PolicyBeside, Warning, FromUnread, "a policy among the workload manifests that the project does not account for"},
	{UnclearDeparture, Warning, FromUnread, "calls that may bypass the sidecar of their caller"},
	{TwinMesh, Warning, FromUnknown, "a mesh whose name is close to that of another"},
	{ContradictedDataplane, Warning, FromUnread, "a data plane that contradicts the manifests"},
	{GuessedWaypoint, Warning, FromUnread, "a waypoint that is missing from the manifests"},
	{AssumedService, Warning, FromUnread, "a Service behind a waypoint that is missing from the manifests"},
	{RestartCycle, Error, FromNothing, "services that wait for each other to move to ambient mode"},
	{EarlyCall, Warning, FromUnread, "an init container that calls before its pod's proxy runs"},
	{EarlyUnlessNative, Note, FromUnread, "an init container that calls before its pod's proxy runs, unless that is a native sidecar"},
	{ClosedSolver, Warning, FromUnread, "solver pods of cert-manager that nobody may call"},
	{ShutControl, Warning, FromUnread, "a network policy that cuts proxies off from the control plane"},
	{HelmTest, Note, FromUnread, "a pod that Helm creates only for tests"},
	{RedundantVerify, Warning, FromUnread, "a redundant statement that tokens are verified"},
	{NothingVerified, Error, FromUnread, "a deny of requests without a token where no token is verified"},
	{ClosesMesh, Error, FromUnread, "an edge to every pod of a mesh that is not closed"},
	{UnprotectedKeys, Warning, FromNothing, "token keys that are fetched without TLS"},
	{UnreachableKeys, Warning, FromNothing, "token keys that cannot be fetched"},
	{SecretKey, Warning, FromNothing, "token keys that can also sign"},
	{Inexpressible, Error, FromUnread, "an intent that the target cannot express"},
	{ManifestLimit, Error, FromUnread, "an object that exceeds a limit of its kind"},
	{Unevaluable, Error, FromUnread, "a manifest that cannot be evaluated"},
	{Ineffective, Warning, FromUnread, "a policy, or part of one, without effect"},
	{Undecided, Warning, FromUnread, "a policy with conditions that meshc does not model"},
	{SkippedObject, Note, FromUnread, "an object that is not evaluated"},
	{Misleading, Warning, FromUnread, "part of a policy that does not mean what it appears to"},
	{UnknownEffect, Warning, FromUnread, "an Istio object that may change who can reach whom"},
	{WiderNetwork, Warning, FromUnread, "a rule that the network enforces less strictly than proxies"},
	{LikePods, Warning, FromUnread, "services whose pods the network cannot distinguish"},
	{UnknownPods, Warning, FromUnread, "a caller whose pods the network cannot recognize"},
	{ShutByNetwork, Warning, FromUnread, "a call that policies allow and the network refuses"},
	{HiddenPorts, Note, FromUnread, "ports that the network does not see"},
	{OpenedAmbient, Error, FromUnread, "a policy that ambient pods enforce only in part, so that it allows what it appears to deny"},
	{ShutAmbient, Warning, FromUnread, "a policy that ambient pods enforce only in part, so that it denies what it appears to allow"},
	{AmbientMode, Error, FromUnread, "a STRICT port of ambient pods that accepts plaintext"},
	{UnprovedMove, Error, FromNothing, "a service that cannot move to ambient mode as it is"},
	{DividedPods, Error, FromNothing, "an accepted policy that moving pods enforce in two ways"},
	{OpenEgress, Warning, FromUnread, "an edge to an external that nothing enforces"},
	{RevisionsDiffer, Warning, FromUnread, "revisions of Istio with different settings in one mesh"},
	{ForeignFile, Error, FromUnread, "a file in the output folder that meshc did not write"},
	{ChangedFile, Error, FromUnread, "a generated file that was edited by hand"},
	{OtherEnvironment, Error, FromUnread, "an output folder of another environment"},
	{OmittedManifest, Warning, FromUnread, "a manifest that a new kustomization.yaml omits"},
	{DepartedMesh, Warning, FromUnread, "a mesh that a delivery drops"},
	{MissingNamespace, Warning, FromUnread, "a delivery into a namespace that no manifest declares"},
	{IgnoredDryRun, Warning, FromUnread, "manifests that enforce what every environment only logs"},
}

// Explain returns the entry of a code, or nil if there is none.
func Explain(c Code) *Entry {
	i, ok := slices.BinarySearchFunc(Table, c, func(e Entry, c Code) int { return cmp.Compare(e.Code, c) })
	if !ok {
		return nil
	}
	return &Table[i]
}

// Severity returns the default severity of findings with this code.
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
