add_executable(bench_leaks ${CMAKE_SOURCE_DIR}/tests/bench/bench_leaks.cpp)
target_link_libraries(bench_leaks PRIVATE sb_compiler sb::secrets)
set_target_properties(bench_leaks PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
