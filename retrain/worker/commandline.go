package worker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// commandLine splits a command line into words as a shell does, quotes and backslashes included, and makes of the words what they
// mean where the worker was started: the program itself runs in another folder. A word that names a file seen from here becomes its
// absolute path, so does a folder written with a slash (data/, ./conf), and the same behind the = of an option. There is no shell: what
// only a shell does ($, pipes, globs) is refused with a hint; sh -c '...' has it all.
func commandLine(text, here string) (path string, args []string, err error) {
	words, err := split(text)
	if err != nil {
		return "", nil, fmt.Errorf("the command line %q %w", text, err)
	}
	if len(words) == 0 {
		return "", nil, errors.New(`no program is given: say what trains, for instance "python train.py"`)
	}
	if name, _, found := strings.Cut(words[0], "="); found && !strings.Contains(name, "/") {
		return "", nil, fmt.Errorf("the command line begins with %q, which sets a variable in a shell; write: env %s", words[0], text)
	}
	path, err = find(words[0], here)
	if err != nil {
		return "", nil, notFound(words[0], here, err)
	}
	args = []string{words[0]}
	for i, w := range words[1:] {
		args = append(args, absolute(w, here))
		if i == 0 && !filepath.IsAbs(args[1]) && slices.Contains(scripts, filepath.Ext(w)) && !strings.HasPrefix(w, "-") {
			return "", nil, fmt.Errorf("the script %q of the command line is not there, seen from %s: start the worker in the script's folder, or give its whole path", w, here)
		}
	}
	return path, args, nil
}

var scripts = []string{".py", ".sh", ".R", ".r", ".jl", ".js", ".rb", ".pl"}

func find(name, here string) (string, error) {
	local := name
	if !filepath.IsAbs(name) {
		local = filepath.Join(here, name)
	}
	if strings.Contains(name, "/") {
		return exec.LookPath(local)
	}
	path, err := exec.LookPath(name)
	if err == nil || errors.Is(err, exec.ErrDot) {
		return filepath.Abs(path) // PATH may hold relative folders
	}
	if info, err := os.Stat(local); err == nil && info.Mode().IsRegular() {
		return exec.LookPath(local)
	}
	return "", err
}

func absolute(word, here string) string {
	if option, value, found := strings.Cut(word, "="); found && strings.HasPrefix(word, "-") {
		return option + "=" + absolute(value, here)
	}
	if word == "" || filepath.IsAbs(word) {
		return word
	}
	path := filepath.Join(here, word)
	info, err := os.Stat(path)
	if err == nil && (info.Mode().IsRegular() || info.IsDir() && strings.Contains(word, "/")) {
		return path
	}
	return word
}

// split cuts at white space outside of quotes.
func split(text string) (words []string, err error) {
	var word strings.Builder
	inWord, quote, escaped := false, rune(0), false
	for _, c := range text {
		switch {
		case c == 0:
			return nil, errors.New("holds a zero byte")
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`", c) {
				word.WriteRune('\\')
			}
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && c == quote:
			quote = 0
		case c == '\'' && quote == 0, c == '"' && quote == 0:
			quote, inWord = c, true
		case quote == 0 && strings.ContainsRune(" \t\n\r", c):
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		case quote != '\'' && strings.ContainsRune("$`", c), quote == 0 && strings.ContainsRune("|&;<>()*?[", c), !inWord && strings.ContainsRune("~#", c):
			return nil, fmt.Errorf("holds %q, which only a shell understands: write sh -c '...', or quote it with '", c)
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("ends inside a quotation")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
