sb_test(unit/tst_Git LINKS sb::git)
sb_test(unit/tst_Workspace LINKS sb::tools)
sb_test(unit/tst_FileTools LINKS sb::tools)
