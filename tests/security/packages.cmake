sb_test(security/tst_PackageAttacks LINKS sb::packages LABELS security)
