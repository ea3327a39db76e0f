package deploy

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// dockerfile is the Dockerfile as BuildKit reads it: a stage that builds, and the image.
func dockerfile(t *testing.T) (build, image instructions.Stage) {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(text(t, "Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 {
		t.Fatalf("%d stages", len(stages))
	}
	return stages[0], stages[1]
}

// Go writes the revision into the program only where the build sees a tree that has all that git has.
func TestTheBuildSeesAllThatGitHas(t *testing.T) {
	patterns, err := ignorefile.ReadAll(strings.NewReader(text(t, ".dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	listed := (&process{args: []string{"git", "ls-files"}, dir: top}).ends(t)
	for _, name := range append(strings.Fields(listed), ".git/HEAD") {
		if ignored, err := matcher.MatchesOrParentMatches(name); err != nil || ignored {
			t.Errorf(".dockerignore leaves out %s, %v", name, err)
		}
	}
	if ignored, err := matcher.MatchesOrParentMatches(".cache/bin/golangci-lint"); err != nil || !ignored {
		t.Errorf("what is downloaded for tests goes into the image's build, %v", err)
	}
}

func TestTheImageHasNoShellAndRunsAsNobody(t *testing.T) {
	build, image := dockerfile(t)
	language := regexp.MustCompile(`(?m)^go (1\.[0-9]+)`).FindStringSubmatch(text(t, "go.mod"))[1]
	if build.BaseName != "golang:"+language || build.Platform != "$BUILDPLATFORM" {
		t.Errorf("it is built by %s on %s, and not by Go %s on the machine that builds", build.BaseName, build.Platform, language)
	}
	if base := regexp.MustCompile(`^gcr\.io/distroless/static-debian[0-9]+:nonroot$`); !base.MatchString(image.BaseName) {
		t.Errorf("the image is made from %s", image.BaseName)
	}
	var user, entry, work, volume string
	for _, c := range image.Commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EntrypointCommand:
			entry = strings.Join(c.CmdLine, " ")
		case *instructions.WorkdirCommand:
			work = c.Path
		case *instructions.CopyCommand:
			if c.Chown != "" {
				volume = c.DestPath + " " + c.Chown
			}
		case *instructions.RunCommand:
			t.Error("there is nothing in the image that could be run")
		}
	}
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user) {
		t.Errorf("it runs as %q: a number is what Kubernetes can check (runAsNonRoot)", user)
	}
	if entry != "/retrainer" || volume != work+" "+user {
		t.Errorf("it runs %q in %s; the folder that its user owns is %q", entry, work, volume)
	}
	if dir := flag(compose(t).Services["worker"], "--dir"); dir != work {
		t.Errorf("the worker of docker-compose.yml writes to %s, which its user may not", dir)
	}
}

// What the lines of the build stage make is run here as they stand, but for the folder of the result, for a machine of another kind.
func TestTheBuildStageMakesAStaticProgramThatKnowsItsRevision(t *testing.T) {
	build, image := dockerfile(t)
	dir := t.TempDir()
	here := strings.NewReplacer("/out", filepath.Join(dir, "out"))
	source := filepath.Join(dir, "src")
	if out, err := exec.Command("git", "clone", "--quiet", top, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, c := range build.Commands {
		if run, ok := c.(*instructions.RunCommand); ok {
			(&process{args: []string{"sh", "-c", here.Replace(strings.Join(run.CmdLine, " "))}, dir: source, env: map[string]string{"TARGETOS": "linux", "TARGETARCH": "arm64", "GOFLAGS": "-buildvcs=auto"}}).ends(t) // GOFLAGS: as the image of Go has it
		}
	}
	program := ""
	for _, c := range image.Commands {
		if c, ok := c.(*instructions.CopyCommand); ok {
			from := here.Replace(c.SourcePaths[0])
			if _, err := os.Stat(from); c.From != "build" || err != nil {
				t.Errorf("%s of %s is copied, %v", c.SourcePaths[0], c.From, err)
			}
			if c.DestPath == "/retrainer" {
				program = from
			}
		}
	}
	binary, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	if binary.Machine != elf.EM_AARCH64 {
		t.Errorf("it is made for %v", binary.Machine)
	}
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Error("it needs libraries that the image does not have")
		}
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	head := strings.TrimSpace((&process{args: []string{"git", "rev-parse", "HEAD"}, dir: top}).ends(t))
	if settings["vcs.revision"] != head || settings["vcs.modified"] != "false" {
		t.Errorf("it says revision %q (modified: %s), and is of %s", settings["vcs.revision"], settings["vcs.modified"], head)
	}
}
