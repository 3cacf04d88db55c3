//go:build !race

package folder

const kills = 200
