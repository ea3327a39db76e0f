package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand(c *configuration) *cobra.Command {
	return command(c, "version", "Print the version of this program", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		v := buildVersion()
		if c.json {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "retrainer %s (%s, %s)\n", v.Version, v.Revision, v.Go)
		return err
	})
}

type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

// buildVersion is what the build knows of itself.
func buildVersion() version {
	v := version{Version: "unknown", Revision: "unknown revision", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}
