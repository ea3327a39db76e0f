#!/bin/sh
# The results of MODEL.md, each compared with what stands there: `holds` must find nothing, `breaks CHECK` must find a
# violation of that check. Exit 1 if one differs.
#
#   sh docs/model/run.sh          everything: about 12 minutes of one core, 6 GiB of memory
#   sh docs/model/run.sh quick    the rules that take a second each: under a minute, 1 GiB
#   sh docs/model/run.sh trace ARGS...    one search with its counterexample, for example: trace -warm -faults 1 -records qo -mut noDiscard
set -u
cd "$(dirname "$0")" || exit 1
bin=$(mktemp -d) || exit 1
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/model" . || exit 1
mode=${1:-all}
[ "$mode" = trace ] && { shift; "$bin/model" -lean "$@"; exit; }
runs=0 bad=0

check() { # WANTED ARGS...
  want=$1; shift
  got=$("$bin/model" -lean -quiet "$@" | grep '^RESULT')
  runs=$((runs + 1))
  case $got in
    *": $want"*) echo "ok    $got" ;;
    *) bad=$((bad + 1)); echo "WRONG $got (MODEL.md says: $want)" ;;
  esac
}
holds() { check "all hold;" "$@"; }
breaks() { c=$1; shift; check "$c violated;" "$@"; }
long() { if [ "$mode" = all ]; then "$@"; fi; }
W=-warm

# what must hold
holds -faults 0 -records qoo
long holds -faults 1 -records qoo
long holds -faults 1 -records qo -resets
long holds $W -faults 1 -records qoo
holds $W -faults 1 -records qo
long holds $W -faults 1 -records qo -static
long holds $W -faults 1 -records qo -resets
long holds $W -faults 1 -records qo -records2 oq
long holds $W -faults 1 -records oo -gap
holds $W -faults 1 -records qo -mut ledger
long holds $W -faults 1 -records qo -mut noVerify
long holds $W -faults 2 -records o
long holds $W -faults 2 -records o -static
long holds $W -faults 2 -records qo -only "TIME-OUT of EndTxn,session"
long holds $W -faults 2 -records qo -records2 oq -only policy,TIME-OUT
holds -faults 0 -records qo -mut freeEnd
long holds $W -faults 1 -records qo -mut freeEnd

# truncation
long holds -faults 1 -records qo -cuts 1
holds $W -faults 1 -records o -cuts 1 -resets
long holds $W -faults 1 -records qo -cuts 1
long holds $W -faults 2 -records o -cuts 1
long holds $W -faults 1 -records qo -cuts 1 -static
holds $W -faults 1 -records qo -cuts 1 -mut ledger
long holds $W -faults 1 -records qo -cuts 1 -mut noVerify
long holds $W -faults 1 -records qo -cuts 1 -mut offsetLast
long holds $W -faults 2 -records o -cuts 1 -mut offsetLast
for x in TIME-OUT ENDS,session rebalance; do long holds $W -faults 2 -records qo -cuts 1 -only TRUNC,$x; done

# carrying state over
holds $W -faults 1 -records o -cuts 1 -mut carry
long holds $W -faults 1 -records qo -mut carry
long holds $W -faults 1 -records qo -cuts 1 -mut carry
long holds $W -faults 2 -records o -cuts 1 -mut carry
long holds $W -faults 2 -records qo -records2 oq -only policy,TIME-OUT -mut carry
long holds $W -faults 2 -records qo -cuts 1 -only TRUNC,rebalance -mut carry
long holds $W -faults 1 -records qo -mut freeEnd,carry

# the rules before the corrections
breaks S2 $W -faults 1 -records qo -cuts 1 -mut lostAsNew
breaks S4 $W -faults 1 -records qo -cuts 1 -mut noHeal
breaks S2 $W -faults 1 -records qo -cuts 1 -mut noAnswer
long breaks S1 $W -faults 2 -records qo -cuts 1 -only TRUNC,rebalance -mut carryNoOff
breaks S1 $W -faults 1 -records qo -mut carryLit
long breaks S2 $W -faults 2 -records qo -records2 oq -only policy,TIME-OUT -mut carrySwitch
long breaks alarm $W -faults 2 -records o -stop S1,S2,S3,S4,S5,alarm -mut alarm,offsetLast
long holds $W -faults 2 -records o -stop S1,S2,S3,S4,S5,alarm -mut alarm

# beyond what can be held: the evidence is lost too
long breaks S1 $W -faults 2 -records o -cuts 2 -only TRUNC,OFFSETS
breaks S2 $W -faults 2 -records o -cuts 1 -resets -only TRUNC,RESET
long breaks S2 $W -faults 2 -records qo -records2 oq -cuts 1 -only everything,policy

# rules removed one at a time
for x in prodOpen noDiscard abortNoInit unkCommitted unkAborted; do breaks S1 $W -faults 1 -records qo -mut $x; done
breaks S2 $W -faults 1 -records qo -mut ckptPlain
breaks S4 $W -faults 1 -records qo -mut fencedStops
breaks S2 $W -faults 1 -records qo -mut carryWriterOnly
for x in noPosEvery noMeta; do
  long holds $W -faults 1 -records qo -mut $x
  breaks S1 $W -faults 1 -records qo -resets -mut $x
done
breaks S1 $W -faults 1 -records qo -cuts 1 -mut noPosEvery
long holds $W -faults 1 -records qo -cuts 1 -mut noMeta
breaks S1 $W -faults 1 -records qo -cuts 1 -mut beyondIgnored
breaks S3 $W -faults 1 -records o -mut keepJoin
breaks S4 -faults 0 -records o -epochs 8 -mut endLate
long check "map[S4:" -faults 1 -records o -epochs 6 -stop S1,S2,S3 -mut endLate
breaks S4 $W -faults 1 -records o -epochs 8 -mut refusedFences
breaks S4 $W -faults 1 -records o -epochs 8 -mut keepLost
for x in noOffset noGen; do
  long holds $W -faults 1 -records qo -mut $x
  long breaks S3 $W -faults 2 -records o -mut $x
done
long breaks S3 $W -faults 2 -records qo -static -mut genOnly
breaks S1 $W -faults 2 -records oo -gap -only retention,CRASH -mut gapRun
breaks S2 $W -faults 1 -records qo -records2 oq -mut replayActive
breaks S1 $W -faults 1 -records qo -records2 oq -mut livePol
long holds -faults 1 -records qo -resets -mut noFirstPos
long holds -faults 1 -records oo -gap -mut noFirstPos
for x in loadFirst loadLSO initNoWait unkNoInit; do long holds $W -faults 2 -records o -mut $x; done
breaks S5 $W -faults 1 -records o -mut tocOpen
long check "map[S4:" $W -faults 2 -records o -stop S1,S2,S3 -mut tocOpen
# each marker by itself: with -lean a stable committed offset, asked before the load, would say that the checkpoint's is there
for x in loadFirst,loadLSO initNoWait,loadLSO unkNoInit,loadLSO; do breaks S2 $W -faults 1 -records qo -lean=false -mut $x; done
breaks S3 $W -faults 1 -records o -mut noGen,loadFirst
long holds $W -faults 2 -records o -cuts 1 -mut unstable
long holds $W -faults 2 -records o -cuts 1 -mut carryNoWriter
long check "map[not exhausted:1];" $W -faults 2 -records qo -max 45000000

echo "model: $((runs - bad)) passed, $bad failed"
[ "$bad" = 0 ]
