sb_test(unit/tst_Taint LINKS sb::policy sb::taint)
