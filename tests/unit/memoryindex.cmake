sb_test(unit/tst_HashedEmbedder LINKS sb::memory)
sb_test(unit/tst_MemoryIndex LINKS sb::memory LABELS threads TIMEOUT 240)
sb_test(unit/tst_Recall LINKS sb::memory LABELS threads)

# The process that tst_MemoryIndex kills.
add_executable(memory_child ${CMAKE_CURRENT_SOURCE_DIR}/unit/memory_child.cpp)
target_link_libraries(memory_child PRIVATE sb_compiler sb::memory)
set_target_properties(memory_child PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_dependencies(tst_MemoryIndex memory_child)
sb_test(unit/tst_Embeddings LINKS sb::llm Qt6::Network LABELS threads)
sb_test(unit/tst_OnnxEmbedder LINKS sb::memory)
