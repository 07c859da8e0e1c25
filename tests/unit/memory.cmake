sb_test(unit/tst_Memories LINKS sb::memory LABELS threads)
