# The memory: its graph without a window, and the panel.
sb_test(ui/tst_MemoryGraph GUI LINKS sb::ui_panels_memory)
sb_test(ui/tst_MemoryPanel GUI LINKS sb::ui_panels_memory sb_test_demo)

add_executable(memory_shots EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/ui/memory_shots.cpp)
set_target_properties(memory_shots PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(memory_shots PRIVATE sb_compiler sb::ui_panels_memory sb_test_demo Qt6::Test)
