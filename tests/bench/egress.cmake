add_executable(bench_egress ${CMAKE_SOURCE_DIR}/tests/bench/bench_egress.cpp)
set_target_properties(bench_egress PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(bench_egress PRIVATE sb_compiler sb::egress)
