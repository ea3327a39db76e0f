package retrain

import "testing"

func TestLengthsOfTimeReadLikeSpeech(t *testing.T) {
	for ms, want := range map[int64]string{
		0: "0 ms", 999: "999 ms", 1000: "1 s", 2500: "2 s", 60_000: "1 min", 5_400_000: "1 h 30 min", 3_600_000: "1 h",
		604_800_000: "7 d", 90_061_000: "1 d 1 h", 7_201_000: "2 h 1 s",
	} {
		if got := Span(ms); got != want {
			t.Errorf("Span(%d) = %q, expected %q", ms, got, want)
		}
	}
	for n, want := range map[int64]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 22: "22nd", 113: "113th"} {
		if got := ordinal(n); got != want {
			t.Errorf("ordinal(%d) = %q, expected %q", n, got, want)
		}
	}
}

func TestNumbersAreWrittenAsPeopleReadThem(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %q", n, got)
		}
	}
	if got := Thousands(1e20); got != "100,000,000,000,000,000,000" {
		t.Error(got)
	}
	for v, want := range map[float64]string{-0.1234567: "-0.123457", 1e-5: "0.00001", 1e-10: "1e-10", 1_680_000: "1680000", 0.05: "0.05"} {
		if got := Amount(v); got != want {
			t.Errorf("Amount(%v) = %q", v, got)
		}
	}
	if got := Rough(14.334); got != "14.3" {
		t.Error(got)
	}
}
