// Package walls holds the project to its own architecture: which package may import which, where each library lives, what
// the pure packages may not do, how long a file or a function may be. It has only tests, and knows the tree but none of the
// packages in it.
package walls
