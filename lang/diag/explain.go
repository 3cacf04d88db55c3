package diag

import "slices"

// Entry is what there is to know about a code. Bad and Good are a whole project each: intents alone, or a
// txtar archive with workload manifests and meshc.yaml beside them. A test builds every Bad and wants
// exactly this code of it, and every Good and wants no finding.
type Entry struct {
	Code     Code
	Severity Severity
	Title    string // lower case, no full stop
	Text     string // why it is so and what to do, in a few plain sentences
	Bad      string
	Good     string
}

// Severity is what a finding of this code does to a build unless it is told otherwise.
func (c Code) Severity() Severity {
	if e := Explain(c); e != nil {
		return e.Severity
	}
	return Error
}

// Explain finds the entry of a code; nil where there is none.
func Explain(c Code) *Entry {
	i, ok := slices.BinarySearchFunc(Table, c, func(e Entry, c Code) int {
		switch {
		case e.Code < c:
			return -1
		case e.Code > c:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return &Table[i]
}

// Table is every code there is, sorted. `meshc explain`, the SARIF rules and the reference page come from it.
var Table = []Entry{
	{Code: InvalidCharacter, Severity: Error, Title: "a character that the language does not have"},
	{Code: NotText, Severity: Error, Title: "a file that is not UTF-8 text"},
	{Code: UnexpectedToken, Severity: Error, Title: "a word where another was expected"},
	{Code: UnknownStatement, Severity: Error, Title: "a line that is no statement"},
	{Code: UnterminatedString, Severity: Error, Title: "a string without its closing quote"},
	{Code: IncompleteStatement, Severity: Error, Title: "a statement that ends too early"},
	{Code: SourceTooLarge, Severity: Error, Title: "a source or name that is larger than any real one"},
	{Code: UnbalancedBraces, Severity: Error, Title: "a brace without its partner"},
	{Code: UnknownService, Severity: Error, Title: "a service, group or external that is not declared"},
	{Code: UnknownMesh, Severity: Error, Title: "a mesh that is not declared"},
	{Code: UnknownAccount, Severity: Error, Title: "a service account that is not declared"},
	{Code: UnknownPort, Severity: Error, Title: "a port that the service does not declare"},
	{Code: DuplicateDeclaration, Severity: Error, Title: "two declarations of one name"},
	{Code: DuplicateMode, Severity: Error, Title: "two mTLS modes for one mesh, workload or port"},
	{Code: InvalidName, Severity: Error, Title: "a name that Kubernetes would refuse"},
	{Code: InvalidValue, Severity: Error, Title: "a value that cannot be right"},
	{Code: NoSection, Severity: Error, Title: "a statement that needs a mesh to stand in"},
	{Code: AmbiguousName, Severity: Error, Title: "a name that reads like something else"},
	{Code: ServicePort, Severity: Error, Title: "a Service port where the container port is meant"},
	{Code: RepeatedClause, Severity: Error, Title: "a clause that is written twice"},
	{Code: AccountMismatch, Severity: Error, Title: "an account that differs from serviceAccountName"},
	{Code: NotHTTP, Severity: Error, Title: "HTTP operations on a port that is not HTTP"},
	{Code: InvalidOperation, Severity: Error, Title: "a method or path that Istio would refuse"},
	{Code: NotADestination, Severity: Error, Title: "something that cannot be called"},
	{Code: MisplacedClause, Severity: Error, Title: "a clause that this statement cannot have"},
	{Code: NoIdentitySource, Severity: Error, Title: "a service without an account"},
	{Code: MalformedManifest, Severity: Error, Title: "a workload manifest that is not valid YAML or has a field of a wrong type"},
	{Code: DuplicateManifest, Severity: Error, Title: "two manifests of one object"},
	{Code: ManifestTooLarge, Severity: Error, Title: "a workload manifest that is larger than any real one"},
	{Code: NoNamespace, Severity: Warning, Title: "a manifest that names no namespace"},
	{Code: SkippedTemplate, Severity: Note, Title: "a template that is not YAML"},
	{Code: MalformedConfig, Severity: Error, Title: "a meshc.yaml that is not valid YAML or has a value of a wrong type"},
	{Code: UnknownKey, Severity: Error, Title: "a key that meshc.yaml does not have"},
	{Code: InvalidSetting, Severity: Error, Title: "a setting that cannot be right"},
	{Code: SharedAccount, Severity: Error, Title: "two services that share an account but not their edges"},
	{Code: OverlappingSelectors, Severity: Error, Title: "selectors of two services that match the same pods"},
	{Code: NotExported, Severity: Error, Title: "an edge into a mesh that does not export its destination"},
	{Code: NotOwner, Severity: Error, Title: "a file that opens a mesh which it does not own"},
	{Code: NoIdentity, Severity: Error, Title: "an edge from a caller that cannot prove who it is"},
	{Code: OutsideIntoStrict, Severity: Error, Title: "an edge from outside the mesh into a strict port"},
	{Code: ExternalSource, Severity: Error, Title: "an external as a caller"},
	{Code: ExternalMode, Severity: Error, Title: "an mTLS mode for an external"},
	{Code: RootNamespace, Severity: Error, Title: "a mode or an edge in the root namespace"},
	{Code: Expired, Severity: Error, Title: "an intent whose last day has passed"},
	{Code: NeverBroken, Severity: Error, Title: "a never that some request breaks"},
	{Code: AlwaysBroken, Severity: Error, Title: "an always that some request fails"},
	{Code: OnlyBroken, Severity: Error, Title: "an only that does not hold"},
	{Code: NoProxy, Severity: Warning, Title: "a workload without a proxy"},
	{Code: PermissiveCallee, Severity: Warning, Title: "edges into a permissive mesh"},
	{Code: WorldIntoStrict, Severity: Warning, Title: "world into a strict port"},
	{Code: OutsideCallee, Severity: Warning, Title: "an edge into a service outside the mesh"},
	{Code: DuplicateEdge, Severity: Warning, Title: "an edge that is written twice"},
	{Code: CoveredByDeny, Severity: Warning, Title: "an edge that a deny wholly covers"},
	{Code: SelfEdge, Severity: Warning, Title: "an edge from a service to itself"},
	{Code: IdleService, Severity: Warning, Title: "a service that nothing may call and that calls nothing"},
	{Code: UnusedAccount, Severity: Warning, Title: "an account that no workload uses"},
	{Code: DefaultAccount, Severity: Warning, Title: "a service that runs as the account default"},
	{Code: UnusedExternal, Severity: Warning, Title: "an external that nothing uses"},
	{Code: SmallGroup, Severity: Warning, Title: "a group with one member"},
	{Code: UnusedExport, Severity: Warning, Title: "an export that no edge needs"},
	{Code: NoMode, Severity: Warning, Title: "a mesh whose mTLS mode is stated nowhere"},
	{Code: UncoveredScrape, Severity: Warning, Title: "a scraped port that no edge covers"},
	{Code: Expiring, Severity: Warning, Title: "an intent that ends within thirty days"},
	{Code: Inexpressible, Severity: Error, Title: "something that the target cannot express"},
	{Code: ManifestLimit, Severity: Error, Title: "an object over a limit of its kind"},
	{Code: ForeignFile, Severity: Error, Title: "a file in the output folder that meshc did not write"},
	{Code: ChangedFile, Severity: Error, Title: "a generated file that was changed by hand"},
}
