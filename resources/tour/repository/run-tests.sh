#!/bin/sh
# Checks fare.sh against known fares; ends with 1 when one is wrong.
failed=0
check() { # EXPECTED ARGUMENTS...
    expected=$1
    shift
    actual=$(sh ./fare.sh "$@")
    if [ "$actual" = "$expected" ]; then
        echo "ok    fare $* = $actual"
    else
        echo "FAIL  fare $*: expected $expected, got $actual"
        failed=1
    fi
}
check 2.50 3
check 2.50 10
check 2.70 11
check 4.50 20
check 8.10 20 return
exit $failed
