// Package python holds the tests of examples/python with the whole pipeline: `dev`, `worker` and the trainers as child processes,
// kills, and at the end what stands in the topics. It has only tests, with the build tag python; `make test-python` runs them,
// with the packages of requirements.txt. It knows the program as a user does.
package python
