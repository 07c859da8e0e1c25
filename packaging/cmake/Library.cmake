# The shapes that targets have here. Dependencies exist only as links, and they point down.

# One precompiled header for core, one for everything with windows.
function(sb_precompiled name header)
    file(WRITE ${CMAKE_BINARY_DIR}/${name}.cpp "")
    add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/${name}.cpp)
    target_link_libraries(${name} PRIVATE sb_compiler ${ARGN})
    target_precompile_headers(${name} PRIVATE ${CMAKE_SOURCE_DIR}/packaging/cmake/${header})
endfunction()
sb_precompiled(sb_pch_core PrecompiledCore.h Qt6::Core)
sb_precompiled(sb_pch_ui PrecompiledUi.h Qt6::Core Qt6::Gui Qt6::Widgets)

# sb_library(core/journal LINKS sb::store PRIVATE_LINKS … [QOBJECTS]): the static library of a folder.
# core/journal becomes sb_core_journal with the alias sb::journal; its sources are the folder's *.cpp.
function(sb_library folder)
    cmake_parse_arguments(ARG "QOBJECTS" "" "LINKS;PRIVATE_LINKS" ${ARGN})
    string(REPLACE "/" "_" target sb_${folder})
    get_filename_component(short ${folder} NAME)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp ${CMAKE_SOURCE_DIR}/${folder}/*.h)
    add_library(${target} STATIC ${sources})
    if(folder MATCHES "^core/")
        add_library(sb::${short} ALIAS ${target})
        target_precompile_headers(${target} REUSE_FROM sb_pch_core)
        target_link_libraries(${target} PUBLIC sb_compiler Qt6::Core)
    else()
        string(REPLACE "/" "_" alias ${folder})
        add_library(sb::${alias} ALIAS ${target})
        target_precompile_headers(${target} REUSE_FROM sb_pch_ui)
        target_link_libraries(${target} PUBLIC sb_compiler Qt6::Core Qt6::Gui Qt6::Widgets)
    endif()
    target_link_libraries(${target} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
    if(ARG_QOBJECTS)
        set_target_properties(${target} PROPERTIES AUTOMOC ON)
    endif()
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
endfunction()

# sb_test(unit/tst_Journal LINKS sb::journal [GUI] [LABELS slow] [TIMEOUT 120]): one Qt Test program. What has the label
# "threads" is run under ThreadSanitizer as well. Libraries that were not built with it, Qt above all, are not looked
# into; reports name lines with addr2line, because LLVM's symbolizer would need all of LLVM.
find_program(SB_ADDR2LINE addr2line REQUIRED)
function(sb_test path)
    cmake_parse_arguments(ARG "GUI" "TIMEOUT" "LINKS;LABELS;SOURCES" ${ARGN})
    get_filename_component(name ${path} NAME)
    add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/${path}.cpp ${ARG_SOURCES})
    # Compiled as the libraries are (-fPIC, not -fPIE): GCC refuses a precompiled header made with other settings.
    set_target_properties(${name} PROPERTIES AUTOMOC ON RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
        POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
    target_link_libraries(${name} PRIVATE sb_compiler Qt6::Test ${ARG_LINKS})
    target_compile_definitions(${name} PRIVATE SB_SOURCE_DIR="${CMAKE_SOURCE_DIR}" SB_BIN_DIR="${CMAKE_BINARY_DIR}/bin"
        SB_TEST_BIN_DIR="${CMAKE_BINARY_DIR}/tests")
    if(ARG_GUI)
        target_link_libraries(${name} PRIVATE Qt6::Widgets)
        target_precompile_headers(${name} REUSE_FROM sb_pch_ui)
    else()
        target_precompile_headers(${name} REUSE_FROM sb_pch_core)
    endif()
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    if(SB_SANITIZE)
        math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 3")
    endif()
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
        ENVIRONMENT "QT_QPA_PLATFORM=offscreen;LC_ALL=C.UTF-8;QT_LOGGING_RULES=qt.qpa.*=false;ASAN_OPTIONS=detect_leaks=1;LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/lsan.supp;TSAN_OPTIONS=ignore_noninstrumented_modules=1:external_symbolizer_path=${SB_ADDR2LINE};UBSAN_OPTIONS=print_stacktrace=1")
endfunction()
