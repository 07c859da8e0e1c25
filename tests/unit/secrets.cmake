sb_test(unit/tst_Secrets LINKS sb::secrets)
