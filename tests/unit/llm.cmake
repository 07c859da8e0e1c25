sb_test(unit/tst_LlmHttp LINKS sb::llm sb_test_support)
