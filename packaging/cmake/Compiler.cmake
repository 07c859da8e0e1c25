# Warnings are errors in both compilers; sanitizers come from the preset's SB_SANITIZE.
set(SB_SANITIZE "" CACHE STRING "address;undefined or thread")

add_library(sb_compiler INTERFACE)
target_include_directories(sb_compiler INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(sb_compiler INTERFACE
    QT_NO_CAST_FROM_ASCII QT_NO_KEYWORDS QT_USE_QSTRINGBUILDER QT_NO_FOREACH
    SB_VERSION="${PROJECT_VERSION}")
target_compile_options(sb_compiler INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
    -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 14 warns about memory it only imagines inside coroutine frames and std::expected.
    target_compile_options(sb_compiler INTERFACE -Wno-maybe-uninitialized -Wno-dangling-reference
        -Wno-mismatched-new-delete)
else()
    target_compile_options(sb_compiler INTERFACE -Wno-gnu-statement-expression)
endif()

if(SB_SANITIZE)
    list(JOIN SB_SANITIZE "," SB_SANITIZE_FLAG)
    add_compile_options(-fsanitize=${SB_SANITIZE_FLAG} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SB_SANITIZE_FLAG})
endif()
if("address" IN_LIST SB_SANITIZE)
    # Attacks are shown to succeed when their one defence is off: core/base/Defence.h. Not with ThreadSanitizer: the lock of
    # that switch, which no release has, would order threads and so hide their races.
    add_compile_definitions(SB_SWITCHABLE_DEFENCES)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_link_options(-fuse-ld=lld)
endif()

find_program(SB_CCACHE ccache)
if(SB_CCACHE)
    set(SB_CCACHE_SETTINGS CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        list(APPEND SB_CCACHE_SETTINGS CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1)
    endif()
    # Clang writes the build folder's path into a precompiled header, so its results stay with their folder.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env ${SB_CCACHE_SETTINGS} ${SB_CCACHE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
endif()
