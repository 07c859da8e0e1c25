sb_test(scenario/tst_MemoryVerb LINKS sb::runtime sb_test_support TIMEOUT 300)
add_dependencies(tst_MemoryVerb signalbox-node signalbox-sandbox-helper)
