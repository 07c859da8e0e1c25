#!/bin/sh
# Prints the fare for a journey: fare.sh KILOMETRES [return]
# 2.50 for the first 10 km, 0.20 for each further one; a return journey costs 1.8 times as much.
kilometres=$1
cents=250
if [ "$kilometres" -ge 10 ]; then
    cents=$((cents + (kilometres - 9) * 20))
fi
if [ "$2" = return ]; then
    cents=$((cents * 18 / 10))
fi
printf '%d.%02d\n' $((cents / 100)) $((cents % 100))
