package handlers

import (
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// NewRequests forwards what people ask for.
func NewRequests(s Settings) *Forward {
	return newForward(s, schemas.RequestWants(), requestCodec, requestOf, (*retrain.Request).Check)
}

func requestOf(_ *schemas.Program, v []schemas.Value) *retrain.Request {
	r := &retrain.Request{
		RequestID: string(v[schemas.RequestID].Bytes), Verb: retrain.Verb(v[schemas.RequestVerb].Bytes), Model: string(v[schemas.RequestModel].Bytes),
		Create: v[schemas.RequestCreate].Int == 1, Author: string(v[schemas.RequestAuthor].Bytes), Comment: string(v[schemas.RequestComment].Bytes),
		At: v[schemas.RequestAt].Int,
	}
	if action := v[schemas.RequestAction]; action.Set {
		r.Action = new(retrain.RetrainAction(action.Bytes))
	}
	return r
}
