# The whole window in a program that tells when its first frame was painted.
add_executable(bench_window ${CMAKE_SOURCE_DIR}/tests/bench/bench_window.cpp)
set_target_properties(bench_window PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
    POSITION_INDEPENDENT_CODE OFF)
target_compile_options(bench_window PRIVATE -fPIC)
target_precompile_headers(bench_window REUSE_FROM sb_pch_ui)
target_compile_definitions(bench_window PRIVATE SB_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
target_link_libraries(bench_window PRIVATE sb_workbench)
