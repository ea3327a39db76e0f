// Package worker trains by a program: one run of it per command, in a directory of the command's own. It knows processes, their
// output and files; it must not know Kafka, nor decide what is trained.
//
// # The program's contract
//
// It gets the command as JSON on standard input and in the file that $RETRAIN_COMMAND names, with the fields of
// schemas/Command.avsc; its working directory is <dir>/<command_id>. A line of standard output that is a JSON object with step,
// total or metrics is progress. The last line that is progress or a result is the result, if it has any of
//
//	new_version  a text; left out, the registry numbers the version
//	metrics      an object of numbers
//	best_params  an object of texts, numbers, true and false: the values of the best trial
//	error        a text or {"code", "message"}: why it failed; the exit status still says that it did
//	improved     true or false; nothing is made of it yet
//
// All else is a log. Exit status 0 is success, with or without a result, 75 a failure that is worth another try, any other a
// failure. See lines.go and outcome.go for the edges.
//
// SIGTERM tells it to end: at shutdown, or because the command's max_runtime is over. After the grace comes SIGKILL. Both go to
// its whole process group. When the program has ended, what it left behind is ended as well.
//
// # What a directory holds
//
//	command.json   the command
//	begun.json     when it was begun; written before the first run
//	result.json    how it ended; written once, durably, before Train returns: a command that has one is never run again
//	stdout.log, stderr.log   what the last run wrote, up to a limit; .1: what the one before wrote
//	worker.lock    held by the worker that has the command
//	program.lock   held by the program and what it started; names its process group
//
// These names are the worker's; the program may use all others. Nothing is ever deleted: a training that is repeated after a
// crash finds its own checkpoints, and results are what makes a command idempotent. A directory may be removed when no worker
// can be given its command again, which is when the commands' topic does not keep it any more.
//
// # When a worker is killed
//
// On Linux the program is killed with it. What survives (its children; the program itself elsewhere) is found by the next worker
// before it runs anything in the directory: by the lock that they inherited, and on Linux by RETRAIN_COMMAND in their
// environment, which also finds daemons that closed all they had. They are ended first. Two living workers that share a
// directory do not run beside each other either: the second waits for the first one's end and answers from its result.
package worker
