package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// readyPatience is how long an instance may take to answer.
const readyPatience = 5 * time.Second

// readyCommand asks what a probe asks, for where there is neither curl nor a shell: in the image of the Dockerfile.
func readyCommand(c *configuration) *cobra.Command {
	var address string
	cmd := command(c, "ready", "Ask an instance whether it does its part; exit 1 if it does not, with what it waits for", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		if address == "" {
			return usage("--http is empty: the address of an instance is needed, like 127.0.0.1:9280")
		}
		r, err := askReady(cmd.Context(), reachable(address))
		if err != nil {
			return err
		}
		if c.json {
			err = writeJSON(cmd.OutOrStdout(), r)
		} else {
			err = r.print(cmd.OutOrStdout())
		}
		if err == nil && !r.Ready {
			err = fmt.Errorf("%s is not ready", address)
		}
		return err
	})
	cmd.Flags().StringVar(&address, "http", "127.0.0.1:9280", "`HOST:PORT` of the instance's /readyz")
	return cmd
}

// reachable is where an instance of this machine answers that listens on all addresses: it has the same setting.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func askReady(ctx context.Context, address string) (*readiness, error) {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	url := "http://" + address + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, usage("--http %q is no address: HOST:PORT is needed, like 127.0.0.1:9280", address)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w; is there an instance with this --http?", err)
	}
	defer answer.Body.Close()
	r := new(readiness)
	if err := json.NewDecoder(io.LimitReader(answer.Body, 16<<20)).Decode(r); err != nil || answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusServiceUnavailable {
		return nil, fmt.Errorf("%s answered %s, and not as retrainer does; what listens there?", url, answer.Status)
	}
	return r, nil
}

// print says in a line what runs, and what waits in a line each.
func (r *readiness) print(out io.Writer) error {
	var text strings.Builder
	running := 0
	for _, t := range r.Tasks {
		if t.State == "running" && t.Why == "" {
			running++
			continue
		}
		fmt.Fprintf(&text, "%s/%d: %s", t.Topic, t.Partition, t.State)
		if t.Why != "" {
			fmt.Fprintf(&text, ", %s", t.Why)
		}
		text.WriteByte('\n')
	}
	if r.Why != "" {
		fmt.Fprintln(&text, r.Why)
	}
	fmt.Fprintf(&text, "%d of %d partitions run here, generation %d\n", running, len(r.Tasks), r.Generation)
	_, err := io.WriteString(out, text.String())
	return err
}
