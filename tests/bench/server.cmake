add_executable(bench_http ${CMAKE_SOURCE_DIR}/tests/bench/bench_http.cpp)
set_target_properties(bench_http PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(bench_http PRIVATE sb_compiler sb::server)
