include(${CMAKE_SOURCE_DIR}/resources/skills/Modules.cmake)
if(SB_CAN_BUILD_WASM)
    # Built by tests/security/wasm.cmake.
    add_executable(bench_wasm ${CMAKE_SOURCE_DIR}/tests/bench/bench_wasm.cpp)
    set_target_properties(bench_wasm PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_compile_definitions(bench_wasm PRIVATE SB_BIN_DIR="${CMAKE_BINARY_DIR}/bin"
        SB_WASM_MODULES="${CMAKE_BINARY_DIR}/tests/wasm")
    target_link_libraries(bench_wasm PRIVATE sb_compiler sb::wasm)
    add_dependencies(bench_wasm wasm-test-modules signalbox-wasm-host)
endif()
