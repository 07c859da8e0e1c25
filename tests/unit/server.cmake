sb_test(unit/tst_HttpServer LINKS sb::server)
