//go:build race

package folder

// The race detector makes processes slow to start, and sees nothing in one that is killed.
const kills = 30
