foreach(name tst_LeaksKnown tst_LeaksPatterns tst_LeaksStream)
    sb_test(unit/${name} LINKS sb::leaks)
endforeach()
sb_test(unit/tst_Redactor LINKS sb::secrets)
