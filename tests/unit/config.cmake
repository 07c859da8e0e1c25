sb_test(unit/tst_Config LINKS sb::config)
