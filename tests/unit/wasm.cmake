include(${CMAKE_SOURCE_DIR}/resources/skills/Modules.cmake)
sb_test(unit/tst_WasmHostCall LINKS sb::wasm)
sb_test(unit/tst_WasmSkills LINKS sb::tools sb::wasm)
add_dependencies(tst_WasmSkills signalbox-wasm-host)

if(SB_CAN_BUILD_WASM)
    foreach(name tst_WasmHosts tst_WasmTool)
        sb_test(unit/${name} LINKS sb::tools sb::wasm LABELS threads)
        target_compile_definitions(${name} PRIVATE SB_WASM_MODULES="${CMAKE_BINARY_DIR}/tests/wasm")
        add_dependencies(${name} wasm-test-modules signalbox-wasm-host)
    endforeach()

    # The example skills' modules from their sources, to be compared with those that lie beside them.
    set(skills ${CMAKE_SOURCE_DIR}/resources/skills)
    set(made ${CMAKE_BINARY_DIR}/skills)
    sb_wasm_module(${made}/tally.wasm SOURCE ${skills}/file-tally/source/tally.c DEPENDS ${skills}/sdk/signalbox.h)
    sb_wasm_module(${made}/table.wasm SOURCE ${skills}/csv-table/source/table.c DEPENDS ${skills}/sdk/signalbox.h WASI)
    add_custom_target(skills DEPENDS ${made}/tally.wasm ${made}/table.wasm)
    add_custom_target(skills-update
        COMMAND ${CMAKE_COMMAND} -E copy ${made}/tally.wasm ${skills}/file-tally/tally.wasm
        COMMAND ${CMAKE_COMMAND} -E copy ${made}/table.wasm ${skills}/csv-table/table.wasm
        DEPENDS ${made}/tally.wasm ${made}/table.wasm)
    add_dependencies(tst_WasmSkills skills)
    target_compile_definitions(tst_WasmSkills PRIVATE SB_BUILT_SKILLS="${made}")
endif()
