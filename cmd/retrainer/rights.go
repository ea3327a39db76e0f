package main

import "strings"

// right is what somebody may do with a resource, or with all whose names begin so.
type right struct {
	Resource   string   `json:"resource"` // topic, group, transactional-id
	Name       string   `json:"name"`
	Pattern    string   `json:"pattern"` // literal, prefixed
	Operations []string `json:"operations"`
}

// line is the right in the words of Kafka's kafka-acls.
func (r *right) line() string {
	s := "--" + r.Resource + " " + r.Name
	if r.Pattern != "literal" {
		s += " --resource-pattern-type " + r.Pattern
	}
	return s + " --operation " + strings.Join(r.Operations, " --operation ")
}

// grant are the rights that suffice for some commands.
type grant struct {
	For    string  `json:"for"`
	Rights []right `json:"rights"`
}

func literal(resource, name string, operations ...string) right {
	return right{resource, name, "literal", operations}
}

func prefixed(resource, name string, operations ...string) right {
	return right{resource, name, "prefixed", operations}
}

// onEach is the same right on each of the topics.
func onEach(topics []string, operations ...string) (all []right) {
	for _, t := range topics {
		all = append(all, literal("topic", t, operations...))
	}
	return all
}

// rights are what the commands need, and nothing more: Kafka gives Describe with Read, Write and Alter, and DescribeConfigs with
// AlterConfigs; who may write to some topic may write idempotently.
func (c *configuration) rights() []grant {
	n := c.names()
	own := n.app + "."
	return []grant{
		{"serve", append(onEach(c.events(), "Read", "DescribeConfigs"),
			prefixed("topic", own, "Read", "Write", "DescribeConfigs"),
			literal("group", n.app, "Read"),
			prefixed("transactional-id", own, "Write"))},
		{"topics plan", append(onEach(c.events(), "Describe", "DescribeConfigs"), prefixed("topic", own, "Describe", "DescribeConfigs"))},
		{"topics apply", append(onEach(c.events(), "Create", "Describe", "DescribeConfigs"), prefixed("topic", own, "Create", "Alter", "AlterConfigs"))},
		{"worker", []right{
			literal("topic", n.commands(), "Read"),
			literal("topic", n.progress(), "Read", "Write"),
			prefixed("group", own+"workers", "Read"),
		}},
		{"status, explain, verify, tail", append(onEach(c.events(), "Read"), prefixed("topic", own, "Read"))},
		{"trigger", []right{literal("topic", n.requests(), "Write"), literal("topic", n.decisions(), "Read")}},
		{"monitoring pipelines, produce", onEach(c.events(), "Write")},
		{"trainers without worker", []right{literal("topic", n.commands(), "Read"), literal("topic", n.progress(), "Write")}},
	}
}

const rightsTitle = "Rights, by who needs them; a line goes behind kafka-acls --bootstrap-server HOST:PORT --add --allow-principal User:NAME"

// rightsText shows them to people.
func rightsText(all []grant) string {
	var lines []string
	for _, g := range all {
		lines = append(lines, g.For)
		for i := range g.Rights {
			lines = append(lines, "  "+g.Rights[i].line())
		}
	}
	return section(rightsTitle, lines)
}
