foreach(name tst_Sandbox)
    sb_test(security/${name} LINKS sb::sandbox LABELS security)
    add_dependencies(${name} signalbox-sandbox-helper)
endforeach()
