# The window: shell, channels, conversation, and the canned runtime that all window tests share.
add_library(sb_test_demo STATIC
    ${CMAKE_SOURCE_DIR}/tests/support/DemoRuntime.cpp ${CMAKE_SOURCE_DIR}/tests/support/DemoExamples.cpp)
target_precompile_headers(sb_test_demo REUSE_FROM sb_pch_core)
target_link_libraries(sb_test_demo PUBLIC sb_compiler sb::protocol)
