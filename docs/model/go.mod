module github.com/visutility/retrainer/docs/model

go 1.26
