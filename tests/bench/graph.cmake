# The memory panel's graph: painting, a step of the layout, the first picture.
add_executable(bench_graph ${CMAKE_SOURCE_DIR}/tests/bench/bench_graph.cpp)
set_target_properties(bench_graph PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
    POSITION_INDEPENDENT_CODE OFF)
target_compile_options(bench_graph PRIVATE -fPIC)
target_precompile_headers(bench_graph REUSE_FROM sb_pch_ui)
target_link_libraries(bench_graph PRIVATE sb_compiler Qt6::Test Qt6::Widgets sb::ui_panels_memory)
