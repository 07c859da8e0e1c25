foreach(name tst_Packages tst_PackagesTrust tst_Injection)
    sb_test(unit/${name} LINKS sb::packages)
endforeach()
