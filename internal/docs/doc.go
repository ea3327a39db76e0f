// Package docs does what the documents say, for tests: it knows every fenced block of every Markdown file of the repository, which test
// has to do with which, and how a person types them at a terminal. Its own tests hold that what documents name, and link to, is there.
// It knows nothing of the product but what a person sees.
package docs
