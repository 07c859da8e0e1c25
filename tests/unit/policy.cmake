sb_test(unit/tst_Policy LINKS sb::policy)
sb_test(fuzz/fuzz_Shell LINKS sb::policy LABELS fuzz)
