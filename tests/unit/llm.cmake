sb_test(unit/tst_LlmHttp LINKS sb_test_support sb::llm Qt6::Network)
sb_test(unit/tst_LlmErrors LINKS sb_test_support sb::llm Qt6::Network)
