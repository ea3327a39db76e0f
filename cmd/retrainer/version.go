package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/retrain"
)

func versionCommand(c *configuration) *cobra.Command {
	return command(c, "version", "Print the version of this program", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		v := buildVersion()
		if c.json {
			return writeJSON(cmd.OutOrStdout(), v)
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), v)
		return err
	})
}

type version struct {
	Version  string `json:"version"`
	Build    string `json:"build"` // of the module, as the Go command names it
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

func (v version) String() string {
	return fmt.Sprintf("retrainer %s (build %s, %s, %s)", v.Version, v.Build, v.Revision, v.Go)
}

// buildVersion is the version, and what the build knows of itself.
func buildVersion() version {
	v := version{Version: retrain.VERSION, Build: "unknown", Revision: "unknown revision", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Build = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}
