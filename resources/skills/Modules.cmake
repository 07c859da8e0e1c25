# WebAssembly from C, where the compiler for it is installed: SB_CAN_BUILD_WASM says so.
# sb_wasm_module(out.wasm SOURCE file.c [DEPENDS header.h …] [WASI] [FLAGS -DX …]): a rule that makes the file.
include_guard(GLOBAL)
find_program(SB_WASM_CLANG NAMES clang-19 clang)
find_program(SB_WASM_LINKER NAMES wasm-ld-19 wasm-ld)
find_path(SB_WASI_LIBC wasi/api.h PATHS /usr/include/wasm32-wasi NO_DEFAULT_PATH)
if(SB_WASM_CLANG AND SB_WASM_LINKER AND SB_WASI_LIBC)
    set(SB_CAN_BUILD_WASM ON)
else()
    set(SB_CAN_BUILD_WASM OFF)
    message(STATUS "WebAssembly cannot be compiled here; the tests that need it are left out")
endif()

function(sb_wasm_module out)
    cmake_parse_arguments(ARG "WASI" "SOURCE" "FLAGS;DEPENDS" ${ARGN})
    if(ARG_WASI)
        set(target --target=wasm32-wasi)
    else()
        set(target --target=wasm32 -nostdlib -fno-builtin -mbulk-memory -Wl,--no-entry)
    endif()
    # Named by relative paths and without debug lines, so that the same sources make the same bytes in any folder.
    get_filename_component(folder ${ARG_SOURCE} DIRECTORY)
    get_filename_component(file ${ARG_SOURCE} NAME)
    get_filename_component(made ${out} DIRECTORY)
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${made}
        COMMAND ${SB_WASM_CLANG} ${target} -O2 -Wall -Wextra -Werror -Wl,--strip-all ${ARG_FLAGS} ${file} -o ${out}
        WORKING_DIRECTORY ${folder} DEPENDS ${ARG_SOURCE} ${ARG_DEPENDS} VERBATIM)
endfunction()
