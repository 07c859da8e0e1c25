sb_test(security/tst_LeakAttacks LINKS sb::tools sb::secrets LABELS security TIMEOUT 300)
add_dependencies(tst_LeakAttacks signalbox-sandbox-helper)
