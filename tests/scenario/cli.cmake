# The programs as an outsider meets them.
foreach(name tst_CommandLine tst_CommandLineServe tst_CommandLineCrash tst_CommandLineTamper tst_BadInput)
    if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/${name}.cpp)
        sb_test(scenario/${name} LINKS sb::runtime sb_test_support TIMEOUT 300)
        add_dependencies(${name} signalbox-node signalbox-sandbox-helper)
    endif()
endforeach()
