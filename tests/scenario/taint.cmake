sb_test(scenario/tst_TaintFlow LINKS sb::runtime sb_test_support TIMEOUT 240)
add_dependencies(tst_TaintFlow signalbox-sandbox-helper)
