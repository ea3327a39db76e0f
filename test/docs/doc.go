// Package docs does what the documents say, with Go alone: in a clone of the repository, on the embedded broker. It has only tests.
package docs
