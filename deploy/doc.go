// Package deploy holds what stands in this folder, docker-compose.yml and the Dockerfile to what the program really is, as far as that
// can be seen without an engine or a cluster. It has only tests, and is a module of its own: the libraries that read such files are
// large, and no part of the program. tools/deploy/run-tests runs it.
package deploy
