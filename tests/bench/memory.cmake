add_executable(bench_memory ${CMAKE_SOURCE_DIR}/tests/bench/bench_memory.cpp)
target_link_libraries(bench_memory PRIVATE sb_compiler sb::memory)
set_target_properties(bench_memory PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
