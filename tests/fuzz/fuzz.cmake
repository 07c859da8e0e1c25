# One libFuzzer program for each parser of outside input. They need Clang and the address sanitizer, as the asan preset
# has them. The parser's own sources are compiled once more into the program, so that libFuzzer sees which branches an
# input takes; everything else comes from the libraries as they are.
set(SB_FUZZ_DEFAULT OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND "address" IN_LIST SB_SANITIZE)
    set(SB_FUZZ_DEFAULT ON)
endif()
option(SB_FUZZ "Build the fuzz targets, and run each for SB_FUZZ_SECONDS (5) among the tests" ${SB_FUZZ_DEFAULT})

# sb_fuzz(Sse LINKS sb::llm SOURCES core/llm/Sse.cpp): tests/fuzz/fuzz_Sse.cpp, with the seeds of tests/fuzz/corpus/Sse.
function(sb_fuzz name)
    cmake_parse_arguments(ARG "" "" "LINKS;SOURCES" ${ARGN})
    if(NOT SB_FUZZ)
        return()
    endif()
    list(TRANSFORM ARG_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/)
    add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_${name}.cpp ${CMAKE_SOURCE_DIR}/tests/fuzz/Fuzz.cpp
        ${ARG_SOURCES})
    set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
        POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(fuzz_${name} PRIVATE -fPIC -fsanitize=fuzzer-no-link
        -include ${CMAKE_SOURCE_DIR}/packaging/cmake/PrecompiledCore.h)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(fuzz_${name} PRIVATE sb_compiler Qt6::Core ${ARG_LINKS})
    add_test(NAME fuzz_${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/fuzz/run $<TARGET_FILE:fuzz_${name}>
        ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name} ${CMAKE_BINARY_DIR}/tests/fuzz/${name})
    set_tests_properties(fuzz_${name} PROPERTIES LABELS fuzz TIMEOUT 900
        ENVIRONMENT "LC_ALL=C.UTF-8;LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0;UBSAN_OPTIONS=print_stacktrace=1")
endfunction()

sb_fuzz(Sse LINKS sb::llm SOURCES core/llm/Sse.cpp)
sb_fuzz(Frames LINKS sb::server sb::protocol SOURCES core/server/Frames.cpp)
sb_fuzz(Config LINKS sb::config yaml-cpp::yaml-cpp SOURCES core/config/Yaml.cpp)
sb_fuzz(Manifest LINKS sb::packages sb::config SOURCES core/packages/Manifest.cpp)
sb_fuzz(Skill LINKS sb::packages sb::config SOURCES core/packages/Skill.cpp)
sb_fuzz(Injection LINKS sb::packages SOURCES core/packages/Injection.cpp core/packages/Folded.cpp)
sb_fuzz(ShellReader LINKS sb::policy SOURCES core/policy/Shell.cpp)
if(TARGET sb::egress)
    sb_fuzz(Proxy LINKS sb::egress SOURCES core/egress/Message.cpp core/egress/Target.cpp)
endif()
