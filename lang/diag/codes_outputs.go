package diag

// outputCodes is MESH3xxx and MESH4xxx: what a target cannot express, and what stands in the way of writing it.
var outputCodes = []Entry{
	{
		Code: Inexpressible, Severity: Error,
		Title: "something that the target cannot express",
		Text: "The intent is clear, and the target has no way to say it, or none that means exactly this. Nothing is left out silently or made wider: " +
			"the build fails and the finding says what would be possible.",
	},
	{
		Code: ManifestLimit, Severity: Error,
		Title: "an object over a limit of its kind",
		Text: "The API server takes no object beyond certain sizes and counts. Where a policy can be split, meshc does so; this one statement alone is " +
			"over the limit. Write it as several.",
	},
	{
		Code: ForeignFile, Severity: Error,
		Title: "a file in the output folder that meshc did not write",
		Text: "meshc replaces and removes only files that it wrote there before, and this one has the name of a file that it would write. Move it away, or " +
			"build into a folder of its own.",
	},
	{
		Code: ChangedFile, Severity: Error,
		Title: "a generated file that was changed by hand",
		Text: "The file is not as meshc wrote it. Writing it anew would lose the change, so nothing is written. Bring the change into the intents, or " +
			"remove the file if it is not wanted.",
	},
}
