# Workers, approvals and journal: their models, the panels, and a program that takes pictures of them to look at.
foreach(name tst_Models tst_Workers tst_ApprovalsPanel tst_JournalPanel)
    sb_test(ui/${name} GUI LINKS sb::ui_models sb::ui_panels_workers sb::ui_panels_approvals sb::ui_panels_journal
        sb_test_demo)
endforeach()

add_executable(panel_shots EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/ui/panel_shots.cpp)
set_target_properties(panel_shots PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(panel_shots PRIVATE sb_compiler sb::ui_panels_workers sb::ui_panels_approvals
    sb::ui_panels_journal sb::ui_panels_containment sb_test_demo Qt6::Test)
