sb_test(unit/tst_Store LINKS sb::store SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/FaultyDisk.cpp LABELS threads)
sb_test(unit/tst_Journal LINKS sb::journal SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/FaultyDisk.cpp LABELS threads)
sb_test(unit/tst_JournalExport LINKS sb::journal)
sb_test(unit/tst_JournalCrash LINKS sb::journal SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/FaultyDisk.cpp
    LABELS slow TIMEOUT 300)

# The process that tst_JournalCrash kills.
add_executable(journal_child ${CMAKE_CURRENT_SOURCE_DIR}/unit/journal_child.cpp)
target_link_libraries(journal_child PRIVATE sb_compiler sb::journal)
set_target_properties(journal_child PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_dependencies(tst_JournalCrash journal_child)

sb_test(unit/tst_Approvals LINKS sb::approvals LABELS threads)
