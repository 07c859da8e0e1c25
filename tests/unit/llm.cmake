foreach(part Parts Http Errors Reliable)
    sb_test(unit/tst_Llm${part} LINKS sb_test_support sb::llm Qt6::Network LABELS threads)
endforeach()
add_dependencies(tst_LlmHttp scripted-model)
