sb_test(unit/tst_MemoryTools LINKS sb::tools)
sb_test(unit/tst_Compactor LINKS sb::process)
