# The real window with the real runtime: what a newcomer does, and pictures of it (packaging/dev shots).
sb_test(ui/tst_Journey GUI LINKS sb_workbench sb_test_support TIMEOUT 180)
set_property(TEST tst_Journey APPEND PROPERTY ENVIRONMENT "SIGNALBOX_TOUR_FAST=1")
add_dependencies(tst_Journey signalbox signalbox-node signalbox-sandbox-helper)

add_executable(window-shots ${CMAKE_SOURCE_DIR}/tests/ui/window_shots.cpp)
set_target_properties(window-shots PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
    POSITION_INDEPENDENT_CODE OFF)
target_compile_options(window-shots PRIVATE -fPIC)
target_compile_definitions(window-shots PRIVATE SB_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
target_precompile_headers(window-shots REUSE_FROM sb_pch_ui)
target_link_libraries(window-shots PRIVATE sb_workbench Qt6::Test)
add_dependencies(window-shots signalbox-sandbox-helper)
