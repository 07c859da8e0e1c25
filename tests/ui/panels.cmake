sb_test(ui/tst_Models GUI LINKS sb::ui_models)
