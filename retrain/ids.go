package retrain

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/google/uuid"
)

// alertID names the alert by the event that fired it: the first 16 bytes of SHA-256 over the parts, each behind its length.
func alertID(a *Alert) string {
	h := sha256.New()
	for _, part := range []string{orEmpty(a.Stream), orEmpty(a.Model), orEmpty(a.ModelVersion), a.RuleID, a.Topic,
		strconv.Itoa(int(a.Partition)), strconv.FormatInt(a.Offset, 10)} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// commandID and decisionID are exact under replay, and never equal for two needs or two ledgers.
func commandID(ledger uuid.UUID, model string, number int64) string {
	return uuid.NewSHA1(ledger, []byte(model+"\n"+strconv.FormatInt(number, 10))).String()
}

func decisionID(ledger uuid.UUID, model string, number int64) string {
	return uuid.NewSHA1(ledger, []byte(model+"\nd"+strconv.FormatInt(number, 10))).String()
}
