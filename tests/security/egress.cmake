foreach(name tst_Egress tst_EgressAttacks tst_EgressTools)
    sb_test(security/${name} LINKS sb::egress sb::leaks PkgConfig::OPENSSL LABELS security threads TIMEOUT 300)
endforeach()
