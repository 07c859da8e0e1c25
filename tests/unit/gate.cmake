sb_test(unit/tst_Gate LINKS sb::tools sb::approvals SQLiteCpp LABELS threads)
