// Package editors holds what editors have of meshc against meshc itself, in their own libraries. `make editors` installs those.
package editors
