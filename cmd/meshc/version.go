package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of meshc",
		Args:  cobra.NoArgs,
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			return writeOut(cmd, []byte(versionLine()+"\n"))
		}),
	}
}

// versionLine is what the Go toolchain recorded when it built meshc.
func versionLine() string {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return fmt.Sprintf("meshc %s %s/%s %s", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
