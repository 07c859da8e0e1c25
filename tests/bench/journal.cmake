add_executable(bench_journal ${CMAKE_SOURCE_DIR}/tests/bench/bench_journal.cpp)
target_link_libraries(bench_journal PRIVATE sb_compiler sb::journal)
set_target_properties(bench_journal PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
