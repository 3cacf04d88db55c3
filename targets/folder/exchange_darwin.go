package folder

import "golang.org/x/sys/unix"

const canExchange = true

// exchange swaps two folders atomically. APFS supports it, HFS+ does not.
func exchange(a, b string) error { return unix.RenamexNp(a, b, unix.RENAME_SWAP) }
