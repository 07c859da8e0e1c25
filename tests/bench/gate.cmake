add_executable(bench_gate ${CMAKE_SOURCE_DIR}/tests/bench/bench_gate.cpp)
target_link_libraries(bench_gate PRIVATE sb_compiler sb::tools sb::approvals)
set_target_properties(bench_gate PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
