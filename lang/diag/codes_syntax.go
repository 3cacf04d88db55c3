package diag

import "strings"

// syntaxCodes is MESH0xxx: what the text itself gets wrong.
var syntaxCodes = []Entry{
	{
		Code: InvalidCharacter, Severity: Error,
		Title: "a character that the language does not have",
		Text: "Intents are made of names, numbers, strings in double quotes and a few signs. A character outside of them " +
			"is most often a sign that an editor or a chat program has made prettier: an arrow, curly quotes, a long dash. " +
			"Write the plain one, or put the text in double quotes where it belongs to a value.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend → backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: NotText, Severity: Error,
		Title: "a file that is not UTF-8 text",
		Text: "Sources are UTF-8. A file with other bytes was saved in an old encoding, or is no text at all: an archive " +
			"or a picture that a glob caught. Save it as UTF-8, or leave it out of `sources` in meshc.yaml.",
		Bad: "mesh shop strict # caf\xe9\n" + `service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
		Good: `mesh shop strict # café
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: UnexpectedToken, Severity: Error,
		Title: "a word where another was expected",
		Text: "The statement begins well and then goes on in a way that it cannot. The finding names what may stand there. " +
			"The rest of the statement is skipped and reading goes on with the next one, so that every mistake is reported at once.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service admin account admin-sa
service backend account backend-sa
group web frontend, admin
frontend, admin -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service admin account admin-sa
service backend account backend-sa
group web = frontend, admin
web -> backend
`,
	},
	{
		Code: UnknownStatement, Severity: Error,
		Title: "a line that is no statement",
		Text: "A statement begins with one of its keywords (mesh, service, external, group, export, deny, mtls, never, always, only), " +
			"or it is an edge: a caller, an arrow, a callee. Anything else is no statement, however clear it may be to a reader.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
allow frontend to backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: UnterminatedString, Severity: Error,
		Title: "a string without its closing quote",
		Text:  "A string begins and ends with a double quote on the same line. A double quote inside it is written `\\\"`.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend because "INC-42, batch window
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend because "INC-42, batch window"
`,
	},
	{
		Code: IncompleteStatement, Severity: Error, Follows: FromNothing,
		Title: "a statement that ends too early",
		Text: "A statement ends at the end of its line or at a semicolon, and this one still lacks something. To go on in the " +
			"next line, break it after a comma, an arrow, a `|` or an opening brace.",
		Bad: `mesh shop strict
service frontend account
service backend account backend-sa
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend ->
  backend
`,
	},
	{
		Code: SourceTooLarge, Severity: Error,
		Title: "a source or name that is larger than any real one",
		Text: "The limits are far above what people write, and they keep a broken or hostile file from using up the machine. " +
			"A file this large is usually something else that a glob caught, or output of a generator that should write several files.",
		Bad: "mesh shop strict\nservice " + strings.Repeat("frontend-", 1200) + " account frontend-sa\n",
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: UnbalancedBraces, Severity: Error,
		Title: "a brace without its partner",
		Text: "Operations over several lines stand in braces behind their destination. Each opening brace needs its closing one " +
			"in the same statement.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend {
  GET /api/*,
  POST /api/orders
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend {
  GET /api/*,
  POST /api/orders
}
`,
	},
	{
		Code: DrawnIn, Severity: Error,
		Title: "an edge that the comma above it draws into another",
		Text: "A line that ends with a comma goes on in the next one, so a comma left behind `frontend -> backend` makes one chain of it and the edge " +
			"below: calls that nobody wrote would be open. Take the comma out. Where a chain is meant, write the list in the middle of it on one line; " +
			"the lists at the two ends of a statement may have several.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
service db account db-sa
service cache account cache-sa
frontend -> backend,
db -> cache
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
service db account db-sa
service cache account cache-sa
frontend -> backend
db -> cache
`,
	},
}
