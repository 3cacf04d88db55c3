package folder

import (
	"errors"
	"os"
)

func readFile(name string, _ int) ([]byte, error) { return os.ReadFile(name) }

// writeFile creates a file. It reports errors of closing too: some file systems notice only then that they are full.
func writeFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
