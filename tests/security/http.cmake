sb_test(security/tst_HttpAttacks LINKS sb::server LABELS security)
