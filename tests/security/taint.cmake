sb_test(security/tst_TaintAttacks LINKS sb::runtime sb_test_support LABELS security TIMEOUT 300)
add_dependencies(tst_TaintAttacks signalbox-sandbox-helper)
