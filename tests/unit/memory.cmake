sb_test(unit/tst_Memories LINKS sb::memory LABELS threads)
sb_test(unit/tst_MemoryUpkeep LINKS sb::memory)
sb_test(unit/tst_MemoryBulletin LINKS sb::memory)
sb_test(unit/tst_MemoryExport LINKS sb::memory)
