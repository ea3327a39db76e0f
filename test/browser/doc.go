// Package browser has the tests of the page for people in a real browser: a module of its own, so that nobody else needs its libraries.
// tools/browser/run-tests runs them.
package browser
