# The window: shell, channels, conversation, and the canned runtime that all window tests share.
add_library(sb_test_demo STATIC
    ${CMAKE_SOURCE_DIR}/tests/support/DemoRuntime.cpp ${CMAKE_SOURCE_DIR}/tests/support/DemoExamples.cpp
    ${CMAKE_SOURCE_DIR}/tests/support/DemoMemory.cpp ${CMAKE_SOURCE_DIR}/tests/support/DemoMemoryExamples.cpp)
target_precompile_headers(sb_test_demo REUSE_FROM sb_pch_core)
target_link_libraries(sb_test_demo PUBLIC sb_compiler sb::protocol)
# Programs beside the tests: pictures of the window with canned content, and its frame times.
foreach(name IN ITEMS ui/shots_demo bench/bench_ui)
    if(NOT EXISTS ${CMAKE_SOURCE_DIR}/tests/${name}.cpp)
        continue()
    endif()
    get_filename_component(program ${name} NAME)
    add_executable(${program} ${CMAKE_SOURCE_DIR}/tests/${name}.cpp)
    set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
        POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${program} PRIVATE -fPIC)
    target_precompile_headers(${program} REUSE_FROM sb_pch_ui)
    target_link_libraries(${program} PRIVATE sb_compiler Qt6::Test Qt6::Widgets sb_test_demo sb::ui_shell)
endforeach()
sb_test(ui/tst_Conversation GUI LINKS sb_test_demo sb::ui_shell sb::ui_panels_conversation)
sb_test(ui/tst_Shell GUI LINKS sb_test_demo sb::ui_shell sb::ui_panels_conversation)
