sb_test(unit/tst_Git LINKS sb::git)
