sb_test(scenario/tst_Processes LINKS sb::runtime sb_test_support LABELS threads TIMEOUT 240)
add_dependencies(tst_Processes signalbox-sandbox-helper)
