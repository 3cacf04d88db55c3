// Package grammar embeds the JSON schema of meshc.yaml.
package grammar

import _ "embed"

// Schema is the JSON Schema of meshc.yaml. `x-keys` says what the keys of a mapping name.
//
//go:embed meshc.schema.json
var Schema []byte
