# A key that the instance knows, on every way that words take through it.
sb_test(scenario/tst_Leaks LINKS sb::runtime sb_test_support LABELS security TIMEOUT 240)
add_dependencies(tst_Leaks signalbox-sandbox-helper)
