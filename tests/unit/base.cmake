sb_test(unit/tst_Executor LINKS sb::base LABELS threads)
sb_test(unit/tst_Hub LINKS sb::runtime LABELS threads)

# Whether ThreadSanitizer would find a race of ours at all.
if("thread" IN_LIST SB_SANITIZE)
    sb_test(unit/tst_ThreadSanitizer LINKS sb::base LABELS threads)
endif()
