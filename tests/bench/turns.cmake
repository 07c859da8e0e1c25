# The clients and floors that packaging/bench measures with.
foreach(name bench_hello bench_turns)
    add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/bench/${name}.cpp)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(${name} PRIVATE sb_compiler Qt6::Core)
endforeach()
