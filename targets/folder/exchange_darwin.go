package folder

import "golang.org/x/sys/unix"

const canExchange = true

// exchange lets two folders change places in one step. APFS has it, HFS+ does not.
func exchange(a, b string) error { return unix.RenamexNp(a, b, unix.RENAME_SWAP) }
