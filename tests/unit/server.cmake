sb_test(unit/tst_HttpServer LINKS sb::server)
sb_test(unit/tst_LocalSocket LINKS sb::server)
sb_test(unit/tst_ServerToken LINKS sb::server)
