package main

// manual is what the help of a command says beside its flags.
type manual struct {
	usage    string // "": the command's own line
	about    string // paragraphs, what it does, needs and changes
	failed   string // what exit status 1 means; "": there is none
	examples []sample

	environment, files [][2]string

	see []string
}

// sample is a command line that a test runs. There kafka:9092 is a broker of the test's, and COMMAND_ID and DECISION_ID are ids that
// stand in its topics.
type sample struct{ why, line string }

// sections are the groups in which the program's help lists its commands.
var sections = []struct {
	title    string
	commands []string
}{
	{"Try it", []string{"demo", "dev"}},
	{"Run it", []string{"topics", "policy", "serve", "worker"}},
	{"Ask", []string{"status", "explain", "tail", "verify", "ready"}},
	{"Tell it something", []string{"produce", "trigger"}},
	{"This program", []string{"completion", "version", "help"}},
}

const (
	seeReadme = "README.md"
	seePolicy = "docs/policy.md"
)

// manuals are by the words behind the program's name.
var manuals = map[string]manual{
	"": {
		usage: "retrainer COMMAND [flags]",
		about: "It reads drift and performance events from Kafka, decides for each model between no action, a soft retrain (fine-tune) and a " +
			"full retrain (rebuild), and publishes commands for trainers, each exactly once and each with its reason.\n\n" +
			"A flag of the command line stands before a variable of the environment, and a variable before the file.\n\n" +
			"Results go to standard output, logs and errors to standard error. With --json both are JSON, one object a line: what a command says of " +
			"records has the fields of their schemas, an error is {\"error\", \"exit\"}, and what is waited for {\"waiting\"}.",
		failed: "it ran, and something was not as asked",
		examples: []sample{
			{"what is known of the models, and why", "retrainer status"},
			{"the same for programs", "retrainer status --json"},
		},
		environment: [][2]string{
			{"VTY_A_B", "the value of the flag --a-b, of any command"},
			{passwordVariable, "the password of --sasl-user: there is no flag for it, nor a key of a file"},
			{registryUser, "user of the schema registry"}, {registryPassword, "and the password"},
			{"NO_COLOR", "no bold headings and no colour, also on a terminal"},
		},
		files: [][2]string{{"retrainer.yaml", "settings of all commands, the key a_b for the flag --a-b, read where it is there; --config names another"}},
		see:   []string{seeReadme, "docs/start.md", "docs/operate.md"},
	},
	"demo": {
		about:    "It starts a broker, a service and a worker of its own, lets models drift, kills the service with -9 in the middle, and compares at the end what stands in the topics with what must. Nothing of it stays, and it asks for no other program.",
		failed:   "what came out was not what must come out",
		examples: []sample{{"its records instead of its story, as fast as it goes", "retrainer demo --pace 0 --json --seed 7"}},
		see:      []string{seeReadme},
	},
	"dev": {
		about: "It is an embedded broker, the topics and the service in one process, for trying things out. Any Kafka client can speak to the broker. " +
			"What stands in it is kept in a folder, and a later start goes on with that, also after a kill. It is no broker for production: it is one process on one disk.",
		failed:   "the broker or the service ended by an error",
		examples: []sample{{"the whole service, under rules of one's own", "retrainer dev --policy policy.yaml"}},
		files:    [][2]string{{"./retrainer-data", "the broker's data; remove it to begin anew"}},
		see:      []string{seeReadme, seePolicy},
	},
	"serve": {
		about: "It is one instance of the service. Start as many as you like: they share the partitions, and whatever is killed, each decision is one command. " +
			"It needs the topics that `retrainer topics apply` makes, and reads the policy file only at its start: a file with a greater revision than the active " +
			"policy takes its place, for all instances.\n\n" +
			"A broker that is away is waited for. GET /readyz says what each partition does and waits for, GET /metrics is for Prometheus, and / is a page to look at.",
		failed:   "an error that no repetition mends; the log's last line says it",
		examples: []sample{{"one instance with a policy file", "retrainer serve --brokers kafka:9092 --policy policy.yaml"}},
		see:      []string{"docs/operate.md", "docs/metrics.md", seePolicy, "docs/cluster.md"},
	},
	"worker": {
		usage: "retrainer worker --exec PROGRAM [flags]",
		about: "It takes the commands of an app, one at a time, and runs a program for each. The program gets the command as JSON on standard input and in the file " +
			"$RETRAIN_COMMAND, and runs in a directory of the command's own, DIR/COMMAND_ID. Its lines of JSON with step, total or metrics are progress; the last " +
			"one is the result, with new_version, metrics and best_params where they are known. The program's exit status 0 means trained, 75 failed but worth " +
			"another try, any other failed.\n\n" +
			"Workers share the commands. One that is killed trains its unfinished command again when it comes back, and a finished one never.",
		failed:   "an error that no repetition mends",
		examples: []sample{{"trains by a program in the current folder", "retrainer worker --brokers kafka:9092 --exec ./train.sh"}},
		files:    [][2]string{{"./retrainer-work", "a directory for each command, with its result.json"}},
		see:      []string{"retrain/worker/doc.go", "examples/python/README.md"},
	},
	"topics": {
		about: "The program's own topics begin with the name of the app (--app). Topics of events are made where they are missing, and never changed: they are yours.",
		see:   []string{"docs/cluster.md"},
	},
	"topics plan": {
		about: "It compares the topics on the cluster with what the program needs, and changes nothing. It prints what `retrainer topics apply` would do, what is " +
			"advised, how the ledger grows, and at the end the rights that suffice for each command, a line each for Kafka's kafka-acls; those also where the rights to look are missing.",
		failed:   "something is missing or wrong",
		examples: []sample{{"what is missing, and which rights are needed", "retrainer topics plan --brokers kafka:9092"}, {"the same for programs", "retrainer topics plan --json"}},
		see:      []string{"docs/cluster.md"},
	},
	"topics apply": {
		about:    "It makes the topics that are missing and sets right what is wrong in the program's own. Nothing is deleted, and a second run does nothing more.",
		failed:   "the cluster refused a change, or does not show it",
		examples: []sample{{"three replicas of what is made", "retrainer topics apply --brokers kafka:9092 --replication 3"}},
		see:      []string{"docs/cluster.md"},
	},
	"policy": {
		about: "A policy file says which rules judge which events, what a model is trained with, and how long it is left alone after it.",
		see:   []string{seePolicy},
	},
	"policy check": {
		about:    "It says all that is wrong in a policy file, each mistake with line, column and what would be right; or else in sentences what the policy does. It asks no cluster. What is right and perhaps meant otherwise is a warning.",
		examples: []sample{{"before it is deployed", "retrainer policy check policy.yaml"}, {"the normal form, with every default written out", "retrainer policy check policy.yaml --json"}},
		see:      []string{seePolicy},
	},
	"status": {
		about: "Without a name it shows each model: what it is doing, why, and until when; what fires; streams that lead to no model; and how many dead letters are kept. With a name it shows " +
			"one model whole. It reads the topics and changes nothing; `serve` need not run. With --json it prints the records of `APP.models`.",
		failed:   "nothing is known of a model of that name; with --json also where no alert has concerned it yet",
		examples: []sample{{"all models", "retrainer status"}, {"one of them", "retrainer status tumours"}},
		see:      []string{"docs/decisions.md"},
	},
	"explain": {
		about: "Every decision, also the one to do nothing, has its reason: the rule, the numbers, the limits, and the events behind it by topic, partition and offset.",
		see:   []string{"docs/decisions.md"},
	},
	"explain model": {
		about:    "It says what the model does now, why, until when, what happens next and what to do; its last decisions; and what the rules see in each of its sources. With --json it prints the last Decision, and its Command where there is one.",
		failed:   "nothing is known of a model of that name; with --json also where no decision on it is kept",
		examples: []sample{{"why was it trained, or was it not?", "retrainer explain model tumours"}},
		see:      []string{"docs/decisions.md"},
	},
	"explain decision": {
		about:    "It explains one decision. The id, or the beginning of it, stands in `explain model` and in the records. With --json it prints the Decision, and its Command where there is one.",
		failed:   "none of that id is kept, or several begin so",
		examples: []sample{{"by the beginning of its id", "retrainer explain decision DECISION_ID"}},
		see:      []string{"docs/decisions.md"},
	},
	"explain command": {
		about:    "It says what the command asks for, why, and what became of it. The id, or the beginning of it, stands in `status` and in the records. With --json it prints the Decision and the Command.",
		failed:   "none of that id is kept, or several begin so",
		examples: []sample{{"by the beginning of its id", "retrainer explain command COMMAND_ID"}},
		see:      []string{"docs/decisions.md"},
	},
	"explain word": {
		about:    "It prints what docs/decisions.md says of a word: a decision's reason, an end of a command or an alert, what became of an event, why a record is a dead letter. It asks no cluster.",
		failed:   "the word is none of these",
		examples: []sample{{"what does cooldown mean, and what is to be done?", "retrainer explain word cooldown"}},
		see:      []string{"docs/decisions.md"},
	},
	"tail": {
		about: "It prints records as JSON, one a line: topic, partition, offset, timestamp, key, headers, schema and value. Without --from it waits for those to come. " +
			"What aborted transactions wrote is not shown. It is in no consumer group, and moves nobody's offsets.",
		failed:   "--timeout was over before it was enough",
		examples: []sample{{"the first command", "retrainer tail retrain.commands --from start --count 1"}, {"why records could not be used", "retrainer tail retrain.dlq --from start --until end"}},
		see:      []string{"docs/cluster.md"},
	},
	"verify": {
		about: "It folds the whole ledger again and compares what comes of it with the decisions, commands, results, models and policies that stand in the topics. " +
			"It changes nothing, also while `serve` runs. What retention has taken is not compared, and said.",
		failed:   "there is a difference (the first is shown), or nothing can be compared",
		examples: []sample{{"does everything that was decided follow?", "retrainer verify"}},
		see:      []string{"docs/exactly-once.md"},
	},
	"ready": {
		about: "It asks the /readyz of an instance that runs, on this machine as a rule, and prints what waits there and for what; with --json, what was answered. " +
			"It is for health checks of images that have neither a shell nor curl: with the same VTY_HTTP as the instance it needs no flag.",
		failed:   "the instance does not do its part, or does not answer",
		examples: []sample{{"does the instance at VTY_HTTP do its part?", "retrainer ready"}},
		see:      []string{"docs/operate.md"},
	},
	"produce": {
		about: "It writes lines of JSON from standard input to a topic, as Avro: events, progress of trainings, requests. An absent field is null, times are RFC 3339. " +
			"It stops at the first bad line, which it names; what stands before it is written. Topics of the program's own memory are refused.",
		failed: "a line was bad, or the cluster took it not; how many were written is printed",
		examples: []sample{
			{"one event", `echo '{"model_id":"tumours/v1.3","mAP_change":-0.12,"timestamp":"'$(date -u +%FT%TZ)'"}' | retrainer produce monitoring.performance`},
			{"a file, the events of a stream in their order", "retrainer produce monitoring.drift --key stream_id < events.json"},
		},
		see: []string{"schemas", "docs/start.md"},
	},
	"trigger": {
		usage: "retrainer trigger MODEL --action ACTION [flags]",
		about: "It asks for a retrain of a model and waits up to 10 s for the decision, which it prints. A request does not wait for a cool-down, but for a command that is " +
			"open: a model has one at a time. A running `serve` decides it. Who asked and why stands in the decision for ever.",
		failed:   "it was refused, or nothing was decided in time",
		examples: []sample{{"a new model from scratch", `retrainer trigger lungs --action full --create --comment "the first version"`}},
		see:      []string{"docs/decisions.md"},
	},
	"completion": {
		about: "It prints a script by which a shell completes commands, flags, their values, files, and the names of topics and models. These are asked of the " +
			"cluster for at most a second; one that is away completes nothing, and says nothing.",
		examples: []sample{
			{"bash, in this session; in ~/.bashrc for all", "source <(retrainer completion bash)"},
			{"zsh: a file in a folder of $fpath", "retrainer completion zsh > _retrainer"},
			{"fish: a file in ~/.config/fish/completions", "retrainer completion fish > retrainer.fish"},
		},
	},
	"version": {
		about:    "It prints the version, the build and the revision that it was made of, and the Go version. `retrainer --version` does the same.",
		examples: []sample{{"for programs", "retrainer version --json"}},
	},
	"help": {
		about:    "It prints the page of a command, as --help does.",
		examples: []sample{{"the page of a command", "retrainer help explain model"}},
	},
}
