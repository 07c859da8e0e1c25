sb_test(unit/tst_Chunks LINKS sb::memory)
sb_test(unit/tst_Ingest LINKS sb::memory)
