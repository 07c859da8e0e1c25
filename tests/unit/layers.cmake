# Who may use whom is a test like any other; the second one proves that the first can fail.
find_program(SB_PYTHON python3 REQUIRED)
add_test(NAME check_layers COMMAND ${SB_PYTHON} ${CMAKE_SOURCE_DIR}/packaging/check-layers)
add_test(NAME check_layers_self_test COMMAND ${SB_PYTHON} ${CMAKE_SOURCE_DIR}/packaging/check-layers --self-test)
