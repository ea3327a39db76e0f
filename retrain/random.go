package retrain

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
)

// RandomSearch draws every parameter of every trial.
type RandomSearch struct{}

// Propose draws from PCG (math/rand/v2), seeded by the hash of the command's id: a replay draws the same.
func (RandomSearch) Propose(space []Parameter, n int, commandID string) []map[string]string {
	seed := sha256.Sum256([]byte(commandID))
	r := rand.New(rand.NewPCG(binary.BigEndian.Uint64(seed[0:8]), binary.BigEndian.Uint64(seed[8:16])))
	rows := make([]map[string]string, n)
	for k := range rows {
		rows[k] = make(map[string]string, len(space))
		for _, p := range space {
			rows[k][p.Name] = p.draw(r)
		}
	}
	return rows
}

func (p *Parameter) draw(r *rand.Rand) string {
	switch {
	case p.Low == nil:
		return p.Values[r.Int64N(int64(len(p.Values)))]
	case p.Type == Int && !p.Log:
		low, high := int64(*p.Low), int64(*p.High)
		return strconv.FormatInt(low+r.Int64N(high-low+1), 10)
	}
	return p.written(p.between(r.Float64()))
}

// nineDigits rounds to 9 significant decimal digits, so that the last bits of exp and log on different processors are no matter.
func nineDigits(x float64) float64 {
	return parseFloat(strconv.FormatFloat(x, 'e', 8, 64))
}
