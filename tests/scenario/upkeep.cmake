# What keeps an instance in order: doctor, publishers, standing permissions, keys.
sb_test(scenario/tst_Upkeep LINKS sb::runtime sb_test_support TIMEOUT 240)
add_dependencies(tst_Upkeep signalbox-node signalbox-sandbox-helper signalbox-wasm-host)
