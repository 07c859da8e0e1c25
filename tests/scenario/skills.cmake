# Signed skills from the key to the answer of their tools.
sb_test(scenario/tst_Skills LINKS sb::runtime sb_test_support LABELS security TIMEOUT 240)
add_dependencies(tst_Skills signalbox-node signalbox-sandbox-helper signalbox-wasm-host)
