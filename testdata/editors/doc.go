// Package editors tests the editor integrations against meshc itself, with the editors' own libraries, which `make
// editors` installs.
package editors
